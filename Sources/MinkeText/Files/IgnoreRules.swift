/// The rules of one `.gitignore` file, with the meaning that git gives them.
struct IgnoreRules: Sendable {
  private struct Rule: Sendable {
    /// The pattern between its slashes.
    var segments: [Segment] = []
    var isNegated = false
    var matchesFoldersOnly = false
  }

  private enum Segment: Sendable {
    /// `**`: any number of folders.
    case folders
    case name([NamePart])
  }

  private enum NamePart: Sendable {
    /// `*`: any number of bytes.
    case any
    case one
    case byte(UInt8)
    case set([ClosedRange<UInt8>], isNegated: Bool)
  }

  private var rules: [Rule] = []

  /// Reads the lines of a `.gitignore`; one that is no pattern is passed over, as git does.
  init(_ text: some Collection<UInt8>) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      if let rule = Self.rule(Array(line)) { rules.append(rule) }
    }
  }

  /// Whether the path, relative to the folder of the `.gitignore`, is ignored (true) or kept (false) by the last rule
  /// that matches it; nil when none does.
  func decision(on path: String, isFolder: Bool) -> Bool? {
    let path = path.utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
    for rule in rules.reversed() where isFolder || !rule.matchesFoldersOnly {
      if Self.matches(rule.segments, path) { return !rule.isNegated }
    }
    return nil
  }

  private static func rule(_ line: [UInt8]) -> Rule? {
    var line = line
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    while line.last == UInt8(ascii: " "), line.dropLast().last != UInt8(ascii: "\\") { line.removeLast() }
    if line.isEmpty || line[0] == UInt8(ascii: "#") { return nil }
    var rule = Rule()
    if line[0] == UInt8(ascii: "!") {
      rule.isNegated = true
      line.removeFirst()
    }
    if line.last == UInt8(ascii: "/") {
      rule.matchesFoldersOnly = true
      line.removeLast()
    }
    guard !line.isEmpty else { return nil }
    let isAnchored = line.contains(UInt8(ascii: "/"))
    if line[0] == UInt8(ascii: "/") { line.removeFirst() }
    if !isAnchored { rule.segments.append(.folders) }
    for segment in line.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      if segment.elementsEqual("**".utf8) {
        rule.segments.append(.folders)
      } else if let parts = nameParts(segment) {
        rule.segments.append(.name(parts))
      } else {
        return nil
      }
    }
    // What follows `/**` is everything inside, so there must be something.
    if rule.segments.count > 1, case .folders = rule.segments[rule.segments.count - 1] {
      rule.segments.append(.name([.any]))
    }
    return rule
  }

  /// Whether the segments of a pattern match those of a path.
  private static func matches(_ pattern: [Segment], _ path: [[UInt8]]) -> Bool {
    matches(
      pattern.count, path.count,
      isAny: { if case .folders = pattern[$0] { true } else { false } },
      isMatch: { if case .name(let parts) = pattern[$0] { matchesName(parts, path[$1]) } else { false } })
  }

  /// Matches a sequence with wildcards for any number of elements. It is enough to go back to the last wildcard, so the
  /// time is at most the product of the lengths.
  private static func matches(
    _ patternCount: Int, _ count: Int, isAny: (Int) -> Bool, isMatch: (_ pattern: Int, _ element: Int) -> Bool
  ) -> Bool {
    var (pattern, element) = (0, 0)
    var retry: (pattern: Int, element: Int)?
    while element < count {
      if pattern < patternCount, isAny(pattern) {
        retry = (pattern + 1, element)
        pattern += 1
      } else if pattern < patternCount, isMatch(pattern, element) {
        pattern += 1
        element += 1
      } else if let place = retry {
        pattern = place.pattern
        element = place.element + 1
        retry = (pattern, element)
      } else {
        return false
      }
    }
    while pattern < patternCount, isAny(pattern) { pattern += 1 }
    return pattern == patternCount
  }

  private static func matchesName(_ parts: [NamePart], _ name: [UInt8]) -> Bool {
    matches(
      parts.count, name.count,
      isAny: { if case .any = parts[$0] { true } else { false } },
      isMatch: { part, index in
        switch parts[part] {
        case .any: false
        case .one: true
        case .byte(let byte): byte == name[index]
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(name[index]) } != isNegated
        }
      })
  }

  /// The parts of a pattern without slashes: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a plain character.
  ///
  /// Nil when a bracket is not closed or nothing follows a backslash.
  private static func nameParts(_ pattern: ArraySlice<UInt8>) -> [NamePart]? {
    var parts: [NamePart] = []
    var rest = pattern
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): parts.append(.any)
      case UInt8(ascii: "?"): parts.append(.one)
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return nil }
        parts.append(.byte(escaped))
      case UInt8(ascii: "["):
        guard let set = set(&rest) else { return nil }
        parts.append(set)
      default: parts.append(.byte(byte))
      }
    }
    return parts
  }

  private static func set(_ rest: inout ArraySlice<UInt8>) -> NamePart? {
    var ranges: [ClosedRange<UInt8>] = []
    let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
    if isNegated { rest.removeFirst() }
    var isFirst = true
    while var low = rest.popFirst() {
      if low == UInt8(ascii: "]"), !isFirst { return .set(ranges, isNegated: isNegated) }
      isFirst = false
      if low == UInt8(ascii: "\\") {
        guard let escaped = rest.popFirst() else { return nil }
        low = escaped
      }
      var high = low
      if rest.first == UInt8(ascii: "-"), let end = rest.dropFirst().first, end != UInt8(ascii: "]") {
        rest.removeFirst(2)
        high = end
        if end == UInt8(ascii: "\\") {
          guard let escaped = rest.popFirst() else { return nil }
          high = escaped
        }
      }
      if low <= high { ranges.append(low...high) }
    }
    return nil
  }
}
