import MinkeCore
import MinkeModels
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Fetches a model: which files it needs, their bytes, and last of all their names.
final class ModelPull: Sendable {
  private static let requestsAtOnce = 8
  private static let filesAtOnce = 4

  private let client: HubClient
  private let name: HubModelName
  /// Bytes of files that were not there.
  private let fetchedByteCount = Mutex(0)
  private var cache: HubCache { client.settings.cache }
  private var repository: String { name.repository }

  init(_ client: HubClient, _ name: HubModelName) {
    self.client = client
    self.name = name
  }

  func run(_ files: [String], progress: ProgressHandler?) async throws -> Hub.Pulled {
    let listing = try await client.listing(of: name)
    let paths = try await files.isEmpty ? neededFiles(listing) : chosenFiles(files, listing)
    let files = try await fetch(paths, at: listing.commit, progress: progress)
    cache.markAsCache()
    for file in files { try cache.link(file.path, to: file.hash.name, of: listing.commit, in: repository) }
    // Only now does the branch lead to the commit: whoever loads it meanwhile has the one before, whole.
    try cache.note(name.revision ?? HubModelName.defaultRevision, leadsTo: listing.commit, in: repository)
    let pulled = HubModelName.at(repository, commit: listing.commit)
    guard let folder = cache.snapshot(of: pulled) else {
      throw MinkeError(.inputOutput, cache.folder.path, expected: "the files of \(pulled)", found: "none")
    }
    return Hub.Pulled(
      name: pulled, folder: folder, byteCount: files.reduce(0) { $0 + $1.size },
      fetchedByteCount: fetchedByteCount.withLock { $0 })
  }

  /// The files asked for, which must be among those of the model.
  private func chosenFiles(_ files: [String], _ listing: HubListing) throws -> [String] {
    for file in files where !listing.paths.contains(file) {
      cache.noteAbsence(of: file, in: listing.commit, of: repository)
      let names = listing.paths.sorted().prefix(20).joined(separator: ", ")
      throw MinkeError(
        .notFound, "\(name): \(file)", expected: "one of its files: \(names)\(listing.paths.count > 20 ? ", ..." : "")",
        found: "none of this name")
    }
    return files
  }

  /// The files that loading the model reads. The lists among them, which name others, are fetched on the way.
  private func neededFiles(_ listing: HubListing) async throws -> [String] {
    let published = PublishedFiles(listing.paths)
    var modules: [ModelFolder.Module] = []
    if let list = published.moduleList {
      modules = try await withContents(of: [list], at: listing.commit) { try ModelFolder.modules($1, subject: $0) }[0]
    }
    let folders = PublishedFiles.folders(of: modules)
    let weights = published.weights(in: folders)
    guard !weights.isEmpty else {
      let names = listing.paths.sorted().prefix(8).joined(separator: ", ")
      throw MinkeError(
        .unsupportedFile, "\(name)",
        expected: "weights in safetensors or torch's format; --file fetches other files by name",
        found: names.isEmpty ? "no files" : names)
    }
    let indexes = weights.filter(PublishedFiles.isIndex)
    let shards = try await withContents(of: indexes, at: listing.commit) { try published.shards(of: $1, at: $0) }
    return published.settings(in: folders) + weights + shards.joined()
  }

  /// What `read` makes of the contents of the files `paths`, which are fetched.
  private func withContents<Result>(
    of paths: [String], at commit: String, _ read: (_ path: String, UnsafeRawBufferPointer) throws -> Result
  ) async throws -> [Result] {
    try await fetch(paths, at: commit, progress: nil).map { file in
      let mapped = try MappedFile(cache.blobs(of: repository).appendingPathComponent(file.hash.name))
      return try withExtendedLifetime(mapped) { try read(file.path, mapped.bytes) }
    }
  }

  /// Fetches the blobs of the files `paths` that are not there.
  ///
  /// - Returns: the files as the hub describes them, by path.
  private func fetch(_ paths: [String], at commit: String, progress: ProgressHandler?) async throws -> [HubFile] {
    // Once each, in a fixed order; what leads out of the folder is not even asked for.
    let paths = Set(paths).sorted()
    for path in paths where !HubModelName.isFile(path) {
      throw MinkeError(.malformedFile, "\(name)", expected: "paths inside the model's folder", found: "\"\(path)\"")
    }
    let files = try await concurrently(paths, atMost: Self.requestsAtOnce) { [client, repository] path in
      try await client.description(of: path, in: repository, at: commit)
    }
    var missing: [String: HubFile] = [:]
    for file in files where !BlobDownload.isThere(file, of: repository, in: cache) { missing[file.hash.name] = file }
    let byteCount = missing.values.reduce(0) { $0 + $1.size }
    let meter = ProgressMeter(total: byteCount, handler: progress)
    // The largest first: the others fit beside it.
    let order = missing.values.sorted { ($1.size, $0.path) < ($0.size, $1.path) }
    _ = try await concurrently(order, atMost: Self.filesAtOnce) { [client, repository] file in
      try await BlobDownload(client: client, repository: repository, commit: commit, file: file, meter: meter).run()
    }
    fetchedByteCount.withLock { $0 += byteCount }
    return files
  }

  /// What `body` gives for each of `items`, in order, with at most `limit` of them under way at once.
  private func concurrently<Item: Sendable, Result: Sendable>(
    _ items: [Item], atMost limit: Int, _ body: @escaping @Sendable (Item) async throws -> Result
  ) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
      var results = [Result?](repeating: nil, count: items.count)
      for (index, item) in items.enumerated() {
        if index >= limit, let (done, result) = try await group.next() { results[done] = result }
        group.addTask { (index, try await body(item)) }
      }
      for try await (done, result) in group { results[done] = result }
      return results.compactMap { $0 }
    }
  }
}
