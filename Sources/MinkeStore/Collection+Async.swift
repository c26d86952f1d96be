import Minke
import MinkeCore
import MinkeModels
import MinkeText

extension Collection {
  /// Opens the collection at `path`, or makes one where there is none, off the cooperative pool; see the synchronous form.
  public static func open(
    _ path: String, encoder: any TextEncoder, dimension: Int? = nil, storage: CollectionSettings.Storage? = nil,
    stems: Bool? = nil
  ) async throws -> Collection {
    try await Workers.run { try open(path, encoder: encoder, dimension: dimension, storage: storage, stems: stems) }
  }

  /// Opens the collection at `path`, which must exist, with the model that made it, off the cooperative pool.
  public static func open(_ path: String) async throws -> Collection { try await Workers.run { try open(path) } }

  /// Adds records off the cooperative pool; see the synchronous form.
  @discardableResult
  public func add(
    _ records: [TextRecord], splitter: PassageSplitter? = nil, progress: (@Sendable (IndexProgress) -> Void)? = nil
  ) async throws -> IndexReport {
    try await Workers.run { try add(records, splitter: splitter, progress: progress) }
  }

  /// Brings the collection to the state of the files at `paths` off the cooperative pool; see the synchronous form.
  @discardableResult
  public func index(
    _ paths: [FilePath], options: IndexingOptions = IndexingOptions(),
    progress: (@Sendable (IndexProgress) -> Void)? = nil
  ) async throws -> IndexReport {
    try await Workers.run { try index(paths, options: options, progress: progress) }
  }

  /// Takes documents out off the cooperative pool; see the synchronous form.
  @discardableResult
  public func remove(_ documents: [String]) async throws -> [String] {
    try await Workers.run { try remove(documents) }
  }

  /// The `k` passages that suit `query` best, the best first, found off the cooperative pool.
  public func search(_ query: String, k: Int = 10) async throws -> [FoundPassage] {
    try await Workers.run { try search(query, k: k) }
  }

  /// The passages that suit each of `queries` best, the best first, found off the cooperative pool.
  public func search(_ queries: [String], options: CollectionSearchOptions) async throws -> [[FoundPassage]] {
    try await Workers.run { try search(queries, options: options) }
  }
}
