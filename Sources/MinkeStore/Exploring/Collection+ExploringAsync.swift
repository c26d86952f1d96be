import Minke
import MinkeCore

extension Collection {
  /// The passages most like one that is held, found off the cooperative pool; see the synchronous form.
  public func similar(
    to document: String, line: Int? = nil, options: CollectionSearchOptions = CollectionSearchOptions()
  ) async throws -> [FoundPassage] {
    try await Workers.run { try similar(to: document, line: line, options: options) }
  }

  /// Finds all pairs of passages that are alike, off the cooperative pool; see the synchronous form.
  public func duplicates(
    threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
    _ body: @Sendable (SimilarPassages) throws -> Void
  ) async throws {
    try await Workers.run {
      try duplicates(threshold: threshold, includesNeighbors: includesNeighbors, progress: progress, body)
    }
  }

  /// Puts all passages into clusters, off the cooperative pool; see the synchronous form.
  public func clusters(
    _ k: Int, seed: UInt64 = 0, central: Int = 3, words: Int = 8, progress: ProgressHandler? = nil
  ) async throws -> [PassageCluster] {
    try await Workers.run { try clusters(k, seed: seed, central: central, words: words, progress: progress) }
  }
}
