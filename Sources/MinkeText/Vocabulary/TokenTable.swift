import MinkeCore

/// Finds the token whose bytes are exactly those given: a flat hash table with open addressing.
///
/// Texts of up to 8 bytes are compared within the table; longer ones by their hash first and then byte by byte.
/// A look-up takes constant time on average; the hash's multiplier is random, so that no vocabulary can be made to
/// collide on purpose.
///
/// Fenced here: every pointer given must be readable for 8 bytes past the text's end.
struct TokenTable: Sendable {
  /// The table's memory without its owners: counting references for each word would take longer than finding it, and
  /// most of all on several cores at once. It is valid as long as the table.
  let lookup: Lookup
  private let owners: (SharedBuffer<Slot>, SharedBuffer<UInt32>, SharedBuffer<UInt32>, SharedBuffer<UInt8>)

  /// A token's id and where its text stands among the texts of all.
  struct Token: Sendable {
    let id: TokenID
    let start: UInt32
    let count: UInt32

    var place: Range<Int> { Int(start)..<Int(start) + Int(count) }

    /// The token without the first `length` bytes of its text.
    func dropping(_ length: Int) -> Token {
      Token(id: id, start: start + UInt32(length), count: count - UInt32(length))
    }
  }

  fileprivate struct Slot: BitwiseCopyable {
    /// The text's bytes, or their hash where there are more than 8.
    var key: UInt64 = 0
    var id: TokenID = -1
    var length: UInt32 = 0
  }

  /// A table of `tokens`, whose texts stand in `bytes` with 8 bytes more at the end.
  ///
  /// - Throws: the error made by `duplicate` for the second of two equal texts.
  init(
    _ tokens: [Token], in bytes: SharedBuffer<UInt8>, idCount: Int, duplicate: (Token) -> MinkeError
  ) throws(MinkeError) {
    var bits: UInt64 = 4
    while 1 << bits < 2 * tokens.count { bits += 1 }
    let shift = 64 - bits
    let multiplier = UInt64.random(in: 0...UInt64.max) | 1
    let mask = 1 << Int(bits) - 1
    let slots = AlignedBuffer<Slot>(uninitialized: mask + 1)
    let slotMemory = slots.baseAddress
    slots.mutablePointer.initialize(repeating: Slot())
    let starts = AlignedBuffer<UInt32>(zeroed: idCount)
    let startMemory = starts.baseAddress
    let lengths = AlignedBuffer<UInt32>(zeroed: Self.beginnings)
    let lengthMemory = lengths.baseAddress
    var longest = 0
    guard let base = bytes.baseAddress else { preconditionFailure("a buffer without bytes") }
    for token in tokens where token.count > 0 {
      let (start, count) = (base + Int(token.start), Int(token.count))
      let key = Lookup.key(start, count, multiplier)
      var index = Int((key &* multiplier) >> shift)
      while slots.baseAddress[index].id >= 0 {
        let slot = slots.baseAddress[index]
        if slot.key == key, slot.length == count,
          Lookup.equal(base + Int(starts.baseAddress[Int(slot.id)]), start, count)
        {
          throw duplicate(token)
        }
        index = (index + 1) & mask
      }
      slots.baseAddress[index] = Slot(key: key, id: token.id, length: token.count)
      starts.baseAddress[Int(token.id)] = token.start
      lengths.baseAddress[Lookup.beginning(start)] |= 1 << UInt32(min(count, 32) - 1)
      longest = max(longest, count)
    }
    owners = (SharedBuffer(slots), SharedBuffer(starts), SharedBuffer(lengths), bytes)
    lookup = Lookup(
      slots: slotMemory, mask: mask, shift: shift, multiplier: multiplier, bytes: base, starts: startMemory,
      lengths: lengthMemory, longest: longest)
  }

  static let beginnings = 4096
}

extension TokenTable {
  /// Finds tokens in the memory of a table that someone else keeps alive.
  // SAFETY of @unchecked: what the pointers lead to is never written after the table is made.
  struct Lookup: @unchecked Sendable {
    fileprivate let slots: UnsafePointer<Slot>
    fileprivate let mask: Int
    fileprivate let shift: UInt64
    fileprivate let multiplier: UInt64
    /// The texts, with 8 bytes more at the end.
    fileprivate let bytes: UnsafePointer<UInt8>
    /// Where each token's text starts in `bytes`, by id.
    fileprivate let starts: UnsafePointer<UInt32>
    /// The lengths of the tokens that begin with the same two bytes: bit 0 is length 1, bit 31 is 32 and more.
    fileprivate let lengths: UnsafePointer<UInt32>
    fileprivate let longest: Int
  }
}

