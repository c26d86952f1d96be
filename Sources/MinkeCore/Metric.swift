/// How two vectors are compared. Larger is more alike, except for ``hamming``.
public enum Metric: String, CaseIterable, Codable, Sendable {
  /// The dot product of the two vectors after each is scaled to length 1: -1 to 1. A zero vector scores 0.
  case cosine
  /// The dot product as it is.
  case dot
  /// The number of bits that differ; smaller is more alike.
  case hamming

  /// Whether a larger score means more alike.
  public var largerIsCloser: Bool { self != .hamming }

  /// How alike two vectors are whose score is `score`, larger always being more alike: cosines and dot products as they
  /// are, but no cosine above 1 by rounding; for ``hamming``, `1 - 2 * score / dimension`, the cosine of the signs.
  ///
  /// - Parameters:
  ///   - score: what an index gives for a match.
  ///   - dimension: numbers, or bits, of a vector.
  public func similarity(ofScore score: Float, dimension: Int) -> Float {
    switch self {
    case .cosine: min(score, 1)
    case .dot: score
    case .hamming: 1 - 2 * score / Float(dimension)
    }
  }
}
