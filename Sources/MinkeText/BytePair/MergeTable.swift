import MinkeCore

/// The pairs of tokens that are merged: when each was learned, and the token that it becomes.
///
/// A flat hash table with open addressing, whose multiplier is random, so that no file can make pairs collide on purpose.
struct MergeTable: Sendable {
  struct Merge: Sendable {
    var left: TokenID
    var right: TokenID
    var result: TokenID
  }

  private struct Slot: BitwiseCopyable {
    var key = UInt64.max
    var rank: Int32 = .max
    var result: TokenID = -1
  }

  private let slots: SharedBuffer<Slot>
  private let memory: Lookup
  /// In the order in which they were learned.
  let merges: [Merge]

  /// A table of `merges` in the order in which they were learned; of equal pairs the last counts.
  init(_ merges: [Merge]) {
    var bits: UInt64 = 4
    while 1 << bits < 2 * merges.count { bits += 1 }
    let slots = AlignedBuffer<Slot>(uninitialized: 1 << Int(bits))
    slots.mutablePointer.initialize(repeating: Slot())
    memory = Lookup(
      slots: slots.baseAddress, mask: 1 << Int(bits) - 1, shift: 64 - bits,
      multiplier: UInt64.random(in: 0...UInt64.max) | 1)
    for (rank, merge) in merges.enumerated() {
      let index = memory.place(of: memory.key(merge.left, merge.right))
      slots.baseAddress[index] = Slot(
        key: memory.key(merge.left, merge.right), rank: Int32(truncatingIfNeeded: rank), result: merge.result)
    }
    self.slots = SharedBuffer(slots)
    self.merges = merges
  }

  /// The table's memory without its owner.
  // SAFETY of @unchecked: the slots are not written after the table is made.
  private struct Lookup: @unchecked Sendable {
    let slots: UnsafePointer<Slot>
    let mask: Int
    let shift: UInt64
    let multiplier: UInt64

    @inline(__always)
    func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
      UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The slot that has `key`, or the free one where it would stand.
    @inline(__always)
    func place(of key: UInt64) -> Int {
      var index = Int(truncatingIfNeeded: (key &* multiplier) >> shift)
      while slots[index].key != key, slots[index].key != .max { index = (index + 1) & mask }
      return index
    }

    @inline(__always)
    func find(_ left: TokenID, _ right: TokenID) -> (rank: Int32, result: TokenID) {
      let slot = slots[place(of: key(left, right))]
      return (slot.rank, slot.result)
    }
  }
}

extension MergeTable {
  /// Numbers that merging needs room for behind a word's symbols, those included, for each symbol.
  static let roomPerSymbol = 10

  /// Merges the pairs of a short word: looks through all of them for the next one.
  ///
  /// - Parameters:
  ///   - symbols: the word's tokens, with room behind them, see ``roomPerSymbol``; those left stand there after.
  ///   - count: how many they are.
  /// - Returns: how many are left.
  func mergeShort(_ symbols: UnsafeMutablePointer<TokenID>, _ count: Int) -> Int {
    let ranks = symbols + count
    let results = symbols + 2 * count
    var count = count
    for index in 0..<count - 1 { (ranks[index], results[index]) = memory.find(symbols[index], symbols[index + 1]) }
    while count > 1 {
      var best = 0
      for index in 1..<max(1, count - 1) where ranks[index] < ranks[best] { best = index }
      if ranks[best] == .max { break }
      symbols[best] = results[best]
      count -= 1
      for index in best + 1..<max(best + 1, count) {
        symbols[index] = symbols[index + 1]
        (ranks[index - 1], results[index - 1]) = (ranks[index], results[index])
      }
      if best > 0 { (ranks[best - 1], results[best - 1]) = memory.find(symbols[best - 1], symbols[best]) }
      if best + 1 < count { (ranks[best], results[best]) = memory.find(symbols[best], symbols[best + 1]) }
    }
    return count
  }

  /// Merges the pairs of a word of any length, in time n log n: a heap has the pairs, links lead over merged symbols.
  ///
  /// - Parameters: as for ``mergeShort(_:_:)``.
  /// - Returns: how many are left.
  func mergeLong(_ symbols: UnsafeMutablePointer<TokenID>, _ count: Int) -> Int {
    let following = symbols + count
    let preceding = symbols + 2 * count
    var heap = MergeHeap(symbols + 3 * count)
    func push(_ left: Int, _ right: Int) {
      let (rank, result) = memory.find(symbols[left], symbols[right])
      if rank != .max { heap.push(MergeHeap.Pair(rank: rank, place: Int32(truncatingIfNeeded: left), result: result)) }
    }
    for index in 0..<count {
      following[index] = Int32(truncatingIfNeeded: index + 1)
      preceding[index] = Int32(truncatingIfNeeded: index - 1)
    }
    for index in 0..<count - 1 { push(index, index + 1) }
    while let pair = heap.pop() {
      let place = Int(pair.place)
      // A symbol that was merged into the one before it, or a pair that is no longer what it was.
      guard symbols[place] >= 0 else { continue }
      let right = Int(following[place])
      guard right < count, memory.find(symbols[place], symbols[right]).result == pair.result else { continue }
      symbols[place] = pair.result
      symbols[right] = -1
      let next = Int(following[right])
      following[place] = Int32(truncatingIfNeeded: next)
      if next < count {
        preceding[next] = Int32(truncatingIfNeeded: place)
        push(place, next)
      }
      if preceding[place] >= 0 { push(Int(preceding[place]), place) }
    }
    var left = 0
    for index in 0..<count where symbols[index] >= 0 {
      symbols[left] = symbols[index]
      left += 1
    }
    return left
  }
}

/// The pairs of a word that may be merged, the first learned on top and of equal ones the leftmost.
private struct MergeHeap {
  struct Pair: BitwiseCopyable {
    var rank: Int32
    var place: Int32
    var result: TokenID

    /// Both as one number, the rank counting first.
    var order: UInt64 { UInt64(UInt32(bitPattern: rank)) << 32 | UInt64(UInt32(bitPattern: place)) }
  }

  private let pairs: UnsafeMutableRawPointer
  private var count = 0

  /// - Parameter room: for two pairs a symbol: a merge takes one away and adds two.
  init(_ room: UnsafeMutablePointer<TokenID>) { pairs = UnsafeMutableRawPointer(room) }

  @inline(__always)
  private subscript(index: Int) -> Pair {
    get { pairs.load(fromByteOffset: index * 12, as: Pair.self) }
    nonmutating set { pairs.storeBytes(of: newValue, toByteOffset: index * 12, as: Pair.self) }
  }

  mutating func push(_ pair: Pair) {
    var index = count
    count += 1
    while index > 0, pair.order < self[(index - 1) / 2].order {
      self[index] = self[(index - 1) / 2]
      index = (index - 1) / 2
    }
    self[index] = pair
  }

  mutating func pop() -> Pair? {
    guard count > 0 else { return nil }
    let top = self[0]
    count -= 1
    let last = self[count]
    var index = 0
    while 2 * index + 1 < count {
      var child = 2 * index + 1
      if child + 1 < count, self[child + 1].order < self[child].order { child += 1 }
      guard self[child].order < last.order else { break }
      self[index] = self[child]
      index = child
    }
    self[index] = last
    return top
  }
}
