#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The paragraphs, headings and fenced code of a text, from front to back.
///
/// The text may come in pieces. No block is longer than ``limit``, so that one is known to be whole before much of the
/// text is there: longer ones are divided between lines, or where a line is longer than that, between words.
struct TextBlocks: IteratorProtocol {
  struct Block: Sendable, Equatable {
    /// From the first byte that is no white space to the last.
    var range: Range<Int>
    /// Whether it is code, which has no sentences.
    var isCode = false
    var marks = Marks()
    /// The names around its first unit, and around the others.
    var context: ContextTree.Place = 0
    var innerContext: ContextTree.Place = 0

    mutating func move(by offset: Int) { range = range.lowerBound + offset..<range.upperBound + offset }
  }

  /// What says where passages begin.
  struct Marks: Sendable, Equatable {
    var isHeading = false
    /// Whether a passage begins here in any case.
    var startsPassage = false
    /// Whether it is a part of source code, which is not torn apart where it fits into a passage.
    var isDeclaration = false
    /// Tokens from here on that had better be in one passage, about.
    var together = 0
  }

  /// The sign and the length of a fence.
  struct Fence: Sendable {
    let sign: UInt8
    let count: Int
  }

  /// Bytes of a block, at most.
  static let limit = 1 << 16

  private let text: UnsafeBufferPointer<UInt8>
  private let format: DocumentFormat
  private let isLast: Bool
  /// The end of the blocks given so far.
  private(set) var position: Int
  /// The fence of the code that a block was divided in.
  private(set) var openFence: Fence?

  /// - Parameters:
  ///   - position: where the first block is looked for.
  ///   - openFence: the fence of code that began before it.
  ///   - isLast: whether nothing follows the text; else the blocks end with the last that is known to be whole.
  init(
    _ text: UnsafeBufferPointer<UInt8>, from position: Int = 0, format: DocumentFormat,
    openFence: Fence? = nil, isLast: Bool = true
  ) {
    self.text = text
    self.format = format
    self.position = position
    self.openFence = openFence
    self.isLast = isLast
  }

  mutating func next() -> Block? {
    let first = position
    if let openFence { return code(openFence, from: nil, restart: first) }
    var start: Int?
    while position < text.count {
      guard let line = lineRange(at: position) else {
        position = start ?? position
        return nil
      }
      if let start, line.upperBound - start > Self.limit { return paragraph(from: start, to: line.lowerBound) }
      let content = text.trimmed(line)
      if content.isEmpty {
        if let start { return paragraph(from: start, to: line.lowerBound) }
      } else if format == .markdown, isHeading(content, in: line) || fence(content) != nil {
        if let start { return paragraph(from: start, to: line.lowerBound) }
        position = line.upperBound
        if let fence = fence(content) { return code(fence, from: content, restart: line.lowerBound) }
        return heading(content)
      } else if format == .org, isStarred(line) {
        if let start { return paragraph(from: start, to: line.lowerBound) }
        position = line.upperBound
        return heading(content)
      } else if format == .restructuredText, start == nil {
        switch title(at: line) {
        case .title(let range, let end):
          position = end
          return heading(range)
        case .unknown:
          position = line.lowerBound
          return nil
        case .none: start = line.lowerBound
        }
      } else if start == nil {
        start = line.lowerBound
      }
      position = line.upperBound
    }
    guard let start else { return nil }
    if !isLast {
      position = start
      return nil
    }
    return paragraph(from: start, to: text.count)
  }

  private func paragraph(from start: Int, to end: Int) -> Block { Block(range: text.trimmed(start..<end)) }

  private func heading(_ range: Range<Int>) -> Block { Block(range: range, marks: Marks(isHeading: true)) }

  /// The line at `start` with its line break, or as much of it as a block may have; nil when its end has not come.
  private func lineRange(at start: Int) -> Range<Int>? {
    let window = min(Self.limit, text.count - start)
    guard window > 0, let base = text.baseAddress else { return nil }
    if let found = memchr(base + start, Int32(UInt8(ascii: "\n")), window) {
      return start..<UnsafeRawPointer(base).distance(to: found) + 1
    }
    guard window == Self.limit else { return isLast ? start..<text.count : nil }
    let end = start + window
    if let space = (start + window / 2..<end).last(where: { text[$0].isSpace }) { return start..<space + 1 }
    let scalar = (end - 3..<end).last { text[$0] & 0xc0 != 0x80 }
    // The last scalar goes to the next line, for it may not be whole.
    return start..<(scalar ?? end)
  }

