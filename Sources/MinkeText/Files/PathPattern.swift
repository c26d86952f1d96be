/// A pattern for paths as a line of a `.gitignore` has it.
///
/// `*`, `?` and `[a-z]` match within a name, `**` as a whole part of the path any number of folders. A pattern without
/// a slash, but for one at its end, matches names at any depth; others match from the start. Bytes are compared, not
/// characters, as git does.
struct PathPattern: Sendable {
  /// Whether it begins with `!`.
  private(set) var isNegated = false
  /// Whether it ends with a slash.
  private(set) var matchesFoldersOnly = false
  private var segments: [Segment] = []
  private var matchesNames = false

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

  /// Reads a pattern; nil for what git takes for none and for what can match nothing.
  init?(_ pattern: some Collection<UInt8>) {
    var line = Array(pattern)
    if line.first == UInt8(ascii: "!") {
      isNegated = true
      line.removeFirst()
    }
    if line.last == UInt8(ascii: "/") {
      matchesFoldersOnly = true
      line.removeLast()
    }
    guard !line.isEmpty else { return nil }
    matchesNames = !line.contains(UInt8(ascii: "/"))
    if line[0] == UInt8(ascii: "/") { line.removeFirst() }
    guard let segments = Self.segments(line[...]) else { return nil }
    self.segments = segments
    // What follows `/**` is everything inside, so there must be something.
    if segments.count > 1, case .folders = segments[segments.count - 1] { self.segments.append(.name([.any])) }
  }

  /// Whether the path matches, whose parts between slashes are `parts`.
  func matches(_ parts: [ArraySlice<UInt8>]) -> Bool {
    guard let name = parts.last else { return false }
    if matchesNames {
      switch segments[0] {
      case .folders: return true
      case .name(let pattern): return Self.matchesName(pattern, name)
      }
    }
    return Self.matches(
      segments.count, parts.count,
      isAny: { if case .folders = segments[$0] { true } else { false } },
      isMatch: { if case .name(let pattern) = segments[$0] { Self.matchesName(pattern, parts[$1]) } else { false } })
  }

  /// Matches a sequence with wildcards for any number of elements. It is enough to go back to the last wildcard, so the
  /// time is at most the product of the lengths.
  @inline(__always)
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

  private static func matchesName(_ parts: [NamePart], _ name: ArraySlice<UInt8>) -> Bool {
    let start = name.startIndex
    return matches(
      parts.count, name.count,
      isAny: { if case .any = parts[$0] { true } else { false } },
      isMatch: { part, index in
        switch parts[part] {
        case .any: false
        case .one: true
        case .byte(let byte): byte == name[start + index]
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(name[start + index]) } != isNegated
        }
      })
  }

  // MARK: Reading a pattern

  /// The parts between slashes. A slash in brackets ends no part.
  private static func segments(_ pattern: ArraySlice<UInt8>) -> [Segment]? {
    var segments: [Segment] = []
    var parts: [NamePart] = []
    // Two stars or more and nothing else: any number of folders.
    var stars = 0
    func end() {
      segments.append(stars >= 2 && parts.count == stars ? .folders : .name(parts))
      parts = []
      stars = 0
    }
    var rest = pattern
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "/"): end()
      case UInt8(ascii: "*"):
        stars += 1
        parts.append(.any)
      case UInt8(ascii: "?"): parts.append(.one)
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return nil }
        if escaped == UInt8(ascii: "/") { end() } else { parts.append(.byte(escaped)) }
      case UInt8(ascii: "["):
        guard let set = set(&rest) else { return nil }
        parts.append(set)
      default: parts.append(.byte(byte))
      }
    }
    end()
    return segments
  }

  /// The rest of a set behind its `[`, up to and with its `]`; nil where that is missing or a class is unknown.
  private static func set(_ rest: inout ArraySlice<UInt8>) -> NamePart? {
    var ranges: [ClosedRange<UInt8>] = []
    let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
    if isNegated { rest.removeFirst() }
    // The byte that a range may begin with.
    var low: UInt8?
    var isFirst = true
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "]"), !isFirst { return .set(ranges, isNegated: isNegated) }
      isFirst = false
      switch byte {
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return nil }
        ranges.append(escaped...escaped)
        low = escaped
      case UInt8(ascii: "-"):
        guard let start = low, let next = rest.first, next != UInt8(ascii: "]") else {
          ranges.append(byte...byte)
          low = byte
          continue
        }
        rest.removeFirst()
        var high = next
        if next == UInt8(ascii: "\\") {
          guard let escaped = rest.popFirst() else { return nil }
          high = escaped
        }
        if start <= high { ranges.append(start...high) }
        low = nil
      case UInt8(ascii: "[") where rest.first == UInt8(ascii: ":"):
        guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
        let inside = rest[(rest.startIndex + 1)..<end]
        guard inside.last == UInt8(ascii: ":") else {
          // No class after all, but a bracket and a colon.
          ranges.append(byte...byte)
          low = byte
          continue
        }
        guard let members = characterClasses[String(decoding: inside.dropLast(), as: UTF8.self)] else { return nil }
        ranges += members
        rest = rest[(end + 1)...]
        low = nil
      default:
        ranges.append(byte...byte)
        low = byte
      }
    }
    return nil
  }

  /// The classes of POSIX, over ASCII.
  private static let characterClasses: [String: [ClosedRange<UInt8>]] = [
    "alnum": [0x30...0x39, 0x41...0x5a, 0x61...0x7a], "alpha": [0x41...0x5a, 0x61...0x7a],
    "blank": [0x09...0x09, 0x20...0x20], "cntrl": [0x00...0x1f, 0x7f...0x7f], "digit": [0x30...0x39],
    "graph": [0x21...0x7e], "lower": [0x61...0x7a], "print": [0x20...0x7e],
    "punct": [0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e], "space": [0x09...0x0d, 0x20...0x20],
    "upper": [0x41...0x5a], "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
  ]
}
