import MinkeCore

/// How often each word occurs in texts, by its bytes.
///
/// A word is a run of letters, of digits or of other signs, with the blank or the apostrophe before it, or a run of white
/// space. Bytes above ASCII count as letters.
struct WordCounts: Sendable {
  /// The bytes of all different words, one after the other.
  private(set) var bytes: [UInt8] = []
  /// For each different word where it begins in ``bytes``, its length and how often it occurs.
  private(set) var words: [(start: Int, length: Int, count: Int)] = []
  /// Open addressing: the number of a word and 1, or 0 where a place is free.
  private var places = [UInt32](repeating: 0, count: 1 << 12)
  private var hashes: [UInt64] = []

  /// A longer run is several words.
  static let longestWord = 64

  init() {}

  /// The bytes of the word `index`.
  subscript(index: Int) -> ArraySlice<UInt8> { bytes[words[index].start..<words[index].start + words[index].length] }

  /// Counts the words of `text`.
  mutating func add(_ text: UnsafeBufferPointer<UInt8>) {
    var position = 0
    while position < text.count {
      let end = Self.endOfWord(text, from: position)
      add(UnsafeBufferPointer(rebasing: text[position..<end]), count: 1)
      position = end
    }
  }

  /// Counts what `other` has counted.
  mutating func add(_ other: WordCounts) {
    other.bytes.withUnsafeBufferPointer { bytes in
      for word in other.words {
        add(UnsafeBufferPointer(rebasing: bytes[word.start..<word.start + word.length]), count: word.count)
      }
    }
  }

  private mutating func add(_ word: UnsafeBufferPointer<UInt8>, count: Int) {
    // FNV-1a, its upper half folded into the lower, which chooses the place.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in word { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash ^= hash >> 32
    let mask = places.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while places[place] != 0 {
      let index = Int(places[place]) - 1
      if hashes[index] == hash, words[index].length == word.count, self[index].elementsEqual(word) {
        words[index].count += count
        return
      }
      place = (place + 1) & mask
    }
    places[place] = UInt32(words.count + 1)
    words.append((bytes.count, word.count, count))
    hashes.append(hash)
    bytes.append(contentsOf: word)
    if words.count * 2 > places.count { grow() }
  }

  private mutating func grow() {
    let mask = places.count * 2 - 1
    places = [UInt32](repeating: 0, count: places.count * 2)
    for (index, hash) in hashes.enumerated() {
      var place = Int(truncatingIfNeeded: hash) & mask
      while places[place] != 0 { place = (place + 1) & mask }
      places[place] = UInt32(index + 1)
    }
  }

  // MARK: Words

  private enum Sign { case letter, digit, space, other }

  private static func sign(_ byte: UInt8) -> Sign {
    switch byte {
    case 0x61...0x7a, 0x41...0x5a, 0x80...0xff: .letter
    case 0x30...0x39: .digit
    case 0...0x20: .space
    default: .other
    }
  }

  /// Where the word that begins at `start` ends.
  private static func endOfWord(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var position = start
    if start + 1 < text.count {
      let next = sign(text[start + 1])
      if text[start] == 0x20 && next != .space || text[start] == 0x27 && next == .letter { position += 1 }
    }
    let kind = sign(text[position])
    let limit = min(text.count, start + longestWord)
    while position < limit, sign(text[position]) == kind { position += 1 }
    // The last blank belongs to the word behind it.
    if kind == .space, position < text.count, position - start > 1, text[position - 1] == 0x20,
      sign(text[position]) != .space
    {
      position -= 1
    }
    return position
  }
}
