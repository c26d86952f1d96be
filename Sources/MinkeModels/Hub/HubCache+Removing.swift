import MinkeCore

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

extension HubCache {
  /// What was taken away.
  public struct Removal: Sendable, Equatable {
    /// The bytes that the disk has more of now.
    public let byteCount: Int
    /// The commits whose files are gone.
    public let commits: [String]
  }

  /// Removes the model `name`: all of it, or only the branch, tag or commit that is named.
  ///
  /// A branch or tag takes its commit with it unless another one leads there too. Files that remaining commits share stay,
  /// and so does what another process fetches at this moment.
  ///
  /// - Throws: `MinkeError` when it is not here or cannot be removed.
  public func remove(_ name: HubModelName) throws -> Removal {
    let repository = name.repository
    let doomed = try commits(toRemoveFor: name)
    let old = doomed.reduce(into: Set<String>()) { $0.formUnion(hashes(in: $1, of: repository)) }
    var byteCount = 0
    for commit in doomed {
      let snapshot = snapshots(of: repository).appendingPathComponent(commit)
      byteCount += Self.plainByteCount(of: snapshot)
      for path in [snapshot, place(of: repository).appendingPathComponent(".no_exist/\(commit)")] {
        try Self.remove(path)
      }
      try Self.remove(place(of: repository).appendingPathComponent("trees/\(commit).json"))
    }
    let isEmpty = commits(of: repository).isEmpty
    for file in try files(in: blobs(of: repository)) where isEmpty || old.contains(file) {
      byteCount += try removeBlob(file, of: repository)
    }
    if isEmpty { try removeEmptyFolders(of: repository) }
    return Removal(byteCount: byteCount, commits: doomed)
  }

  /// The commits that go with `name`, their references already removed.
  private func commits(toRemoveFor name: HubModelName) throws -> [String] {
    let repository = name.repository
    let known = commits(of: repository)
    guard let revision = name.revision else {
      guard ModelFolder.kind(of: place(of: repository)) == .folder else { throw notHere(name, known) }
      try Self.remove(references(of: repository))
      return known
    }
    let references = referencesByCommit(of: repository)
    if let commit = references.first(where: { $0.value.contains(revision) })?.key {
      try Self.remove(self.references(of: repository).appendingPathComponent(revision))
      return references[commit] == [revision] && known.contains(commit) ? [commit] : []
    }
    guard known.contains(revision) else { throw notHere(name, known) }
    for reference in references[revision] ?? [] {
      try Self.remove(self.references(of: repository).appendingPathComponent(reference))
    }
    return [revision]
  }

  private func notHere(_ name: HubModelName, _ commits: [String]) -> MinkeError {
    MinkeError(
      .notFound, "model \"\(name)\"", expected: "a model in \(folder.path)",
      found: commits.isEmpty ? "nothing of this name" : "only \(commits.joined(separator: ", "))")
  }

  /// The names of the blobs that the files of `commit` are links to.
  private func hashes(in commit: String, of repository: String) -> Set<String> {
    let folder = snapshots(of: repository).appendingPathComponent(commit)
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    return Set(
      paths.compactMap { path in
        let link = folder.appendingPathComponent(path).path
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else { return nil }
        let parts = target.split(separator: "/")
        return parts.dropLast().last == "blobs" ? parts.last.map(String.init) : nil
      })
  }

  /// Removes the blob `file`, a whole one or one that is half fetched, unless it is needed after all.
  ///
  /// - Returns: its bytes, 0 where it stays.
  private func removeBlob(_ file: String, of repository: String) throws -> Int {
    let hash = file.prefix { $0 != "." }
    // Whoever fetches or links it holds the lock.
    guard let lock = try FileLock(lock(of: String(hash), in: repository)) else { return 0 }
    defer { lock.release() }
    guard !commits(of: repository).contains(where: { hashes(in: $0, of: repository).contains(file) }) else { return 0 }
    let path = blobs(of: repository).appendingPathComponent(file).path
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    guard unlink(path) == 0 || errno == ENOENT else {
      throw MinkeError.systemCall(errno, path, expected: "a file that may be removed")
    }
    return status.kindUnlessPlain == nil && status.st_nlink == 1 ? Int(status.st_size) : 0
  }

  /// The bytes of files in `folder` that are no links: where links could not be made, copies take their places.
  private static func plainByteCount(of folder: URL) -> Int {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    return paths.reduce(0) { total, path in
      var status = stat()
      let isPlain = lstat(folder.appendingPathComponent(path).path, &status) == 0 && status.kindUnlessPlain == nil
      return isPlain ? total + Int(status.st_size) : total
    }
  }

  /// The plain files and links in `folder`; none where there is no such folder.
  private func files(in folder: URL) throws -> [String] {
    guard ModelFolder.kind(of: folder) == .folder else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  /// Removes what is at `path`, if anything is.
  private static func remove(_ path: URL) throws {
    var status = stat()
    if lstat(path.path, &status) != 0, errno == ENOENT || errno == ENOTDIR { return }
    do { try FileManager.default.removeItem(at: path) } catch {
      throw MinkeError(
        .inputOutput, path.path, expected: "something that may be removed", found: "\(error)")
    }
  }

  /// Removes the folders of a model that has no files left; one that another process has begun to fill stays.
  private func removeEmptyFolders(of repository: String) throws {
    let place = place(of: repository)
    for name in [".no_exist", "trees", "refs"] { try Self.remove(place.appendingPathComponent(name)) }
    for name in ["snapshots", "blobs"] { rmdir(place.appendingPathComponent(name).path) }
    rmdir(place.path)
  }
}
