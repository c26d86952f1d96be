import Foundation
import Minke
import MinkeCore
import MinkeModels

extension Collection {
  /// What the collection holds, worked out off the cooperative pool; see the synchronous form.
  public func info() async throws -> CollectionInfo { try await Workers.run { try info() } }

  /// What the collection at `path` holds, worked out off the cooperative pool; see the synchronous form.
  public static func info(of path: String) async throws -> CollectionInfo {
    try await Workers.run { try info(of: path) }
  }

  /// Looks for what is not as it should be, off the cooperative pool; see the synchronous form.
  public func verify(limit: Int = 100, progress: ProgressHandler? = nil) async throws -> [CollectionDefect] {
    try await Workers.run { try verify(limit: limit, progress: progress) }
  }

  /// Looks for what is not as it should be in the collection at `path`, off the cooperative pool; see the synchronous
  /// form.
  public static func verify(
    _ path: String, limit: Int = 100, progress: ProgressHandler? = nil
  ) async throws -> [CollectionDefect] {
    try await Workers.run { try verify(path, limit: limit, progress: progress) }
  }

  /// Makes the file as small as it can be, off the cooperative pool; see the synchronous form.
  @discardableResult
  public func compact(progress: ProgressHandler? = nil) async throws -> CompactionReport {
    try await Workers.run { try compact(progress: progress) }
  }

  /// Writes all that the collection holds as files, off the cooperative pool; see the synchronous form.
  @discardableResult
  public func export(to folder: URL, progress: ProgressHandler? = nil) async throws -> Int {
    try await Workers.run { try export(to: folder, progress: progress) }
  }

  /// Makes a collection of exported files, off the cooperative pool; see the synchronous form.
  public static func `import`(
    from folder: URL, into path: String, encoder: (any TextEncoder)? = nil,
    storage: CollectionSettings.Storage? = nil, progress: ProgressHandler? = nil
  ) async throws -> Collection {
    try await Workers.run {
      try `import`(from: folder, into: path, encoder: encoder, storage: storage, progress: progress)
    }
  }
}
