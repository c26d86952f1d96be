import MinkeCore

/// Numbers byte strings of at most ``WordScanner/longest`` bytes in the order in which they are first seen.
///
/// Strings lie in memory whose bytes up to the next multiple of 8 after them may be read and are 0.
struct WordTable: Sendable {
  private(set) var count = 0
  /// `hash << 32 | number + 1` of a string; 0 where a slot is free.
  private var slots: [UInt64]
  private var entries: [Entry] = []
  /// The strings, each from a multiple of 8 on.
  private var letters: [UInt64] = []

  private struct Entry: Sendable {
    /// The first 8 bytes, so that short words are compared where they are found.
    let prefix: UInt64
    let start: UInt32
    let length: UInt32
  }

  init() { slots = [UInt64](repeating: 0, count: 1 << 12) }

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
      if UInt32(slots[slot] >> 32) == hash {
        let number = Int(UInt32(truncatingIfNeeded: slots[slot])) - 1
        if equals(string, length, entries[number]) { return (number, false) }
      }
      slot = (slot + 1) & mask
    }
    insert(string, length, hash, slot)
    return (count - 1, true)
  }

  @inline(__always)
  private func equals(_ string: UnsafePointer<UInt8>, _ length: Int, _ entry: Entry) -> Bool {
    guard Int(entry.length) == length, Self.word(string, 0, of: length) == entry.prefix else { return false }
    for word in 1..<max(1, (length + 7) / 8)
    where Self.word(string, word, of: length) != letters[Int(entry.start) + word] { return false }
    return true
  }

  /// Eight bytes of a string.
  @inline(__always)
  private static func word(_ string: UnsafePointer<UInt8>, _ index: Int, of length: Int) -> UInt64 {
    length == 0 ? 0 : UnsafeRawPointer(string + 8 * index).loadUnaligned(as: UInt64.self)
  }

  @inline(never)
  private mutating func insert(_ string: UnsafePointer<UInt8>, _ length: Int, _ hash: UInt32, _ slot: Int) {
    slots[slot] = UInt64(hash) << 32 | UInt64(count + 1)
    entries.append(
      Entry(prefix: Self.word(string, 0, of: length), start: UInt32(letters.count), length: UInt32(length)))
    for start in stride(from: 0, to: length, by: 8) {
      letters.append(UnsafeRawPointer(string + start).loadUnaligned(as: UInt64.self))
    }
    count += 1
    guard 2 * count > slots.count else { return }
    let before = slots
    slots = [UInt64](repeating: 0, count: 2 * before.count)
    for entry in before where entry != 0 {
      var slot = Int(entry >> 32) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = entry
    }
  }

  /// Calls `body` with the bytes of a string, behind which there are zeros up to a multiple of 8.
  func withString<Result>(_ number: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
    let entry = entries[number]
    return try letters[Int(entry.start)...].withUnsafeBytes { bytes in
      try body(UnsafeBufferPointer(rebasing: bytes.assumingMemoryBound(to: UInt8.self)[..<Int(entry.length)]))
    }
  }

  /// The numbers of all strings in ascending order of their bytes.
  func sorted() -> [Int] {
    struct Key {
      var prefix: UInt64
      var number: Int
    }
    var keys = entries.enumerated().map { Key(prefix: UInt64(bigEndian: $1.prefix), number: $0) }
    keys.sort { a, b in
      if a.prefix != b.prefix { return a.prefix < b.prefix }
      return withString(a.number) { first in withString(b.number) { precedes(first, $0) } }
    }
    return keys.map(\.number)
  }
}
