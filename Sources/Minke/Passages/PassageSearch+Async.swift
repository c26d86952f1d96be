import MinkeCore
import MinkeReading
import MinkeText

extension PassageSearch {
  /// Reads the files at `paths`, and all text files below the folders among them, off the cooperative pool.
  ///
  /// - Parameters:
  ///   - paths: files and folders.
  ///   - selection: which of the files below a folder are read.
  ///   - encoding: how files without a byte order mark are written.
  ///   - progress: hears how far it has come.
  /// - Returns: what was read. What cannot be read is left out and named there.
  /// - Throws: `MinkeError` when a path does not exist or the selection is wrong; `CancellationError`.
  @discardableResult
  public func add(
    paths: [FilePath], selection: FileSelection = FileSelection(), encoding: TextEncoding = .utf8,
    progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) async throws -> ReadingReport {
    try await Workers.run { try add(paths: paths, selection: selection, encoding: encoding, progress: progress) }
  }

  /// Adds texts off the cooperative pool. A document of the same name is replaced.
  ///
  /// - Parameters:
  ///   - documents: the texts with their names.
  ///   - progress: hears how far it has come.
  /// - Throws: `CancellationError`; the documents added before stay.
  @discardableResult
  public func add(
    _ documents: [Document], progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) async throws -> ReadingReport {
    try await Workers.run { try add(documents, progress: progress) }
  }

  /// The `k` passages most like `query`, the best first, found off the cooperative pool.
  ///
  /// - Throws: `MinkeError` when `k` is below 1; `CancellationError`.
  public func search(_ query: String, k: Int = 10) async throws -> [FoundPassage] {
    try await Workers.run { try search(query, k: k) }
  }

  /// The passages most like each of `queries`, the best first, found off the cooperative pool.
  ///
  /// - Throws: `MinkeError` when an option is out of its range; `CancellationError`.
  public func search(_ queries: [String], options: SearchOptions) async throws -> [[FoundPassage]] {
    try await Workers.run { try search(queries, options: options) }
  }
}
