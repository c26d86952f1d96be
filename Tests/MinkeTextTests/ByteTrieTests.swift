import Testing

@testable import MinkeText

struct ByteTrieTests {
  private static func value(_ trie: ByteTrie, _ key: [UInt8]) -> Int32? {
    key.withUnsafeBufferPointer { trie.value(of: $0) }
  }

  @Test func `keys have their values, and of equal ones the largest counts`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<100 {
      var values: [[UInt8]: Int32] = [:]
      var keys: [(bytes: ArraySlice<UInt8>, value: Int32)] = []
      for value in 0..<Int32.random(in: 0..<300, using: &random) {
        let key = (0..<Int.random(in: 1..<12)).map { _ in UInt8.random(in: 0...(Bool.random() ? 2 : 255)) }
        values[key] = value
        keys.append((key[...], value))
      }
      let trie = ByteTrie(keys.shuffled())
      for (key, value) in values { #expect(Self.value(trie, key) == value) }
      for _ in 0..<100 {
        let key = (0..<Int.random(in: 1..<5)).map { _ in UInt8.random(in: 0...3) }
        #expect(Self.value(trie, key) == values[key])
      }
    }
  }

  @Test func `as many keys as large vocabularies have take no time that grows with their square`() {
    // It would take minutes if it did.
    let keys = (0..<60_000).map { number in
      (
        bytes: Array("\u{2581}\(String(number &* 2_654_435_761 & 0xffff_ffff, radix: 36))".utf8)[...],
        value: Int32(number)
      )
    }
    let trie = ByteTrie(keys)
    for key in keys { #expect(Self.value(trie, Array(key.bytes)) == key.value) }
  }
}