  /// Whether the line is a heading of one to six number signs.
  private func isHeading(_ content: Range<Int>, in line: Range<Int>) -> Bool {
    guard content.lowerBound - line.lowerBound <= 3 else { return false }
    var signs = 0
    while content.lowerBound + signs < content.upperBound, text[content.lowerBound + signs] == UInt8(ascii: "#") {
      signs += 1
    }
    guard (1...6).contains(signs) else { return false }
    let next = content.lowerBound + signs
    return next == content.upperBound || text[next] == UInt8(ascii: " ") || text[next] == UInt8(ascii: "\t")
  }

  /// Whether the line begins with stars and a space, as headings of Org do.
  private func isStarred(_ line: Range<Int>) -> Bool {
    let signs = line.prefix { text[$0] == UInt8(ascii: "*") }
    return !signs.isEmpty && text.at(line.lowerBound + signs.count) == UInt8(ascii: " ")
  }

  /// What a line of reStructuredText begins.
  private enum Title {
    case title(Range<Int>, end: Int)
    case none
    /// The lines that follow have not come.
    case unknown
  }

  /// The title that begins with `line`: one with a line of punctuation below that is as long, or with the same line
  /// also above.
  private func title(at line: Range<Int>) -> Title {
    var lines = [line]
    let first = adornment(line)
    for _ in 0..<(first == nil ? 1 : 2) {
      let end = lines[lines.count - 1].upperBound
      guard let next = lineRange(at: end) else { return isLast ? .none : .unknown }
      lines.append(next)
    }
    let title = text.trimmed(lines[lines.count - 2])
    guard let below = adornment(lines[lines.count - 1]), !title.isEmpty, below.count >= 3 else { return .none }
    // Letters of several bytes take one column, about.
    let columns = title.count { text[$0] & 0xc0 != 0x80 }
    guard below.count >= min(columns, 40), first == nil || first?.sign == below.sign else { return .none }
    if first != nil, adornment(lines[1]) != nil { return .none }
    return .title(
      text.trimmed(line.lowerBound..<lines[lines.count - 1].upperBound), end: lines[lines.count - 1].upperBound)
  }

  /// The sign that the line is a row of, and how many of it.
  private func adornment(_ line: Range<Int>) -> (sign: UInt8, count: Int)? {
    guard let sign = line.first.map({ text[$0] }), sign > 0x20, sign < 0x7f, !sign.isWordByte else { return nil }
    let content = text.trimmed(line)
    return content.allSatisfy { text[$0] == sign } ? (sign, content.count) : nil
  }

  /// The fence that the line consists of or begins with.
  private func fence(_ content: Range<Int>) -> Fence? {
    guard let sign = content.first.map({ text[$0] }), sign == UInt8(ascii: "`") || sign == UInt8(ascii: "~") else {
      return nil
    }
    let run = content.prefix { text[$0] == sign }
    // Backticks behind the fence make it code within a line.
    if sign == UInt8(ascii: "`"), content.dropFirst(run.count).contains(where: { text[$0] == sign }) { return nil }
    return run.count >= 3 ? Fence(sign: sign, count: run.count) : nil
  }

  /// Fenced code up to and with the closing fence, or the end of the text.
  ///
  /// - Parameters:
  ///   - opening: the line with the opening fence, where that is part of it.
  ///   - restart: where to begin again when the end of the block has not come.
  private mutating func code(_ fence: Fence, from opening: Range<Int>?, restart: Int) -> Block? {
    var start = opening?.lowerBound
    var end = opening?.upperBound ?? position
    openFence = fence
    while position < text.count {
      guard let line = lineRange(at: position) else {
        if opening != nil { openFence = nil }
        position = restart
        return nil
      }
      if let start, line.upperBound - start > Self.limit { return Block(range: start..<end, isCode: true) }
      let content = text.trimmed(line)
      position = line.upperBound
      if content.isEmpty { continue }
      start = start ?? content.lowerBound
      end = content.upperBound
      if let closing = self.fence(content), closing.sign == fence.sign, closing.count >= fence.count,
        closing.count == content.count
      {
        openFence = nil
        return Block(range: (start ?? end)..<end, isCode: true)
      }
    }
    guard isLast else {
      if opening != nil { openFence = nil }
      position = restart
      return nil
    }
    return start.map { Block(range: $0..<end, isCode: true) }
  }
}
