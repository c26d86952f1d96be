/// Splits text into passages of about equal length that begin and end where the text itself pauses.
///
/// A passage ends at the end of a paragraph where it can, else of a sentence, else of a line or word. Paragraphs too
/// short to stand alone are joined. A passage repeats the last sentences of the one before it, so that what is said
/// across a boundary is found as well. Every byte but white space is part of some passage.
///
/// A paragraph ends at an empty line; a single line break is a space, as in texts with lines of fixed width.
/// Splitting takes time linear in the text.
public struct PassageSplitter: Sendable {
  /// How the text marks its structure.
  public enum Format: Sendable {
    /// Paragraphs between empty lines: prose, and source code as well.
    case plain
    /// Also headings, at which a passage begins without repeating anything, and fenced code, kept together.
    case markdown

    /// The format that the ending of a file's name tells.
    public init(path: String) {
      let name = path.split(separator: "/").last ?? ""
      let ending = name.split(separator: ".", omittingEmptySubsequences: false).last?.lowercased() ?? ""
      self = ["md", "markdown", "mdown", "mkd"].contains(ending) ? .markdown : .plain
    }
  }

  /// Tokens of a passage, at most; where a word that is longer than that is cut, a token or two more.
  public let length: Int
  /// Tokens that a passage repeats of the one before it, at most.
  public let overlap: Int
  private let tokenizer: (any Tokenizer)?

  /// - Parameters:
  ///   - length: tokens of a passage, at most. A token counts for no more than 16 bytes, whatever the tokenizer says.
  ///   - overlap: tokens repeated from the passage before, at most; an eighth of `length` if nil.
  ///   - tokenizer: what counts the tokens; without one, 4 bytes count as a token.
  public init(length: Int = 200, overlap: Int? = nil, tokenizer: (any Tokenizer)? = nil) {
    self.length = max(1, length)
    self.overlap = min(max(0, overlap ?? length / 8), self.length / 2)
    self.tokenizer = tokenizer
  }

  /// The passages of `text`, UTF-8 bytes, in order. A byte order mark at the start is part of none.
  public func split(_ text: UnsafeBufferPointer<UInt8>, format: Format = .plain) -> [Passage] {
    var blocks = TextBlocks(text, format: format)
    var builder = Builder(length: length, overlap: overlap)
    var ids: [TokenID] = []
    while let block = blocks.next() {
      var units: [Unit] = []
      for sentence in block.isCode ? [block.range] : text.sentences(in: block.range) {
        if let unit = unit(sentence, in: text, &ids) {
          units.append(unit)
          continue
        }
        for line in text.lines(in: sentence) {
          if let unit = unit(line, in: text, &ids) {
            units.append(unit)
          } else {
            cut(line, in: text, &ids) { units.append($0) }
          }
        }
      }
      builder.append(units, isHeading: block.isHeading)
    }
    return builder.passages(in: text)
  }

  /// The passages of `text`.
  public func split(_ text: String, format: Format = .plain) -> [Passage] {
    var text = text
    return text.withUTF8 { split($0, format: format) }
  }

  // MARK: Sizes

  /// A part of the text that is not divided, and its size in tokens.
  struct Unit {
    let range: Range<Int>
    let size: Int
  }

  private static let bytesOfToken = 16

  private func size(of range: Range<Int>, in text: UnsafeBufferPointer<UInt8>, _ ids: inout [TokenID]) -> Int {
    guard let tokenizer else { return max(1, range.count / 4) }
    ids.removeAll(keepingCapacity: true)
    tokenizer.encode(UnsafeBufferPointer(rebasing: text[range]), addingSpecialTokens: false, into: &ids)
    return max(1, ids.count, range.count / Self.bytesOfToken)
  }

  /// A part of the text, when it is no longer than a passage.
  private func unit(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>, _ ids: inout [TokenID]) -> Unit? {
    guard range.count / Self.bytesOfToken <= length else { return nil }
    let size = size(of: range, in: text, &ids)
    return size <= length ? Unit(range: range, size: size) : nil
  }

