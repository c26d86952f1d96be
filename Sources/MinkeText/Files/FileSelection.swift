import MinkeCore

/// Which of the files below a folder are read.
///
/// What is named itself is read in any case.
public struct FileSelection: Sendable {
  /// Whether files and folders are read whose name begins with a full stop; a folder `.git` never is.
  public var includesHidden = false
  /// Whether `.gitignore`, `.ignore` and `.git/info/exclude` leave files out, those above the folder that is walked
  /// included as far as its repository reaches.
  public var followsIgnoreFiles = true
  /// Patterns as in a `.gitignore`, but those without `!` take in what they match, hidden and ignored files too, and
  /// leave out the files that none of them matches; those with `!` leave out. The last one that matches decides.
  public var globs: [String] = []
  /// Names of ``FileType/all``; files of other types are left out unless there is none.
  public var types: [String] = []

  public init(
    includesHidden: Bool = false, followsIgnoreFiles: Bool = true, globs: [String] = [], types: [String] = []
  ) {
    self.includesHidden = includesHidden
    self.followsIgnoreFiles = followsIgnoreFiles
    self.globs = globs
    self.types = types
  }
}

/// The globs and types of a ``FileSelection``, read.
struct SelectionPatterns: Sendable {
  private let globs: [PathPattern]
  private let types: [PathPattern]
  private let hasInclusions: Bool

  /// - Throws: ``MinkeError`` of kind `invalidArgument` for a pattern that is none or a type that is not known.
  init(_ selection: FileSelection) throws(MinkeError) {
    var globs: [PathPattern] = []
    for glob in selection.globs {
      guard let pattern = PathPattern(glob.utf8) else {
        throw MinkeError(
          .invalidArgument, "glob", expected: "a pattern such as *.md or !drafts/, its brackets closed",
          found: "\"\(glob)\"")
      }
      globs.append(pattern)
    }
    var types: [PathPattern] = []
    for name in selection.types {
      guard let type = FileType.all.first(where: { $0.name == name }) else {
        throw MinkeError(
          .invalidArgument, "type", expected: "one of \(FileType.all.map(\.name).joined(separator: ", "))",
          found: "\"\(name)\"")
      }
      types += type.globs.compactMap { PathPattern($0.utf8) }
    }
    self.globs = globs
    self.types = types
    hasInclusions = globs.contains { !$0.isNegated }
  }

  /// Whether the globs take a path in or leave it out; nil when they say nothing of it.
  func selects(_ path: FilePath, isFolder: Bool) -> Bool? {
    if globs.isEmpty { return nil }
    let parts = path.bytes.split(separator: UInt8(ascii: "/")).drop { $0.elementsEqual([0x2e]) }
    for pattern in globs.reversed() where isFolder || !pattern.matchesFoldersOnly {
      if pattern.matches(Array(parts)) { return !pattern.isNegated }
    }
    return hasInclusions && !isFolder ? false : nil
  }

  func isOfType(_ path: FilePath) -> Bool { types.isEmpty || types.contains { $0.matches([path.name]) } }
}
