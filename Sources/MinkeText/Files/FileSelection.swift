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
  /// Patterns as in a `.gitignore`, in which `*.{md,txt}` also stands for `*.md` and `*.txt`, but those without `!` take in what they match, hidden and ignored files too, and
  /// leave out the files that none of them matches; those with `!` leave out. The last one that matches decides.
  public var globs: [String] = []
  /// Names of ``FileType/all``; files of other types are left out unless there is none.
  public var types: [String] = []

  /// A selection that differs from the default where it is given.
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

  /// - Throws: `MinkeError` of kind `invalidArgument` for a pattern that is none or a type that is not known.
  init(_ selection: FileSelection) throws(MinkeError) {
    var globs: [PathPattern] = []
    for glob in selection.globs {
      let patterns = Self.alternatives(Array(glob.utf8)).map { $0.map { PathPattern($0) } }
      guard let patterns, !patterns.contains(where: { $0 == nil }) else {
        throw MinkeError(
          .invalidArgument, "glob", expected: "a pattern such as *.md or !drafts/, its brackets closed",
          found: "\"\(glob)\"")
      }
      globs += patterns.compactMap { $0 }
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

  /// The patterns that `glob` stands for, whose braces hold alternatives; nil for a brace that is not closed, and for
  /// more than a thousand.
  private static func alternatives(_ glob: [UInt8]) -> [[UInt8]]? {
    var depth = 0
    // The outermost opening brace, the commas between its alternatives, and its closing one.
    var cuts: [Int] = []
    var index = 0
    while index < glob.count {
      switch glob[index] {
      case UInt8(ascii: "\\"): index += 1
      case UInt8(ascii: "["):
        // A bracket that comes first stands for itself.
        let first = glob[(index + 1)...].firstIndex { $0 != UInt8(ascii: "!") && $0 != UInt8(ascii: "^") }
        let end = first.flatMap { glob[($0 + 1)...].firstIndex(of: UInt8(ascii: "]")) }
        index = end ?? index
      case UInt8(ascii: "{"):
        if depth == 0 { cuts = [index] }
        depth += 1
      case UInt8(ascii: ",") where depth == 1: cuts.append(index)
      case UInt8(ascii: "}") where depth == 1:
        cuts.append(index)
        let (before, behind) = (glob[..<cuts[0]], glob[(index + 1)...])
        var all: [[UInt8]] = []
        for (start, end) in zip(cuts, cuts.dropFirst()) {
          let one = [before, glob[(start + 1)..<end], behind]
          guard let some = alternatives(Array(one.joined())) else { return nil }
          all += some
          if all.count > 1000 { return nil }
        }
        return all
      case UInt8(ascii: "}") where depth > 1: depth -= 1
      default: break
      }
      index += 1
    }
    return depth == 0 ? [glob] : nil
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
