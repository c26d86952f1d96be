import MinkeCore
import MinkeSearch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds the words that tell some passages of a collection from the rest.
///
/// A word counts by the share of the passages that have it, times the square of the logarithm of how many times the share
/// in the whole collection that is: common words, which are only a little more frequent in some topics, then say little.
/// Words of the same stem are one, and are shown in the form that most passages have.
struct TellingWords {
  private let segments: [WordSegment]
  private let passages: Int
  private let stems: Bool

  init(_ parts: [WordPart], stems: Bool) {
    segments = parts.map(\.segment)
    passages = max(1, segments.reduce(0) { $0 + $1.count })
    self.stems = stems
  }

  /// The `count` most telling words of `texts`, the most telling first.
  func words(of texts: [String], count: Int) throws -> [String] {
    let plain = WordAnalyzer(stems: false)
    let forms = try Workers.map(count: texts.count, grain: 32) { index in
      Set(plain.words(of: texts[index]).lazy.filter { !$0.isExtra && Self.isTelling($0.bytes) }.map(\.bytes))
    }
    var known: [[UInt8]: [UInt8]] = [:]
    var shares: [[UInt8]: (passages: Int, forms: [[UInt8]: Int])] = [:]
    for forms in forms {
      var counted = Set<[UInt8]>()
      for form in forms {
        let stem = known[form] ?? stem(of: form)
        known[form] = stem
        shares[stem, default: (0, [:])].forms[form, default: 0] += 1
        if counted.insert(stem).inserted { shares[stem, default: (0, [:])].passages += 1 }
      }
    }
    var scored: [(stem: [UInt8], score: Double)] = []
    for (stem, share) in shares where share.passages > 1 || texts.count < 4 {
      let inside = Double(share.passages) / Double(texts.count)
      let everywhere = try segments.reduce(0) { try $0 + $1.documentFrequency(of: stem) }
      let outside = Double(max(everywhere, share.passages)) / Double(passages)
      guard inside > outside else { continue }
      scored.append((stem, inside * log(inside / outside) * log(inside / outside)))
    }
    scored.sort { $0.score == $1.score ? $0.stem.lexicographicallyPrecedes($1.stem) : $0.score > $1.score }
    return scored.prefix(count).map { stem, _ in
      let forms = shares[stem]?.forms ?? [:]
      let most = forms.max {
        $0.value == $1.value ? $1.key.lexicographicallyPrecedes($0.key) : $0.value < $1.value
      }
      return String(decoding: most?.key ?? stem, as: UTF8.self)
    }
  }

  /// The word as the collection's index holds it.
  private func stem(of form: [UInt8]) -> [UInt8] {
    stems ? WordAnalyzer(stems: true).words(of: String(decoding: form, as: UTF8.self)).first?.bytes ?? form : form
  }

  /// Whether a word says something by itself: not a number, nor one or two letters of an alphabet.
  private static func isTelling(_ word: [UInt8]) -> Bool {
    guard word.allSatisfy({ $0 < 0x80 }) else { return true }
    return word.count > 2 && word.contains { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
  }
}
