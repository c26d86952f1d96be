import MinkeCore

/// The nearest vectors of each query, nearest first.
///
/// Equal scores are ordered by id, the lower first.
public struct Neighbours: Sendable, Equatable {
  /// How many queries were searched for.
  public let queries: Int
  /// How many neighbours each query has: what was asked for, or the size of the index when that is less.
  public let k: Int
  /// `[queries, k]`, row-major.
  public let ids: [Int64]
  /// `[queries, k]`, row-major: dot products, cosines, or numbers of differing bits, by the metric of the index.
  public let scores: [Float]

  /// The neighbours of one query.
  public subscript(query: Int) -> (ids: ArraySlice<Int64>, scores: ArraySlice<Float>) {
    precondition(query >= 0 && query < queries, "row \(query) of \(queries)")
    let row = query * k..<(query + 1) * k
    return (ids[row], scores[row])
  }
}
