import MinkeCore

/// Numbers byte strings of at most ``WordScanner/longest`` bytes in the order in which they are first seen.
///
/// Strings lie in memory whose bytes up to the next multiple of 8 after them may be read and are 0.
struct WordTable: Sendable {
  private(set) var count = 0
  private var slots: [UInt32]
  private var hashes: [UInt32] = []
  private var starts: [Int] = []
  private var lengths: [UInt8] = []
  /// The strings, each from a multiple of 8 on.
  private var letters: [UInt64] = []

  init() { slots = [UInt32](repeating: 0, count: 1 << 12) }

  /// A hash of the string, read eight bytes at a time.
  @inline(__always)
  static func hash(_ string: UnsafePointer<UInt8>, count: Int) -> UInt32 {
    var hash = UInt64(truncatingIfNeeded: count)
    for start in stride(from: 0, to: count, by: 8) {
      let word = UnsafeRawPointer(string + start).loadUnaligned(as: UInt64.self)
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
    }
    return UInt32(truncatingIfNeeded: hash &* 0xbf58_476d_1ce4_e5b9 >> 32)
  }

  /// The number of the string; a new one if it is not known.
  @inline(__always)
  mutating func number(of string: UnsafePointer<UInt8>, count length: Int, hash: UInt32) -> (number: Int, isNew: Bool) {
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if hashes[number] == hash, Int(lengths[number]) == length, equals(string, number) { return (number, false) }
      slot = (slot + 1) & mask
    }
    insert(string, length, hash, slot)
    return (count - 1, true)
  }

  @inline(__always)
  private func equals(_ string: UnsafePointer<UInt8>, _ number: Int) -> Bool {
    let start = starts[number]
    for word in 0..<(Int(lengths[number]) + 7) / 8
    where UnsafeRawPointer(string + 8 * word).loadUnaligned(as: UInt64.self) != letters[start + word] { return false }
    return true
  }

  @inline(never)
  private mutating func insert(_ string: UnsafePointer<UInt8>, _ length: Int, _ hash: UInt32, _ slot: Int) {
    slots[slot] = UInt32(count + 1)
    hashes.append(hash)
    starts.append(letters.count)
    lengths.append(UInt8(length))
    for start in stride(from: 0, to: length, by: 8) {
      letters.append(UnsafeRawPointer(string + start).loadUnaligned(as: UInt64.self))
    }
    count += 1
    guard 2 * count > slots.count else { return }
    slots = [UInt32](repeating: 0, count: 2 * slots.count)
    for number in 0..<count {
      var slot = Int(hashes[number]) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number + 1)
    }
  }

  /// Calls `body` with the bytes of a string, behind which there are zeros up to a multiple of 8.
  func withString<Result>(_ number: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
    let start = starts[number]
    return try letters[start...].withUnsafeBytes { bytes in
      try body(UnsafeBufferPointer(rebasing: bytes.assumingMemoryBound(to: UInt8.self)[..<Int(lengths[number])]))
    }
  }

  /// The numbers of all strings in ascending order of their bytes.
  func sorted() -> [Int] {
    struct Key {
      var prefix: UInt64
      var number: Int
    }
    var keys = (0..<count).map {
      Key(prefix: starts[$0] < letters.count ? UInt64(bigEndian: letters[starts[$0]]) : 0, number: $0)
    }
    keys.sort { a, b in
      if a.prefix != b.prefix { return a.prefix < b.prefix }
      return withString(a.number) { first in withString(b.number) { precedes(first, $0) } }
    }
    return keys.map(\.number)
  }
}
