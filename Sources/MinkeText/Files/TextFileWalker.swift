import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds the files to be read below given files and folders, always in the same order.
///
/// A folder is searched with all its subfolders, by name in byte order. A symbolic link to a file is read, one to a
/// folder is not entered. What is named itself is taken whatever the selection says. A file reached by several ways is
/// taken once. Nothing is opened but folders and ignore files.
package struct TextFileWalker {
  /// A file that is to be read.
  package struct File: Sendable, Equatable {
    package let path: FilePath
    /// Bytes that it had when it was found.
    package let size: Int
    /// When it was changed last, in nanoseconds since 1970.
    package let modified: Int64
  }

  package private(set) var files: [File] = []
  /// What was left out, and the folders that cannot be listed.
  package private(set) var skipped: [SkippedFile] = []

  private let selection: FileSelection
  private let patterns: SelectionPatterns
  private var seen: Set<Identity> = []

  private struct Identity: Hashable {
    let device: UInt64
    let file: UInt64
  }

  /// Lists what is to be read below `paths`; the empty path is the current folder.
  ///
  /// - Throws: `MinkeError` of kind `notFound` when one of `paths` does not exist, of kind `invalidArgument` for a
  ///   wrong glob or type; `CancellationError` when the calling task was cancelled.
  package init(_ paths: [FilePath], selection: FileSelection = FileSelection()) throws {
    self.selection = selection
    patterns = try SelectionPatterns(selection)
    for path in paths {
      let status = try Self.status(of: path)
      if status.isFolder {
        try walk(path)
      } else {
        add(path, status)
      }
    }
    seen = []
  }

  /// Throws `MinkeError` of kind `notFound` when one of `paths` does not exist.
  package static func check(_ paths: [FilePath]) throws { for path in paths { _ = try status(of: path) } }

  private static func status(of path: FilePath) throws -> stat {
    var status = stat()
    guard path.withCString({ stat($0, &status) }) == 0 else {
      throw MinkeError.systemCall(errno, path.description, expected: "a file or folder")
    }
    return status
  }

  /// A folder or file still to be looked at.
  private struct Pending {
    let path: FilePath
    let kind: FolderListing.Kind
    /// The rules of the folders above it.
    let ignoring: IgnoreStack
  }

  private mutating func walk(_ root: FilePath) throws {
    // The next one last: recursion would let a deep tree exhaust the stack.
    let outer = selection.followsIgnoreFiles ? IgnoreStack(above: root) : IgnoreStack()
    var pending = [Pending(path: root, kind: .folder, ignoring: outer)]
    while let next = pending.popLast() {
      guard next.kind == .folder else {
        add(next.path, followingLink: next.kind == .link)
        continue
      }
      try Task.checkCancellation()
      let entries: [FolderListing.Entry]
      do throws(SkipReason) {
        entries = try FolderListing(next.path).entries
      } catch {
        skipped.append(SkippedFile(path: next.path, reason: error))
        continue
      }
      var ignoring = next.ignoring
      if selection.followsIgnoreFiles { ignoring.enter(next.path, entries: entries) }
      var below: [Pending] = []
      for entry in entries {
        let path = next.path.entry(entry.name)
        if let reason = reasonToSkip(path, entry, ignoring) {
          skipped.append(SkippedFile(path: path, reason: reason))
        } else {
          below.append(Pending(path: path, kind: entry.kind, ignoring: ignoring))
        }
      }
      pending += below.reversed()
    }
  }

  private func reasonToSkip(_ path: FilePath, _ entry: FolderListing.Entry, _ ignoring: IgnoreStack) -> SkipReason? {
    let isFolder = entry.kind == .folder
    if entry.name.elementsEqual(".git".utf8) { return .hidden }
    switch patterns.selects(path, isFolder: isFolder) {
    case false?: return .notSelected
    case true?: return nil
    case nil: break
    }
    if let reason = ignoring.reason(toSkip: path, isFolder: isFolder) { return reason }
    if !selection.includesHidden, entry.name.first == UInt8(ascii: ".") { return .hidden }
    return isFolder || patterns.isOfType(path) ? nil : .otherType
  }

  private mutating func add(_ path: FilePath, followingLink: Bool) {
    var status = stat()
    if path.withCString({ stat($0, &status) }) != 0 {
      skipped.append(SkippedFile(path: path, reason: SkipReason(systemError: errno)))
    } else if followingLink, status.isFolder {
      skipped.append(SkippedFile(path: path, reason: .linkToFolder))
    } else {
      add(path, status)
    }
  }

  private mutating func add(_ path: FilePath, _ status: stat) {
    let identity = Identity(
      device: UInt64(truncatingIfNeeded: status.st_dev), file: UInt64(truncatingIfNeeded: status.st_ino))
    if let kind = status.kindUnlessPlain {
      skipped.append(SkippedFile(path: path, reason: .notPlainFile(kind)))
    } else if !seen.insert(identity).inserted {
      skipped.append(SkippedFile(path: path, reason: .readAlready))
    } else {
      files.append(File(path: path, size: Int(status.st_size), modified: status.modified))
    }
  }
}
