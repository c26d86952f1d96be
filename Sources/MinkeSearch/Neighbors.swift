import MinkeCore

/// A vector that a search found.
public struct Match: Sendable, Hashable {
  /// The vector found.
  public let id: Int64
  /// A dot product, a cosine or a number of differing bits, by the metric of the index.
  public let score: Float

  /// A match of the vector `id` with `score`.
  public init(id: Int64, score: Float) {
    self.id = id
    self.score = score
  }
}

/// The nearest vectors of each query: element `q` is the list of matches of query `q`, nearest first.
///
/// Equal scores are ordered by id, the lower first. Every query has the same number of matches. An element is made when
/// it is asked for, in time proportional to ``k``; ``ids`` and ``scores`` hold all of them without a copy.
public struct Neighbors: RandomAccessCollection, Sendable, Equatable {
  /// How many queries were searched for.
  public let count: Int
  /// How many matches each query has: what was asked for, or the number of vectors to choose from when that is less.
  public let k: Int
  /// The ids of all matches, `[count, k]`, row-major.
  public let ids: [Int64]
  /// The scores of all matches, `[count, k]`, row-major.
  public let scores: [Float]

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  /// The matches of one query, nearest first.
  public subscript(query: Int) -> [Match] {
    precondition(query >= 0 && query < count, "query \(query) of \(count)")
    return (query * k..<(query + 1) * k).map { Match(id: ids[$0], score: scores[$0]) }
  }
}
