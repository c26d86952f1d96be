/// The words of a query that stand out in the passages found: all but the most common words of English.
package struct QueryWords: Sendable {
  /// The words, in small letters.
  package let words: Set<String>
  /// Bytes of the longest.
  private let longest: Int

  private static let common: Set<String> = [
    "a", "about", "an", "and", "are", "as", "at", "be", "but", "by", "can", "did", "do", "does", "for", "from", "had",
    "has", "have", "he", "her", "his", "how", "i", "in", "is", "it", "its", "me", "my", "of", "on", "or", "our", "she",
    "that", "the", "their", "they", "this", "to", "was", "we", "were", "what", "when", "where", "which", "who", "why",
    "will", "with", "you", "your",
  ]

  package init(_ query: String) {
    let all = Set(query.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
    let telling = all.subtracting(Self.common)
    words = telling.isEmpty ? all : telling
    longest = words.reduce(0) { max($0, $1.utf8.count) }
  }

  /// Where in `text` the words stand, also with a plural s.
  package func ranges(in text: String) -> [Range<String.Index>] {
    var ranges: [Range<String.Index>] = []
    forEachWord(of: text) { range, _ in ranges.append(range) }
    return ranges
  }

  /// How many of the words stand in `text`.
  package func count(in text: String) -> Int {
    var found = Set<String>()
    forEachWord(of: text) { found.insert($1) }
    return found.count
  }

  private func forEachWord(of text: String, _ body: (Range<String.Index>, String) -> Void) {
    if forEachPlainWord(of: text, body) { return }
    var rest = text[...]
    while let start = rest.firstIndex(where: { $0.isLetter || $0.isNumber }) {
      let word = rest[start...].prefix { $0.isLetter || $0.isNumber }
      if let found = known(word.lowercased()) { body(start..<word.endIndex, found) }
      rest = rest[word.endIndex...]
    }
  }

  /// The same for text of ASCII, byte by byte; false for other text.
  private func forEachPlainWord(of text: String, _ body: (Range<String.Index>, String) -> Void) -> Bool {
    func isPart(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    func index(_ place: Int) -> String.Index { text.utf8.index(text.utf8.startIndex, offsetBy: place) }
    let isPlain = text.utf8.withContiguousStorageIfAvailable { bytes in
      guard bytes.allSatisfy({ $0 < 0x80 }) else { return false }
      var place = 0
      while place < bytes.count {
        let start = place
        while place < bytes.count, isPart(bytes[place]) { place += 1 }
        // One byte more for a plural.
        if place > start, place - start <= longest + 1 {
          // Of letters and digits, only capitals are without this bit.
          let word = String(decoding: bytes[start..<place].lazy.map { $0 | 0x20 }, as: UTF8.self)
          if let found = known(word) { body(index(start)..<index(place), found) }
        }
        if place == start { place += 1 }
      }
      return true
    }
    return isPlain ?? false
  }

  /// The word of the query that `word`, in small letters, is, perhaps with a plural s.
  private func known(_ word: String) -> String? {
    if words.contains(word) { return word }
    guard word.hasSuffix("s") else { return nil }
    let single = String(word.dropLast())
    return words.contains(single) ? single : nil
  }
}
