/// One step that cuts text into pieces, of which no token reaches over the ends.
///
/// Steps hold no reference, so that going through them for each word counts none.
enum PreTokenizer: BitwiseCopyable, Equatable, Sendable {
  /// Cuts where a pattern matches; inverted, where it does not.
  case split(TextPattern, SplitBehavior, isInverted: Bool)
  /// Runs of word characters, and runs of what is neither those nor white space.
  case whitespace
  /// Makes a visible character of each space and cuts before it, if asked to.
  case metaspace(UInt32, prefix: MetaspacePrefix, splits: Bool)
  /// Bytes stand for themselves from here on; words of the pattern of GPT-2 are cut, if asked to.
  case byteLevel(addsPrefixSpace: Bool, cutsWords: Bool)
}

/// Where Metaspace puts a space in front.
enum MetaspacePrefix: Sendable {
  case never
  case always
  /// In front of what begins the whole text.
  case first
}

/// What becomes of a match that cuts a text.
enum SplitBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"
}

/// Puts the matches of a text and what stands between them together as a ``SplitBehavior`` says.
struct SplitPieces {
  let behavior: SplitBehavior
  private var pending: (range: Range<Int>, isMatch: Bool)?

  init(_ behavior: SplitBehavior) { self.behavior = behavior }

  /// The piece that is whole once `range` is known; nil when it may still grow, or is removed.
  @inline(__always)
  mutating func next(_ range: Range<Int>, isMatch: Bool) -> Range<Int>? {
    if range.isEmpty { return nil }
    switch behavior {
    case .removed: return isMatch ? nil : range
    case .isolated: return range
    case .mergedWithPrevious:
      if isMatch, let before = pending, !before.isMatch {
        pending = (before.range.lowerBound..<range.upperBound, true)
        return nil
      }
    case .mergedWithNext:
      if !isMatch, let before = pending, before.isMatch {
        pending = (before.range.lowerBound..<range.upperBound, false)
        return nil
      }
    case .contiguous:
      if let before = pending, before.isMatch == isMatch {
        pending = (before.range.lowerBound..<range.upperBound, isMatch)
        return nil
      }
    }
    defer { pending = (range, isMatch) }
    return pending?.range
  }

  /// The last piece.
  func last() -> Range<Int>? { pending?.range }
}
