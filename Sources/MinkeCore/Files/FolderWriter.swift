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

/// Writes a folder that appears whole or not at all.
package enum FolderWriter {
  /// Calls `body` with an empty draft folder, which takes its place at `destination` when `body` returns.
  ///
  /// When `body` throws, or the process is asked to end, the draft goes away with all that is in it. Folders above
  /// `destination` that do not exist are made, and stay.
  /// - Throws: ``MinkeError`` when there is something at `destination` or a folder cannot be made, and whatever `body`
  ///   throws.
  package static func write<Result>(to destination: URL, _ body: (URL) throws -> Result) throws -> Result {
    var path = destination.path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let name = destination.relativePath
    try requireNothing(at: path, name)
    let parent = Drafts.parts(of: path).folder
    try makeFolder(parent, name)
    let draft: (path: String, descriptor: Int32)
    do throws(MinkeError) {
      draft = try Drafts.make(for: path, isFolder: true, mode: 0o777)
    } catch {
      throw MinkeError(error.kind, name, expected: error.expected, found: error.found)
    }
    defer {
      close(draft.descriptor)
      Drafts.discard(draft.path)
    }
    let result = try body(URL(fileURLWithPath: draft.path, isDirectory: true))
    synchronize(draft.path)
    try requireNothing(at: path, name)
    var code: Int32 = 0
    let isSettled = Drafts.settle(draft.path) {
      let isRenamed = rename(draft.path, path) == 0
      code = errno
      return isRenamed
    }
    guard isSettled else { throw MinkeError.systemCall(code, name, expected: "a place to write a folder") }
    FileWriter.synchronize(folder: parent)
    return result
  }

  /// Calls `body` with an empty folder in the system's place for temporary files, which is removed afterwards, also
  /// when the process is asked to end.
  package static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    try withDraftFolder(beside: FileManager.default.temporaryDirectory.appendingPathComponent("minke"), body)
  }

  /// Calls `body` with an empty folder beside `destination`, to make there what is then moved to it; the folder is removed
  /// afterwards, also when the process is asked to end.
  package static func withDraftFolder<Result>(beside destination: URL, _ body: (URL) throws -> Result) throws -> Result
  {
    let draft = try Drafts.make(for: destination.path, isFolder: true, mode: 0o700)
    defer {
      close(draft.descriptor)
      Drafts.discard(draft.path)
    }
    return try body(URL(fileURLWithPath: draft.path, isDirectory: true))
  }

  /// - Throws: ``MinkeError`` when there is something at `path`, be it a link that leads nowhere.
  private static func requireNothing(at path: String, _ name: String) throws(MinkeError) {
    var status = stat()
    guard lstat(path, &status) != 0 else {
      let found = status.st_mode & S_IFMT == S_IFDIR ? "one that does" : "a file"
      throw MinkeError(.inputOutput, name, expected: "a folder that does not exist yet", found: found)
    }
  }

  /// Makes the folder at `url` and those above it, as far as they do not exist.
  ///
  /// - Throws: ``MinkeError`` when one cannot be made.
  package static func makeFolder(_ url: URL) throws(MinkeError) { try makeFolder(url.path, url.relativePath) }

  private static func makeFolder(_ path: String, _ name: String) throws(MinkeError) {
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, case let parent = Drafts.parts(of: path).folder, parent != path else {
      throw MinkeError.systemCall(errno, name, expected: "a place to write a folder")
    }
    try makeFolder(parent, name)
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw MinkeError.systemCall(errno, name, expected: "a place to write a folder")
    }
  }

  /// Makes all that `folder` holds outlast a loss of power.
  private static func synchronize(_ folder: String) {
    for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] {
      let descriptor = open("\(folder)/\(name)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      fsync(descriptor)
      close(descriptor)
    }
    FileWriter.synchronize(folder: folder)
  }
}