extension TokenTable.Lookup {
  /// The token that is exactly the `count` bytes at `text`.
  @inline(__always)
  func find(_ text: UnsafePointer<UInt8>, _ count: Int) -> TokenID? {
    count == 0 ? nil : find(key: Self.key(text, count, multiplier), text, count)
  }

  /// The token that is exactly the `count` bytes of `word`, 1 to 8, lowest byte first and zero above.
  @inline(__always)
  func find(word: UInt64, _ count: Int) -> TokenID? {
    var index = Int(truncatingIfNeeded: (word &* multiplier) >> shift)
    while true {
      let slot = slots[index]
      if slot.key == word, slot.length == UInt32(truncatingIfNeeded: count) { return slot.id }
      if slot.id < 0 { return nil }
      index = (index + 1) & mask
    }
  }

  /// The longest token that the `count` bytes at `text` begin with.
  func longestPrefix(_ text: UnsafePointer<UInt8>, _ count: Int) -> (id: TokenID, length: Int)? {
    guard count > 0 else { return nil }
    var possible = lengths[Self.beginning(text)]
    if count < 32 { possible &= 1 << UInt32(count) - 1 }
    if possible >> 31 != 0 {
      if let long = longestLongPrefix(text, min(count, longest)) { return long }
      possible &= ~(1 << 31)
    }
    while possible != 0 {
      let length = 32 - possible.leadingZeroBitCount
      if let id = find(text, length) { return (id, length) }
      possible &= ~(1 << UInt32(length - 1))
    }
    if let id = find(text, 1) { return (id, 1) }
    return nil
  }

  /// The longest token of 32 bytes or more that `text` begins with, among those of at most `count` bytes.
  ///
  /// The hash of each length begins with that of the whole words before its end, so that all lengths together take
  /// time linear in `count`.
  private func longestLongPrefix(_ text: UnsafePointer<UInt8>, _ count: Int) -> (id: TokenID, length: Int)? {
    guard count >= 32 else { return nil }
    var best: (id: TokenID, length: Int)?
    var hash: UInt64 = 0
    for index in stride(from: 0, to: count, by: 8) {
      let word = Self.load(text + index)
      for bytes in max(1, 32 - index)...max(8, 32 - index) where bytes <= min(8, count - index) {
        let key = Self.mixed(hash, word & (UInt64.max >> UInt64(64 - 8 * bytes)), multiplier)
        if let id = find(key: key, text, index + bytes) { best = (id, index + bytes) }
      }
      hash = Self.mixed(hash, word, multiplier)
    }
    return best
  }

  @inline(__always)
  private static func mixed(_ hash: UInt64, _ word: UInt64, _ multiplier: UInt64) -> UInt64 {
    let hash = (hash ^ word) &* multiplier
    return hash ^ hash >> 32
  }

  @inline(__always)
  private func find(key: UInt64, _ text: UnsafePointer<UInt8>, _ count: Int) -> TokenID? {
    guard count > 8 else { return find(word: key, count) }
    var index = Int(truncatingIfNeeded: (key &* multiplier) >> shift)
    while true {
      let slot = slots[index]
      if slot.key == key, slot.length == UInt32(truncatingIfNeeded: count),
        Self.equal(bytes + Int(starts[Int(slot.id)]), text, count)
      {
        return slot.id
      }
      if slot.id < 0 { return nil }
      index = (index + 1) & mask
    }
  }

  /// The place in `lengths` of texts that begin with the two bytes at `text`.
  @inline(__always)
  fileprivate static func beginning(_ text: UnsafePointer<UInt8>) -> Int {
    (Int(text[0]) * 16 ^ Int(text[1])) & (TokenTable.beginnings - 1)
  }

  @inline(__always)
  private static func load(_ text: UnsafePointer<UInt8>) -> UInt64 {
    UInt64(littleEndian: UnsafeRawPointer(text).loadUnaligned(as: UInt64.self))
  }

  @inline(__always)
  fileprivate static func key(_ text: UnsafePointer<UInt8>, _ count: Int, _ multiplier: UInt64) -> UInt64 {
    if count <= 8 { return load(text) & (UInt64.max >> UInt64(64 - 8 * count)) }
    var hash: UInt64 = 0
    var index = 0
    while index < count {
      var word = load(text + index)
      if count - index < 8 { word &= UInt64.max >> UInt64(64 - 8 * (count - index)) }
      hash = mixed(hash, word, multiplier)
      index += 8
    }
    return hash
  }

  @inline(__always)
  fileprivate static func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var index = 0
    while index < count {
      var difference = load(left + index) ^ load(right + index)
      if count - index < 8 { difference &= UInt64.max >> UInt64(64 - 8 * (count - index)) }
      if difference != 0 { return false }
      index += 8
    }
    return true
  }
}
