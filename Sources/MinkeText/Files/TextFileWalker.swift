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

/// Finds the text files below given files and folders, always in the same order.
///
/// A folder is searched with all its subfolders, by name in byte order. Left out are hidden files and folders and
/// what the `.gitignore` files met on the way ignore; a symbolic link to a file is read, one to a folder is not
/// entered. What is named itself is taken even if hidden or ignored. A file reached by several ways is taken once.
public struct TextFileWalker: Sendable {
  /// How many files were read and how many were left out when they were read.
  public struct Counts: Sendable, Equatable {
    public var read = 0
    /// Files with a NUL byte or bytes that are not UTF-8.
    public var skippedBinary = 0
    /// Files that had gone, that may not be read, or that are no plain files.
    public var skippedUnreadable = 0

    public init() {}
  }

  /// The paths of the files found, before any was read.
  public private(set) var files: [String] = []
  /// Folders that could not be listed.
  public private(set) var unreadableFolders: [String] = []
  private var seen: Set<Identity> = []

  private struct Identity: Hashable {
    let device: UInt64
    let file: UInt64
  }

  /// Lists what is to be read below `paths`.
  ///
  /// - Throws: ``MinkeError`` of kind `notFound` when one of `paths` does not exist, `CancellationError` when the
  ///   calling task was cancelled.
  public init(_ paths: [String]) throws {
    for path in paths {
      guard let status = Self.status(path) else {
        throw MinkeError.systemCall(errno, path, expected: "a file or folder")
      }
      if status.st_mode & S_IFMT == S_IFDIR {
        try walk(path, ignoring: [])
      } else {
        add(path, status)
      }
    }
    seen = []
  }

  /// Reads the files one after the other and calls `body` with each that holds text.
  ///
  /// - Throws: what `body` throws, or `CancellationError` when the calling task was cancelled.
  public func readEach(_ body: (TextFile) throws -> Void) throws -> Counts {
    var counts = Counts()
    for path in files {
      try Task.checkCancellation()
      switch TextFile.read(path) {
      case .text(let file):
        counts.read += 1
        try body(file)
      case .binary: counts.skippedBinary += 1
      case .unreadable: counts.skippedUnreadable += 1
      }
    }
    return counts
  }

  /// The rules of a `.gitignore` and how many bytes of a path lead to its folder.
  private typealias Ignoring = (rules: IgnoreRules, prefix: Int)

  private mutating func walk(_ folder: String, ignoring outer: [Ignoring]) throws {
    // Folders still to be entered, the next one last: recursion would let a deep tree exhaust the stack.
    var pending = [(path: folder, isFolder: true, ignoring: outer)]
    while let (path, isFolder, outer) = pending.popLast() {
      try Task.checkCancellation()
      guard isFolder else {
        if let status = Self.status(path) { add(path, status) } else { files.append(path) }
        continue
      }
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
        unreadableFolders.append(path)
        continue
      }
      let base = path.hasSuffix("/") ? path : path + "/"
      var ignoring = outer
      if names.contains(".gitignore"), case .text(let file) = TextFile.read(base + ".gitignore") {
        ignoring.append((IgnoreRules(file.text.utf8), base.utf8.count))
      }
      let visible = names.filter { !$0.hasPrefix(".") }
      for name in visible.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }).reversed() {
        let entry = base + name
        let isFolder = Self.isFolder(entry)
        if Self.isIgnored(entry, isFolder: isFolder, by: ignoring) { continue }
        if !isFolder, let target = Self.status(entry), target.st_mode & S_IFMT == S_IFDIR { continue }
        pending.append((entry, isFolder, ignoring))
      }
    }
  }

  private mutating func add(_ path: String, _ status: stat) {
    let identity = Identity(
      device: UInt64(truncatingIfNeeded: status.st_dev), file: UInt64(truncatingIfNeeded: status.st_ino))
    if seen.insert(identity).inserted { files.append(path) }
  }

  /// The innermost `.gitignore` that says something decides.
  private static func isIgnored(_ path: String, isFolder: Bool, by ignoring: [Ignoring]) -> Bool {
    for (rules, prefix) in ignoring.reversed() {
      let relative = String(decoding: path.utf8.dropFirst(prefix), as: UTF8.self)
      if let decision = rules.decision(on: relative, isFolder: isFolder) { return decision }
    }
    return false
  }

  /// What a path leads to, links followed.
  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// Whether the path is itself a folder and not a link to one.
  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
