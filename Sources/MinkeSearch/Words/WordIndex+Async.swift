import MinkeCore

extension WordIndex {
  /// Finds the `k` passages with the highest scores for each query, without holding up a thread of Swift's cooperative
  /// pool.
  ///
  /// - Parameters:
  ///   - queries: what a person typed.
  ///   - k: how many passages.
  ///   - filter: which passages may be found; nil for all.
  /// - Throws: `MinkeError` of kind `invalidArgument` when `k` is below 1; `CancellationError`.
  public func search(_ queries: [String], k: Int, among filter: IDFilter? = nil) async throws -> [[Match]] {
    try await Workers.run { try search(queries, k: k, among: filter) }
  }

  /// Adds texts without holding up a thread of Swift's cooperative pool. In all else like the synchronous form.
  @discardableResult
  public func add(_ texts: [String], ids: [Int64]? = nil) async throws -> [Int64] {
    try await Workers.run { try add(texts, ids: ids) }
  }
}