  /// Cuts a line too long for a passage between words, or within a word too long, into parts of at most `overlap`
  /// tokens.
  private func cut(
    _ line: Range<Int>, in text: UnsafeBufferPointer<UInt8>, _ ids: inout [TokenID], _ append: (Unit) -> Void
  ) {
    let partSize = max(1, overlap)
    let longest = max(4, partSize * (tokenizer == nil ? 4 : 2))
    var part: Unit?
    func add(_ word: Range<Int>, _ size: Int) {
      if let open = part, open.size + size <= partSize {
        part = Unit(range: open.range.lowerBound..<word.upperBound, size: open.size + size)
      } else {
        if let part { append(part) }
        part = Unit(range: word, size: size)
      }
    }
    for word in text.words(in: line) {
      var rest = word
      while rest.count > longest {
        var end = rest.lowerBound + longest
        while end > rest.lowerBound + 1, text[end] & 0xc0 == 0x80 { end -= 1 }
        add(rest.lowerBound..<end, size(of: rest.lowerBound..<end, in: text, &ids))
        rest = end..<rest.upperBound
      }
      add(rest, size(of: rest, in: text, &ids))
    }
    if let part { append(part) }
  }

  // MARK: Packing

  /// Packs units into passages, each a run of units.
  private struct Builder {
    let length: Int
    let overlap: Int
    private var units: [Unit] = []
    private var finished: [Range<Int>] = []
    /// The first unit of the passage being filled, its size, and whether it holds more than is repeated.
    private var first = 0
    private var size = 0
    private var hasNew = false
    private var hasOnlyHeadings = true

    init(length: Int, overlap: Int) {
      self.length = length
      self.overlap = overlap
    }

    mutating func append(_ block: [Unit], isHeading: Bool) {
      // A heading stays with the heading above it.
      if isHeading, !hasOnlyHeadings { close(repeating: false) }
      defer { hasOnlyHeadings = hasOnlyHeadings && isHeading }
      let total = block.reduce(0) { $0 + $1.size }
      // A paragraph that would be torn apart begins a passage of its own, unless that leaves the last one half empty.
      if size + total > length, total <= length, size >= length / 2 { close(repeating: true) }
      for unit in block {
        if size + unit.size > length {
          close(repeating: true)
          if size + unit.size > length { forgetRepeated() }
        }
        units.append(unit)
        size += unit.size
        hasNew = true
      }
    }

    private mutating func close(repeating: Bool) {
      guard hasNew else { return forgetRepeated() }
      finished.append(first..<units.count)
      var start = units.count
      size = 0
      while repeating, start > first + 1, size + units[start - 1].size <= overlap {
        start -= 1
        size += units[start].size
      }
      first = start
      hasNew = false
      hasOnlyHeadings = true
    }

    private mutating func forgetRepeated() {
      guard !hasNew else { return }
      first = units.count
      size = 0
    }

    mutating func passages(in text: UnsafeBufferPointer<UInt8>) -> [Passage] {
      close(repeating: false)
      var passages: [Passage] = []
      passages.reserveCapacity(finished.count)
      var line = 1
      var position = 0
      func countLines(to end: Int) {
        while position < end {
          if text[position] == UInt8(ascii: "\n") { line += 1 }
          position += 1
        }
      }
      for run in finished {
        let range = units[run.lowerBound].range.lowerBound..<units[run.upperBound - 1].range.upperBound
        // A passage may begin before the end of the last one.
        while position > range.lowerBound {
          position -= 1
          if text[position] == UInt8(ascii: "\n") { line -= 1 }
        }
        countLines(to: range.lowerBound)
        let firstLine = line
        countLines(to: range.upperBound)
        passages.append(Passage(byteRange: range, lines: firstLine...line))
      }
      return passages
    }
  }
}
