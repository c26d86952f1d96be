/// How text becomes the words of an index: what it writes the same and finds together.
///
/// * A word is a run of letters, digits and their marks, by the tables of Unicode 18. Capitals become small letters,
///   compatibility forms plain ones, and accents are left out: "Café" is "cafe", "ﬁ" is "fi".
/// * With `stems`, words of ASCII become their English stems by Porter: "whales" and "whaling" are "whale" and "whale". The
///   's of "whale's" is left out. Elsewhere an apostrophe separates words.
/// * Names of programs are found whole and by part: `maxItemCount`, `max_item_count` and `MaxItemCount` are the one word
///   "maxitemcount" and the words "max", "item", "count". So are numbers: "3.14" also is "3" and "14", and "1,000" is
///   "1000". The whole counts as a word beside its parts, at the place of the first.
/// * In scripts that are written without spaces (Han, Kana, Bopomofo, Thai, Lao, Khmer, Myanmar) every letter with its
///   marks is a word, and every two that stand together are one more.
/// * Of a word the first 64 bytes count, and letters that run on for more than 256 are cut.
///
/// Words are never left out for being frequent.
public struct WordAnalyzer: Sendable, Hashable {
  /// Whether words become their English stems.
  public let stems: Bool

  /// An analyzer, for English unless `stems` is false.
  public init(stems: Bool = true) { self.stems = stems }

  /// A word of a text.
  package struct Word: Sendable, Hashable {
    /// The word as the index holds it.
    package let bytes: [UInt8]
    /// Its place, counted in words.
    package let position: Int
    /// Whether other words at this place and after it spell the same in parts.
    package let isExtra: Bool
  }

  /// The words of a text in the order of their places.
  package func words(of text: String) -> [Word] {
    var text = text
    return text.withUTF8 { words(of: $0) }
  }

  package func words(of text: UnsafeBufferPointer<UInt8>) -> [Word] {
    struct List: WordSink {
      let stems: Bool
      var words: [Word] = []
      mutating func take(_ word: UnsafeMutablePointer<UInt8>, count: Int, position: UInt32, isExtra: Bool) {
        let count = stems ? WordAnalyzer.stem(word, count: count) : count
        let bytes = Array(UnsafeBufferPointer(start: word, count: count))
        words.append(Word(bytes: bytes, position: Int(position), isExtra: isExtra))
      }
    }
    var list = List(stems: stems)
    var scanner = WordScanner(dropsPossessives: stems)
    scanner.scan(text, into: &list)
    return list.words
  }

  /// Stems a folded word where it lies, if it is of ASCII letters and digits alone, and gives the bytes left.
  static func stem(_ word: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
    for place in 0..<count where word[place] >= 0x80 || word[place] == UInt8(ascii: ".") { return count }
    return PorterStemmer.stem(word, count: count)
  }
}
