import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much a word says of a passage that it occurs in: Okapi BM25 as Lucene computes it.
///
/// A passage's score is the sum, over the words of the query as often as each stands there, of
/// `idf * f / (f + k1 * (1 - b + b * length / mean))` with `idf = ln(1 + (N - n + 0.5) / (n + 0.5))`: f is how often the word
/// occurs in the passage, n in how many passages, of N. Lengths are counted in words, exactly, and the mean is that of the
/// passages there are. Every summand is rounded up to a multiple of a power of two, at most the 2^-29th part of what all
/// words together could give, so that sums do not depend on their order; the score is the sum as a float.
public struct BM25: Sendable, Hashable {
  /// How slowly repetition of a word stops to count; 0 when it does not count at all.
  public let k1: Double
  /// How much longer passages are marked down, from 0 to 1.
  public let b: Double

  /// The values that Lucene and SQLite have, too.
  public static let standard = BM25(uncheckedK1: 1.2, b: 0.75)

  /// Settings of one's own.
  ///
  /// - Throws: `MinkeError` of kind `invalidArgument` when `k1` is not from 0 to 1000 or `b` not from 0 to 1.
  public init(k1: Double = 1.2, b: Double = 0.75) throws(MinkeError) {
    guard (0...1000).contains(k1) else {
      throw MinkeError(.invalidArgument, "k1", expected: "0 to 1000", found: "\(k1)")
    }
    guard (0...1).contains(b) else { throw MinkeError(.invalidArgument, "b", expected: "0 to 1", found: "\(b)") }
    self.init(uncheckedK1: k1, b: b)
  }

  private init(uncheckedK1 k1: Double, b: Double) { (self.k1, self.b) = (k1, b) }

  /// The weight of a word that `frequency` of `count` passages have.
  func inverseFrequency(_ frequency: Int, of count: Int) -> Double {
    log(1 + (Double(count) - Double(frequency) + 0.5) / (Double(frequency) + 0.5))
  }

  /// What stands beside the frequency in the denominator for a passage of `length` words.
  func norm(_ length: Int, mean: Double) -> Float {
    Float(k1 * (1 - b + b * (mean > 0 ? Double(length) / mean : 1)))
  }
}
