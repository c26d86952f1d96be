import MinkeCore
import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A hub that models are published on: `huggingface.co`, or another that answers as it does.
///
/// ```swift
/// let model = try await Hub().pull("sentence-transformers/all-MiniLM-L6-v2")
/// let encoder = try ModelLibrary.textEncoder(model.name.description)
/// ```
public struct Hub: Sendable {
  /// Which hub it is, who asks, and where models are put.
  public let settings: HubSettings

  /// The hub that `settings` name.
  public init(_ settings: HubSettings) { self.settings = settings }

  /// The hub that the environment names.
  ///
  /// - Throws: `MinkeError` when an address or the token there is malformed.
  public init() throws(MinkeError) { self.init(try HubSettings()) }

  /// A model that was fetched.
  public struct Pulled: Sendable {
    /// The model, its revision the commit.
    public let name: HubModelName
    /// The folder with its files, in the cache.
    public let folder: URL
    /// The bytes of the files that were asked for, those among them that were there before.
    public let byteCount: Int
    /// The bytes of those that were not.
    public let fetchedByteCount: Int
  }

  /// Fetches the model `name` into the cache: the files that Minke reads, as far as they are not there.
  ///
  /// Files come over several connections at once, are taken up where an earlier run stopped, and appear under their names
  /// when all are whole and have the hashes that the hub states. Other processes may fetch the same at the same time.
  ///
  /// - Parameters:
  ///   - name: which model, at which branch, tag or commit.
  ///   - files: the paths of the files to fetch; empty for those that loading the model needs.
  ///   - progress: hears how many bytes of how many are there.
  /// - Throws: `MinkeError` that says what to do: of kind `accessDenied` when the hub wants a token, or terms to be
  ///   accepted; `notFound` when it has no such model, revision or file; `network` when it cannot be reached or fails;
  ///   `malformedFile` when a file has another hash. `CancellationError` when the task was cancelled; what was fetched
  ///   until then stays.
  @discardableResult
  public func pull(
    _ name: HubModelName, files: [String] = [], progress: ProgressHandler? = nil
  ) async throws -> Pulled {
    guard !settings.isOffline else {
      throw MinkeError(
        .network, "\(name)", expected: "a hub that may be asked", found: "HF_HUB_OFFLINE, which forbids it")
    }
    return try await ModelPull(HubClient(settings), name).run(files, progress: progress)
  }
}
