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

/// The folder of models from a hub, which is the one that Python's huggingface_hub keeps: what either of them fetched,
/// the other finds.
///
/// A model is the folder `models--ORG--NAME`. In it, `blobs` has each file once, by the hash of its content;
/// `snapshots/COMMIT` has the files of a commit under their names, as relative links to the blobs; and `refs/NAME` says
/// which commit a branch or tag led to when it was last asked for. Nothing here ever goes to the network.
public struct HubCache: Sendable, Equatable {
  /// Where the cache is; it need not exist.
  public let folder: URL

  /// The cache in `folder`.
  public init(_ folder: URL) { self.folder = folder }

  /// The cache that the environment names: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in
  /// `$XDG_CACHE_HOME/huggingface`, else in `~/.cache/huggingface`.
  public static var standard: HubCache { HubCache(HubPlaces(ProcessInfo.processInfo.environment).cache) }

  // MARK: Places

  /// The folder of the model `repository`.
  package func place(of repository: String) -> URL { folder.appendingPathComponent(Self.folderName(repository)) }

  private static let prefix = "models--"
  private static let separator = "--"

  private static func folderName(_ repository: String) -> String {
    prefix + repository.split(separator: "/").joined(separator: separator)
  }

  /// The model whose folder is called `folderName`; nil for any other folder.
  static func repository(ofFolder folderName: String) -> String? {
    guard folderName.hasPrefix(prefix) else { return nil }
    let repository = String(folderName.dropFirst(prefix.count)).replacing(separator, with: "/")
    return HubModelName.isRepository(repository) ? repository : nil
  }

  package func blobs(of repository: String) -> URL { place(of: repository).appendingPathComponent("blobs") }

  package func snapshots(of repository: String) -> URL { place(of: repository).appendingPathComponent("snapshots") }

  func references(of repository: String) -> URL { place(of: repository).appendingPathComponent("refs") }

  /// The file that is locked while the blob `hash` is written.
  package func lock(of hash: String, in repository: String) -> URL {
    folder.appendingPathComponent(".locks/\(Self.folderName(repository))/\(hash).lock")
  }

  // MARK: Looking up

  /// The commit that `name` leads to here; nil where that is not known.
  package func commit(of name: HubModelName) -> String? {
    let revision = name.revision ?? HubModelName.defaultRevision
    let file = references(of: name.repository).appendingPathComponent(revision)
    return Self.commit(inReference: file) ?? (HubModelName.isCommit(revision) ? revision : nil)
  }

  /// The commit that the file of a reference names; nil for anything else that may stand there.
  static func commit(inReference file: URL) -> String? {
    guard let mapped = try? MappedFile(file), mapped.bytes.count <= 80 else { return nil }
    let text = withExtendedLifetime(mapped) { String(decoding: mapped.bytes, as: UTF8.self) }
    let commit = text.filter { !$0.isWhitespace }
    return HubModelName.isCommit(commit) ? commit : nil
  }

  /// The folder with the files of `name`, all or some of them; nil where there is none.
  public func snapshot(of name: HubModelName) -> URL? {
    guard let commit = commit(of: name) else { return nil }
    let folder = snapshots(of: name.repository).appendingPathComponent(commit, isDirectory: true)
    return ModelFolder.kind(of: folder) == .folder ? folder : nil
  }

  /// The folder with the files of the model `name`, weights among them.
  ///
  /// - Throws: `MinkeError` of kind `notFound` that says what is here instead and which command fetches the model.
  func model(_ name: HubModelName) throws(MinkeError) -> URL {
    guard let folder = snapshot(of: name) else {
      let others = commits(of: name.repository)
      let found = others.isEmpty ? "nothing of this name" : "only " + others.joined(separator: ", ")
      throw MinkeError(
        .notFound, "model \"\(name)\"",
        expected: """
          a folder, a .pt archive, one of \(BuiltInModels.names.joined(separator: ", ")), or a model in \(self.folder.path); \
          if a hub has it, run: minke pull \(name)
          """, found: found)
    }
    guard Self.holdsWeights(folder) else {
      throw MinkeError(
        .notFound, "model \"\(name)\"",
        expected: "its weights in \(self.folder.path); to fetch them, run: minke pull \(name)",
        found: "some of its other files")
    }
    return folder
  }

