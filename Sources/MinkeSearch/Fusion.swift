import MinkeCore

/// How the scores of a search by meaning and of one by words become one.
///
/// Each list is scaled to 0...1 over its first ``depth`` matches, and the weighted sum ranks; what a list does not name
/// counts 0 there. Scores say more than ranks do: over six collections this was better than reciprocal ranks on five
/// (Bruch, Gai and Ingber 2022, "An Analysis of Fusion Functions for Hybrid Retrieval", find the same).
public struct Fusion: Sendable, Hashable {
  /// The weight of the meaning; the best lies flat around 0.4.
  public var meaning: Float
  /// The weight of the words.
  public var words: Float
  /// Matches of each list that count.
  public var depth: Int

  /// - Throws: `MinkeError` of kind `invalidArgument` when a weight is negative or not finite, both are 0, or `depth` is
  ///   below 1.
  public init(meaning: Float = 0.4, words: Float = 0.6, depth: Int = 1000) throws(MinkeError) {
    guard meaning >= 0, words >= 0, (meaning + words).isFinite, meaning + words > 0 else {
      throw MinkeError(
        .invalidArgument, "weights", expected: "two numbers of at least 0, not both 0", found: "\(meaning) and \(words)"
      )
    }
    guard depth > 0 else { throw MinkeError(.invalidArgument, "depth", expected: "1 or more", found: "\(depth)") }
    (self.meaning, self.words, self.depth) = (meaning, words, depth)
  }

  /// The measured best: 0.4 meaning, 0.6 words, over the first 1000.
  public static let standard = Fusion()

  private init() { (meaning, words, depth) = (0.4, 0.6, 1000) }

  /// All that either list names, the best first; of equal ones that with the lower id.
  ///
  /// - Parameters:
  ///   - meaning: similarities, larger being closer, best first.
  ///   - words: BM25 scores, best first. Where they are fewer than ``depth``, all else has a score of 0.
  ///   - wholeCount: how many could have been named.
  public func combine(meaning: [Match], words: [Match], of wholeCount: Int) -> [Match] {
    let meaning = meaning.prefix(depth)
    let words = words.prefix(depth)
    var sums = [Int64: Float](minimumCapacity: meaning.count + words.count)
    add(meaning, weight: self.meaning, least: meaning.last?.score ?? 0, to: &sums)
    let isCut = words.count >= min(depth, wholeCount)
    add(words, weight: self.words, least: isCut ? words.last?.score ?? 0 : 0, to: &sums)
    return sums.map { Match(id: $0.key, score: $0.value) }
      .sorted { $0.score > $1.score || ($0.score == $1.score && $0.id < $1.id) }
  }

  private func add(_ matches: ArraySlice<Match>, weight: Float, least: Float, to sums: inout [Int64: Float]) {
    guard let best = matches.first?.score, weight > 0 else { return }
    let range = best - least
    let whole = self.meaning + self.words
    for match in matches {
      // Where all are alike, each is as good as the best.
      let scaled = range > 0 ? (match.score - least) / range : 1
      sums[match.id, default: 0] += scaled * weight / whole
    }
  }
}
