/// The rules of one ignore file, with the meaning that git gives them.
struct IgnoreRules: Sendable {
  /// What a rule says of a path.
  struct Decision: Sendable, Equatable {
    let isIgnored: Bool
    /// The line of the rule; the first is 1.
    let line: Int
  }

  private var rules: [(pattern: PathPattern, line: Int)] = []

  var isEmpty: Bool { rules.isEmpty }

  /// Reads the lines of a `.gitignore`; one that is no pattern is passed over, as git does.
  init(_ text: some Collection<UInt8>) {
    var text = Array(text)[...]
    if text.starts(with: [0xef, 0xbb, 0xbf]) { text = text.dropFirst(3) }
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = Self.trimmed(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
      if line.first == UInt8(ascii: "#") { continue }
      if let pattern = PathPattern(line) { rules.append((pattern, index + 1)) }
    }
  }

  /// What the last rule says that matches the path, given by its parts below the folder of the ignore file; nil when
  /// none does.
  func decision(on parts: [ArraySlice<UInt8>], isFolder: Bool) -> Decision? {
    for (pattern, line) in rules.reversed() where isFolder || !pattern.matchesFoldersOnly {
      if pattern.matches(parts) { return Decision(isIgnored: !pattern.isNegated, line: line) }
    }
    return nil
  }

  /// The line without the spaces at its end, but for one behind a backslash.
  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var spaces: Int?
    var position = line.startIndex
    while position < line.endIndex {
      switch line[position] {
      case UInt8(ascii: " "): spaces = spaces ?? position
      case UInt8(ascii: "\\"):
        position += 1
        if position == line.endIndex { return line }
        spaces = nil
      default: spaces = nil
      }
      position += 1
    }
    return spaces.map { line[..<$0] } ?? line
  }
}
