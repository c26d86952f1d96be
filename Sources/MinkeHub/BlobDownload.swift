import MinkeCore
import MinkeModels
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The way of one file from the hub into the cache.
struct BlobDownload: Sendable {
  let client: HubClient
  let repository: String
  let commit: String
  let file: HubFile
  /// Hears of bytes, also of those that an earlier run or another process fetched.
  let meter: ProgressMeter

  private var cache: HubCache { client.settings.cache }
  private var place: URL { cache.blobs(of: repository).appendingPathComponent(file.hash.name) }

  /// Whether the file lies in `cache` already.
  static func isThere(_ file: HubFile, of repository: String, in cache: HubCache) -> Bool {
    var status = stat()
    return stat(cache.blobs(of: repository).appendingPathComponent(file.hash.name).path, &status) == 0
      && status.kindUnlessPlain == nil && Int(status.st_size) == file.size
  }

  /// Fetches the file, unless it is there; it appears when its bytes have the right hash.
  ///
  /// - Throws: `MinkeError` when that is not possible, `CancellationError`.
  func run() async throws {
    let lock = try await waitForLock()
    defer { lock.release() }
    var told = 0
    if !Self.isThere(file, of: repository, in: cache) {
      let blob = try PartialBlob(file, at: place)
      try await blob.readWhatIsThere()
      try await fill(blob, &told)
      if !blob.isRight {
        // What an earlier run left may have been wrong; what comes anew is wrong at the hub.
        try blob.restart()
        try await fill(blob, &told)
      }
      try blob.settle()
    }
    meter.advance(by: file.size - told)
  }

  /// The lock on the blob, which another process may hold while it fetches the same.
  private func waitForLock() async throws -> FileLock {
    while true {
      if let lock = try FileLock(cache.lock(of: file.hash.name, in: repository)) { return lock }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Asks for the bytes that `blob` lacks until it has all.
  private func fill(_ blob: PartialBlob, _ told: inout Int) async throws {
    var backoff = Backoff(firstDelay: client.settings.firstDelay)
    while !blob.isFull {
      // Bytes that come again and again are no progress.
      let before = told
      do { try await receive(blob, &told) } catch let failure as RequestFailure {
        if told > before { backoff.reset() }
        try await backoff.wait(after: failure)
      }
    }
  }

  private func receive(_ blob: PartialBlob, _ told: inout Int) async throws {
    let path = client.path(of: file.path, in: repository, at: commit)
    try await client.send(.GET, path, from: blob.count, leavesHub: true) { answer, body in
      switch answer.status {
      case 200:
        // A server that does not know ranges sends all.
        if blob.count > 0 { try blob.restart() }
      case 206 where isWanted(answer.headers.first(name: "content-range"), from: blob.count): break
      case 206, 416:
        try blob.restart()
        throw RequestFailure(
          MinkeError(.network, "\(answer.origin): \(file.path)", expected: "the bytes asked for", found: "others"),
          isPassing: true)
      default: throw client.failure(answer, .at(repository, commit: commit), file: file.path)
      }
      while let bytes = try await body.next() {
        try bytes.withUnsafeReadableBytes { try blob.append($0) }
        meter.advance(by: max(0, blob.count - told))
        told = max(told, blob.count)
      }
      guard blob.isFull else {
        throw RequestFailure(
          MinkeError(
            .network, "\(answer.origin): \(file.path)", expected: "\(file.size) bytes", found: "\(blob.count)"),
          isPassing: true)
      }
    }
  }

  /// Whether the header `Content-Range` says that the bytes from `offset` on come.
  private func isWanted(_ range: String?, from offset: Int) -> Bool {
    guard let range = range?.lowercased(), range.hasPrefix("bytes ") else { return false }
    let parts = range.dropFirst(6).split(separator: "/")
    return parts.count == 2 && parts[0].hasPrefix("\(offset)-") && (parts[1] == "*" || Int(parts[1]) == file.size)
  }
}
