import MinkeCore

@testable import MinkeSearch

/// Ranking by words as one would write it down: every passage scored for every query, then a sort.
struct PlainWords {
  let analyzer: WordAnalyzer
  let bm25: BM25
  var passages: [Int64: Passage] = [:]

  struct Passage {
    let words: [WordAnalyzer.Word]
    /// How often each word is there.
    let counts: [[UInt8]: Int]
  }

  mutating func add(_ texts: [String], ids: [Int64]) {
    for (id, text) in zip(ids, texts) {
      let words = analyzer.words(of: text)
      var counts: [[UInt8]: Int] = [:]
      for word in words { counts[word.bytes, default: 0] += 1 }
      passages[id] = Passage(words: words, counts: counts)
    }
  }

  /// The passages with any of the query's words that meet its phrases, best first.
  func ranked(_ query: WordQuery, among allowed: (Int64) -> Bool = { _ in true }) -> [(id: Int64, score: Double)] {
    let count = Double(passages.count)
    let mean = passages.values.reduce(0.0) { $0 + Double($1.words.count) } / max(1, count)
    let words = (query.words + query.phrases).flatMap { analyzer.words(of: $0).map(\.bytes) }
    var weights: [[UInt8]: Double] = [:]
    for word in Set(words) {
      let having = Double(passages.values.count { $0.counts[word] != nil })
      if having > 0 { weights[word] = idf(having, count) }
    }
    var scored: [(id: Int64, score: Double)] = []
    for (id, passage) in passages where allowed(id) && meets(query, passage) {
      var score = 0.0
      for word in words {
        guard let weight = weights[word], let count = passage.counts[word] else { continue }
        let frequency = Double(count)
        let norm = bm25.k1 * (1 - bm25.b + bm25.b * Double(passage.words.count) / mean)
        score += weight * frequency / (frequency + norm)
      }
      if score > 0 { scored.append((id, score)) }
    }
    return scored.sorted { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }
  }

  private func idf(_ having: Double, _ count: Double) -> Double { bm25.inverseFrequency(Int(having), of: Int(count)) }

  func meets(_ query: WordQuery, _ passage: Passage) -> Bool {
    query.phrases.allSatisfy { has($0, passage.words) ?? true }
      && !query.excluded.contains { has($0, passage.words) ?? false }
  }

  /// Whether the words of the phrase stand one after the other; nil for a phrase without words.
  private func has(_ phrase: String, _ passage: [WordAnalyzer.Word]) -> Bool? {
    let wanted = analyzer.words(of: phrase).filter { !$0.isExtra }.map(\.bytes)
    if wanted.isEmpty { return nil }
    let there = Set(passage.map { Placed(bytes: $0.bytes, position: $0.position) })
    return passage.contains { start in
      wanted.indices.allSatisfy { there.contains(Placed(bytes: wanted[$0], position: start.position + $0)) }
    }
  }

  private struct Placed: Hashable {
    let bytes: [UInt8]
    let position: Int
  }
}

/// Whether `found` are the first `k` of `ranked`: scores within rounding of the true ones, and where true scores are that
/// close together, any order of them; equal scores in the order of ids.
func agree(_ found: [Match], _ ranked: [(id: Int64, score: Double)], k: Int) -> Bool {
  guard found.count == min(k, ranked.count) else { return false }
  let truth = Dictionary(uniqueKeysWithValues: ranked.map { ($0.id, $0.score) })
  for (match, expected) in zip(found, ranked) {
    let tolerance = 2e-6 * max(1, expected.score)
    guard let own = truth[match.id], abs(Double(match.score) - own) <= tolerance, abs(own - expected.score) <= tolerance
    else { return false }
  }
  return zip(found, found.dropFirst()).allSatisfy { $0.score > $1.score || ($0.score == $1.score && $0.id < $1.id) }
    && Set(found.map(\.id)).count == found.count
}

extension SeededRandom {
  /// A text of words of which some are much more frequent than others.
  mutating func text(_ words: Range<Int>, of vocabulary: Int) -> String {
    (0..<Int.random(in: words, using: &self)).map { _ in word(of: vocabulary) }.joined(separator: " ")
  }

  mutating func word(of vocabulary: Int) -> String {
    // About as often as one over its number.
    let exponent = Double(next() >> 11) * 0x1p-53
    return "w\(Int(Double.exponent(Double(vocabulary), exponent)))"
  }
}

extension Double {
  /// base^power by repeated roots, for 0 <= power < 1.
  fileprivate static func exponent(_ base: Double, _ power: Double) -> Double {
    var (result, root, rest) = (1.0, base, power)
    for _ in 0..<24 {
      root = root.squareRoot()
      rest *= 2
      if rest >= 1 {
        result *= root
        rest -= 1
      }
    }
    return result
  }
}
