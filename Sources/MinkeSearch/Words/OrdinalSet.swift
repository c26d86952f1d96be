/// A set of the passages of a segment by their ordinals, a bit for each up to the largest.
package struct OrdinalSet: Sendable, Equatable {
  /// Bit `o % 64` of word `o / 64` stands for ordinal o. The last word is not 0.
  private(set) var words: [UInt64]
  /// Ordinals in the set.
  package private(set) var count: Int

  package init() { (words, count) = ([], 0) }

  /// The set of the ordinals that are set in `bits`, 64 a word.
  init(bits: some Sequence<UInt64>) {
    words = Array(bits)
    while words.last == 0 { words.removeLast() }
    count = words.reduce(0) { $0 + $1.nonzeroBitCount }
  }

  package var isEmpty: Bool { count == 0 }

  /// The largest ordinal.
  package var last: Int? { words.last.map { words.count * 64 - 1 - $0.leadingZeroBitCount } }

  package func contains(_ ordinal: Int) -> Bool {
    ordinal >= 0 && ordinal / 64 < words.count && words[ordinal / 64] >> UInt64(ordinal % 64) & 1 == 1
  }

  /// Adds `ordinal`, 0 or more; whether it is new.
  @discardableResult
  package mutating func insert(_ ordinal: Int) -> Bool {
    guard !contains(ordinal) else { return false }
    if ordinal / 64 >= words.count { words += repeatElement(0, count: ordinal / 64 + 1 - words.count) }
    words[ordinal / 64] |= 1 << UInt64(ordinal % 64)
    count += 1
    return true
  }

  /// Adds all ordinals of `other`.
  package mutating func formUnion(_ other: OrdinalSet) {
    if other.words.count > words.count { words += repeatElement(0, count: other.words.count - words.count) }
    for (index, word) in other.words.enumerated() { words[index] |= word }
    count = words.reduce(0) { $0 + $1.nonzeroBitCount }
  }

  /// Calls `body` with each ordinal in ascending order.
  package func forEach(_ body: (Int) throws -> Void) rethrows {
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        try body(index * 64 + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
  }

  // MARK: Bytes

  /// The set in few bytes: the gaps between ordinals, or a bit for each, whichever is shorter.
  package var bytes: [UInt8] {
    var gaps: [UInt8] = [0]
    var next = 0
    forEach { ordinal in
      if gaps.count <= words.count * 8 { gaps.append(varint: UInt64(ordinal - next)) }
      next = ordinal + 1
    }
    if gaps.count <= words.count * 8 || words.isEmpty { return gaps }
    return [1] + words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
  }

  /// The set that ``bytes`` gave; nil for other bytes, and when an ordinal is not below `limit`.
  package init?(bytes: some Collection<UInt8>, below limit: Int = 1 << 31) {
    self.init()
    guard let form = bytes.first else { return nil }
    let rest = Array(bytes.dropFirst())
    switch form {
    case 0:
      var place = 0
      var next = 0
      while place < rest.count {
        guard let gap = rest.varint(at: &place), gap < UInt64(limit), next + Int(gap) < limit else { return nil }
        insert(next + Int(gap))
        next += Int(gap) + 1
      }
    case 1:
      guard rest.count.isMultiple(of: 8) else { return nil }
      self.init(
        bits: stride(from: 0, to: rest.count, by: 8).map { start in
          (0..<8).reduce(UInt64(0)) { $0 | UInt64(rest[start + $1]) << UInt64($1 * 8) }
        })
      guard (last ?? -1) < limit else { return nil }
    default: return nil
    }
  }
}

extension [UInt8] {
  /// Appends a number seven bits a byte, the lowest first; all but the last byte have their high bit set.
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// The number that ``append(varint:)`` put at `place`, which moves behind it; nil where there is none.
  func varint(at place: inout Int) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard place < count else { return nil }
      let byte = self[place]
      place += 1
      if shift == 63, byte > 1 { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}
