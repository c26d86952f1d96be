import MinkeCore

extension VectorIndex {
  /// Finds the `k` nearest vectors of each query, without holding up a thread of Swift's cooperative pool.
  ///
  /// - Parameters:
  ///   - queries: vectors of the index's kind and dimension.
  ///   - k: how many neighbors; an index with fewer vectors gives all it has.
  ///   - filter: which vectors may be found; nil for all.
  /// - Throws: `MinkeError` when the queries do not fit the index or `k` is below 1; `CancellationError`.
  public func search(_ queries: Embeddings, k: Int, among filter: IDFilter? = nil) async throws -> Neighbors {
    try await Workers.run { try search(queries, k: k, among: filter) }
  }
}
