/// A set of byte strings, each with a number, that finds the longest one at the start of other bytes.
///
/// It is a double-array trie (Aoe, 1989): the child of node `n` by byte `b` is slot `base[n] + b` if that slot's
/// `check` is `n`. A step costs two reads next to each other; memory is 12 bytes a slot, about one slot a node.
package struct ByteTrie: Sendable {
  private struct Slot: Sendable {
    /// Where the children begin.
    var base: Int32 = 0
    /// The parent; -1 while the slot is free.
    var check: Int32 = -1
    /// The number of the key that ends here; -1 where none does.
    var value: Int32 = -1
  }

  private var slots: [Slot] = [Slot](repeating: Slot(), count: 1)

  /// A trie of `keys`, of which none may be empty; of equal ones the one with the largest value counts. Values are not
  /// negative.
  package init(_ keys: some Sequence<(bytes: ArraySlice<UInt8>, value: Int32)>) {
    let sorted = Self.sorted(Array(keys))
    slots[0].check = 0
    // Every byte can lead to the slots from here on, so that none is left free for ever and looked at again and again.
    var firstFree = 256
    // Where nodes of several children look for places: what lies before is too full for most of them.
    var firstRoom = firstFree
    var pending: [(node: Int, keys: Range<Int>, depth: Int)] = [(0, 0..<sorted.count, 0)]
    var children: [(byte: Int, keys: Range<Int>)] = []
    while let (node, range, depth) = pending.popLast() {
      children.removeAll(keepingCapacity: true)
      for index in range {
        let bytes = sorted[index].bytes
        guard depth < bytes.count else {
          slots[node].value = max(slots[node].value, sorted[index].value)
          continue
        }
        let byte = Int(bytes[bytes.startIndex + depth])
        if let last = children.last, last.byte == byte {
          children[children.count - 1].keys = last.keys.lowerBound..<index + 1
        } else {
          children.append((byte, index..<index + 1))
        }
      }
      guard let first = children.first else { continue }
      let start = (children.count == 1 ? firstFree : max(firstFree, firstRoom)) - first.byte
      var base = start
      while true {
        let end = base + 256
        if end > slots.count { slots += [Slot](repeating: Slot(), count: max(end - slots.count, slots.count / 2)) }
        if children.allSatisfy({ slots[base + $0.byte].check == -1 }) { break }
        base += 1
      }
      if base - start > 32 { firstRoom = base + first.byte }
      slots[node].base = Int32(base)
      for child in children {
        slots[base + child.byte].check = Int32(node)
        pending.append((base + child.byte, child.keys, depth + 1))
      }
      while firstFree < slots.count, slots[firstFree].check != -1 { firstFree += 1 }
    }
    // Every base has 256 slots behind it, so a step never looks outside.
    let last = slots.lastIndex { $0.check != -1 } ?? 0
    slots.removeSubrange(min(slots.count, last + 257)...)
    if slots.count < last + 257 { slots += [Slot](repeating: Slot(), count: last + 257 - slots.count) }
  }

  /// The keys in the order of their bytes.
  private static func sorted(
    _ keys: [(bytes: ArraySlice<UInt8>, value: Int32)]
  ) -> [(bytes: ArraySlice<UInt8>, value: Int32)] {
    // Most differ in their first 8 bytes, which are compared as one number.
    var order = keys.enumerated().map { place, key in
      var start: UInt64 = 0
      for byte in key.bytes.prefix(8) { start = start << 8 | UInt64(byte) }
      return (start: start << UInt64(8 * max(0, 8 - key.bytes.count)), place: place)
    }
    order.sort { left, right in
      left.start == right.start
        ? keys[left.place].bytes.lexicographicallyPrecedes(keys[right.place].bytes) : left.start < right.start
    }
    return order.map { keys[$0.place] }
  }

  /// The longest key that `bytes` begins with: its length and number; length 0 when there is none.
  @inline(__always)
  package func longestPrefix(of bytes: UnsafeBufferPointer<UInt8>) -> (length: Int, value: Int32) {
    slots.withUnsafeBufferPointer { slots in
      var node = 0
      var best = (length: 0, value: Int32(-1))
      var length = 0
      for byte in bytes {
        let next = Int(slots[node].base) + Int(byte)
        guard Int(slots[next].check) == node, next != 0 else { break }
        node = next
        length += 1
        if slots[node].value >= 0 { best = (length, slots[node].value) }
      }
      return best
    }
  }

  /// The number of the key that is exactly `bytes`; nil when there is none.
  func value(of bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    let longest = longestPrefix(of: bytes)
    return longest.length == bytes.count && longest.length > 0 ? longest.value : nil
  }

  /// Calls `body` with the length and the number of each key that `bytes` begins with, the shortest first.
  @inline(__always)
  func forEachPrefix(of bytes: UnsafeBufferPointer<UInt8>, _ body: (Int, Int32) -> Void) {
    slots.withUnsafeBufferPointer { slots in
      var node = 0
      var length = 0
      for byte in bytes {
        let next = Int(slots[node].base) + Int(byte)
        guard Int(slots[next].check) == node, next != 0 else { return }
        node = next
        length += 1
        if slots[node].value >= 0 { body(length, slots[node].value) }
      }
    }
  }
}
