/// The words of a query that stand out in the passages found: all but the most common words of English.
package struct QueryWords: Sendable {
  /// The words, in small letters.
  package let words: Set<String>

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
    var rest = text[...]
    while let start = rest.firstIndex(where: { $0.isLetter || $0.isNumber }) {
      let word = rest[start...].prefix { $0.isLetter || $0.isNumber }
      let lower = word.lowercased()
      if words.contains(lower) {
        body(start..<word.endIndex, lower)
      } else if lower.hasSuffix("s"), case let single = String(lower.dropLast()), words.contains(single) {
        body(start..<word.endIndex, single)
      }
      rest = rest[word.endIndex...]
    }
  }
}
