/// The paragraphs, headings and fenced code of a text, from front to back.
struct TextBlocks: IteratorProtocol {
  struct Block: Equatable {
    /// From the first byte that is no white space to the last.
    let range: Range<Int>
    var isHeading = false
    /// Whether it is fenced code, which has no sentences.
    var isCode = false
  }

  private let text: UnsafeBufferPointer<UInt8>
  private let format: PassageSplitter.Format
  private var position = 0

  init(_ text: UnsafeBufferPointer<UInt8>, format: PassageSplitter.Format) {
    self.text = text
    self.format = format
    if text.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
  }

  mutating func next() -> Block? {
    var start: Int?
    while position < text.count {
      let line = lineRange(at: position)
      let content = text.trimmed(line)
      if content.isEmpty {
        if let start { return paragraph(from: start, to: line.lowerBound) }
      } else if format == .markdown, isHeading(content, in: line) || fence(content, in: line) != nil {
        if let start { return paragraph(from: start, to: line.lowerBound) }
        if let fence = fence(content, in: line) { return code(fence, from: content.lowerBound, line: line) }
        position = line.upperBound
        return Block(range: content, isHeading: true)
      } else if start == nil {
        start = line.lowerBound
      }
      position = line.upperBound
    }
    return start.flatMap { paragraph(from: $0, to: text.count) }
  }

  private func paragraph(from start: Int, to end: Int) -> Block { Block(range: text.trimmed(start..<end)) }

  /// The line at `start` with its line break.
  private func lineRange(at start: Int) -> Range<Int> {
    var end = start
    while end < text.count {
      end += 1
      if text[end - 1] == UInt8(ascii: "\n") { break }
    }
    return start..<end
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

  /// The sign and the length of the fence that the line consists of or begins with.
  private func fence(_ content: Range<Int>, in line: Range<Int>) -> (sign: UInt8, count: Int)? {
    guard let sign = content.first.map({ text[$0] }), sign == UInt8(ascii: "`") || sign == UInt8(ascii: "~") else {
      return nil
    }
    let run = content.prefix { text[$0] == sign }
    // Backticks behind the fence make it code within a line.
    if sign == UInt8(ascii: "`"), content.dropFirst(run.count).contains(where: { text[$0] == sign }) { return nil }
    return run.count >= 3 ? (sign, run.count) : nil
  }

  /// Fenced code up to and with the closing fence, or the end of the text.
  private mutating func code(_ opening: (sign: UInt8, count: Int), from start: Int, line: Range<Int>) -> Block {
    position = line.upperBound
    var end = text.trimmed(line).upperBound
    while position < text.count {
      let line = lineRange(at: position)
      let content = text.trimmed(line)
      position = line.upperBound
      if content.isEmpty { continue }
      end = content.upperBound
      if let closing = fence(content, in: line), closing.sign == opening.sign, closing.count >= opening.count,
        closing.count == content.count
      {
        break
      }
    }
    return Block(range: start..<end, isCode: true)
  }
}
