#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The ignore files that hold in a folder: its own, those of the folders above it up to the root of the repository, and
/// the repository's `info/exclude`.
///
/// A `.ignore` goes before a `.gitignore`, and that before `info/exclude`; of several of one sort the innermost that
/// says something decides. What lies above a folder with a `.git` holds for another repository.
struct IgnoreStack: Sendable {
  private struct Level: Sendable {
    let rules: IgnoreRules
    /// The ignore file.
    let path: FilePath
    /// Bytes of an entry's path that lead to the folder of the ignore file, where that lies below a folder walked.
    let dropped: Int
    /// What leads from the folder of the ignore file to the folder walked, where it lies above.
    let prefix: [ArraySlice<UInt8>]
  }

  private var ignore: [Level] = []
  private var gitignore: [Level] = []
  private var exclude: [Level] = []

  /// No rules.
  init() {}

  /// The rules from above the folder at `root`, which is to be walked.
  init(above root: FilePath) {
    guard let resolved = root.resolved else { return }
    let names = resolved.bytes.split(separator: UInt8(ascii: "/"))
    let folders = (0...names.count).map {
      FilePath(bytes: [UInt8(ascii: "/")] + names[..<$0].joined(separator: [0x2f]))
    }
    guard !folders[names.count].entry(".git".utf8).exists,
      let repository = (0..<names.count).last(where: { folders[$0].entry(".git".utf8).exists })
    else { return }
    let dropped = root.entry([]).bytes.count
    for depth in repository..<names.count {
      add(
        from: folders[depth], hasGit: depth == repository, hasGitignore: true, hasIgnore: true, dropped: dropped,
        prefix: Array(names[depth...]))
    }
  }

  /// Adds the rules of a folder on the way.
  mutating func enter(_ folder: FilePath, entries: [FolderListing.Entry]) {
    func has(_ name: String) -> Bool { entries.contains { $0.name.elementsEqual(name.utf8) } }
    add(
      from: folder, hasGit: has(".git"), hasGitignore: has(".gitignore"), hasIgnore: has(".ignore"),
      dropped: folder.entry([]).bytes.count, prefix: [])
  }

  private mutating func add(
    from folder: FilePath, hasGit: Bool, hasGitignore: Bool, hasIgnore: Bool, dropped: Int, prefix: [ArraySlice<UInt8>]
  ) {
    func level(_ path: FilePath) -> [Level] {
      guard let text = path.ruleText else { return [] }
      let rules = IgnoreRules(text)
      return rules.isEmpty ? [] : [Level(rules: rules, path: path, dropped: dropped, prefix: prefix)]
    }
    if hasGit {
      gitignore = []
      exclude = Self.excludeFile(of: folder).map(level) ?? []
    }
    if hasGitignore { gitignore += level(folder.entry(".gitignore".utf8)) }
    if hasIgnore { ignore += level(folder.entry(".ignore".utf8)) }
  }

  /// Where a repository has its `info/exclude`: in `.git`, or where a `.git` that is a file leads to.
  private static func excludeFile(of folder: FilePath) -> FilePath? {
    let git = folder.entry(".git".utf8)
    guard let pointer = git.ruleText else { return git.entry("info/exclude".utf8) }
    func path(_ line: some Collection<UInt8>, from folder: FilePath) -> FilePath {
      let line = Array(line.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
      return line.first == UInt8(ascii: "/") ? FilePath(bytes: line) : folder.entry(line)
    }
    guard pointer.starts(with: "gitdir: ".utf8) else { return nil }
    let gitFolder = path(pointer.dropFirst("gitdir: ".utf8.count), from: folder)
    // A work tree shares what is in the folder of its repository.
    let common = gitFolder.entry("commondir".utf8).ruleText.map { path($0, from: gitFolder) }
    return (common ?? gitFolder).entry("info/exclude".utf8)
  }

  /// Why the entry at `path` is ignored; nil when it is not.
  func reason(toSkip path: FilePath, isFolder: Bool) -> SkipReason? {
    for levels in [ignore, gitignore, exclude] {
      for level in levels.reversed() {
        let parts = level.prefix + path.bytes[level.dropped...].split(separator: UInt8(ascii: "/"))
        if let decision = level.rules.decision(on: parts, isFolder: isFolder) {
          return decision.isIgnored ? .ignored(by: level.path.description, line: decision.line) : nil
        }
      }
    }
    return nil
  }
}

extension FilePath {
  /// The path from the root of the file system, without links.
  fileprivate var resolved: FilePath? {
    guard let path = withCString({ realpath($0, nil) }) else { return nil }
    defer { free(path) }
    return FilePath(bytes: UnsafeBufferPointer(start: path, count: strlen(path)).map { UInt8(bitPattern: $0) })
  }

  fileprivate var exists: Bool { withCString { access($0, F_OK) == 0 } }

  /// The bytes of a small file of rules, whatever they are; nil when there is none.
  fileprivate var ruleText: [UInt8]? { contents(atMost: 1 << 24) }
}