  /// The commits of `repository` that files are here of.
  func commits(of repository: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: snapshots(of: repository).path)) ?? []
    return names.filter(HubModelName.isCommit).sorted()
  }

  /// Whether a file with weights is anywhere in `folder`, and is there in fact.
  package static func holdsWeights(_ folder: URL) -> Bool {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    return paths.contains { path in
      [".safetensors", ".bin", ".pt"].contains(where: path.hasSuffix)
        && ModelFolder.kind(of: folder.appendingPathComponent(path)) == .file
    }
  }

  // MARK: Writing

  /// Tells programs that make backups that nothing here is needed, by the file that <https://bford.info/cachedir> names.
  package func markAsCache() {
    let tag = folder.appendingPathComponent("CACHEDIR.TAG")
    if FileManager.default.fileExists(atPath: tag.path) { return }
    let text = "Signature: 8a477f597d28d172789f06886806bc55\n# Models from a hub, which can be fetched again.\n"
    _ = FileManager.default.createFile(atPath: tag.path, contents: Data(text.utf8))
  }

  /// Makes `path` of the commit `commit` a link to the blob `hash`, which must be there.
  ///
  /// - Throws: `MinkeError` when a name leads out of its folder or the link cannot be made.
  package func link(_ path: String, to hash: String, of commit: String, in repository: String) throws(MinkeError) {
    guard HubModelName.isFile(path), HubModelName.isCommit(commit), HubModelName.isCommit(hash) else {
      throw MinkeError(
        .malformedFile, "\(repository): \"\(path)\"", expected: "a path inside the model's folder, and hashes",
        found: "\"\(path)\", \"\(commit)\" and \"\(hash)\"")
    }
    let place = snapshots(of: repository).appendingPathComponent(commit).appendingPathComponent(path)
    let target = String(repeating: "../", count: path.count { $0 == "/" } + 2) + "blobs/\(hash)"
    try FolderWriter.makeFolder(place.deletingLastPathComponent())
    if (try? FileManager.default.destinationOfSymbolicLink(atPath: place.path)) == target { return }
    // Made beside its place and moved there: a reader sees the old link or the new one.
    let draft = place.path + ".\(UInt64.random(in: 0...UInt64.max)).tmp"
    guard symlink(target, draft) == 0 else {
      throw MinkeError.systemCall(errno, place.path, expected: "a file system with symbolic links")
    }
    guard rename(draft, place.path) == 0 else {
      let code = errno
      unlink(draft)
      throw MinkeError.systemCall(code, place.path, expected: "a place for a link")
    }
  }

  /// Notes that `revision` leads to `commit`, unless it is that commit itself.
  ///
  /// - Throws: `MinkeError` when the file cannot be written.
  package func note(_ revision: String, leadsTo commit: String, in repository: String) throws(MinkeError) {
    let file = references(of: repository).appendingPathComponent(revision)
    guard revision != commit, HubModelName.isRevision(revision), Self.commit(inReference: file) != commit else {
      return
    }
    try FolderWriter.makeFolder(file.deletingLastPathComponent())
    var writer = try FileWriter(file)
    try writer.write(commit)
    try writer.finish()
  }

  /// Notes that the commit has no file `path`, so that others need not ask again.
  package func noteAbsence(of path: String, in commit: String, of repository: String) {
    guard HubModelName.isFile(path), HubModelName.isCommit(commit) else { return }
    let file = place(of: repository).appendingPathComponent(".no_exist/\(commit)/\(path)")
    try? FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    // A hint: without it the next one asks.
    _ = FileManager.default.createFile(atPath: file.path, contents: nil)
  }
}
