import MinkeCore

/// What a query asks for, with all that its search needs of the segments in memory.
struct WordPlan: Sendable {
  /// A word of the query.
  struct Term: Sendable {
    /// What it counts at most, in the units of the sums.
    let weight: Float
    /// Its postings in each segment; nil where a segment does not have it.
    let postings: [PostingList?]
  }

  let terms: [Term]
  /// How many units of the sums make a score of 1, a power of two.
  let units: Double
  let phrases: [ResolvedPhrase]
  let statistics: WordSearch.Core.Statistics
}

extension WordSearch.Core {
  /// Reads what the search for `query` needs.
  func plan(_ query: WordQuery) throws -> WordPlan {
    // Each different word once, in the order in which they come, and how often.
    var counts: [[UInt8]: Int] = [:]
    var words: [[UInt8]] = []
    for text in query.words + query.phrases {
      for word in analyzer.words(of: text) {
        if counts.updateValue(counts[word.bytes, default: 0] + 1, forKey: word.bytes) == nil {
          words.append(word.bytes)
        }
      }
    }
    var weights: [Double] = []
    var postings: [[PostingList?]] = []
    for word in words {
      var frequency = 0
      let lists = try segments.indices.map { index -> PostingList? in
        guard let entry = try segments[index].segment.entry(of: word) else { return nil }
        let living = try self.frequency(of: word, entry, segment: index)
        frequency += living
        return living > 0 ? try segments[index].segment.postings(entry) : nil
      }
      guard frequency > 0 else { continue }
      weights.append(Double(counts[word] ?? 1) * bm25.inverseFrequency(frequency, of: count))
      postings.append(lists)
    }
    // Sums stay below 2^30 by more than their words.
    let units = Self.units(largestSum: weights.reduce(0, +))
    return WordPlan(
      terms: zip(weights, postings).map { WordPlan.Term(weight: Float($0 * units), postings: $1) }, units: units,
      phrases: try phrases(query), statistics: try readStatistics())
  }

  /// The greatest power of two by which a sum may be multiplied to stay at 2^29 at most.
  private static func units(largestSum sum: Double) -> Double {
    guard sum > 0, sum.isFinite else { return 1 }
    return Double(sign: .plus, exponent: 28 - sum.exponent, significand: 1)
  }
}

extension WordPlan {
  /// Finds the `k` best passages among those that all of `masks` hold.
  func search(_ core: WordSearch.Core, k: Int, masks: PassageMasks?) throws -> [Match] {
    guard !terms.isEmpty else { return [] }
    var all = masks.map { [$0] } ?? []
    if !phrases.isEmpty { all.append(try PassageMasks(phrases, core.segments.map(\.segment))) }
    let living = PassageMasks.living(core.segments, among: all)
    let scorer = try WindowScorer(self, core.segments.map(\.segment), living: living, k: k)
    return try scorer.run().map { Match(id: $0.id, score: Float(Double($0.score) / units)) }
  }
}
