extension StructuredText {
  /// Source code as it stands, divided at its functions and types; nil where none are found.
  ///
  /// - Parameter encoding: how the file is written, in whose bytes places are counted.
  package init?(code source: [UInt8], _ language: SourceLanguage, encoding: TextEncoding = .utf8) {
    let outline = source.withUnsafeBufferPointer { text in
      if let syntax = BraceSyntax(language) {
        var scanner = BraceScanner(text, syntax)
        return scanner.read()
      }
      var scanner = IndentationScanner(text, language)
      return scanner.read()
    }
    guard outline.hasDeclarations else { return nil }
    self.init(PlaceIndex(source, encoding: encoding), blocks: outline.blocks, contexts: outline.contexts)
  }
}

/// The parts of a source file, put together from front to back: declarations, and what stands between them.
struct CodeOutline {
  private let text: UnsafeBufferPointer<UInt8>
  private(set) var blocks: [TextBlocks.Block] = []
  private(set) var contexts = ContextTree()
  private(set) var hasDeclarations = false
  /// The end of what is in ``blocks``.
  private(set) var done = 0
  /// The types and modules that are open, each with the block of its head.
  private var types: [(place: ContextTree.Place, head: Int, start: Int)] = []

  /// Types within types that are told apart, at most.
  static let deepest = 16
  /// Bytes of a token of source code, about.
  private static let bytesOfToken = 3

  init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    if text.starts(with: [0xef, 0xbb, 0xbf]) { done = 3 }
  }

  var depth: Int { types.count }
  private var place: ContextTree.Place { types.last?.place ?? 0 }

  /// Takes in a declaration that is not divided where it fits into a passage.
  mutating func add(_ range: Range<Int>, name: String?) {
    hasDeclarations = true
    addBetween(to: range.lowerBound)
    append(range, inner: name.map { contexts.place($0, below: place) })
    done = max(done, range.upperBound)
  }

  /// Begins a type or module whose head is `range`.
  mutating func open(_ range: Range<Int>, name: String?) {
    hasDeclarations = true
    addBetween(to: range.lowerBound)
    append(range)
    done = max(done, range.upperBound)
    types.append((name.map { contexts.place($0, below: place) } ?? place, blocks.count - 1, range.lowerBound))
  }

  /// Ends the innermost type or module with `closing`, which belongs to what is before it.
  mutating func close(_ closing: Range<Int>) {
    addBetween(to: closing.lowerBound)
    attach(text.trimmed(max(done, closing.lowerBound)..<max(done, closing.upperBound)))
    done = max(done, closing.upperBound)
    guard let closed = types.popLast(), blocks.indices.contains(closed.head) else { return }
    blocks[closed.head].marks.together = (closing.upperBound - closed.start) / Self.bytesOfToken
  }

  private mutating func attach(_ range: Range<Int>) {
    guard !range.isEmpty, let last = blocks.indices.last else { return }
    blocks[last].range = blocks[last].range.lowerBound..<range.upperBound
  }

  /// Takes in the rest of the file.
  mutating func finish() {
    addBetween(to: text.count)
    types = []
  }

  /// Takes in what stands before `end`, paragraph by paragraph.
  private mutating func addBetween(to end: Int) {
    guard done < end else { return }
    defer { done = end }
    let range = text.trimmed(done..<end)
    if range.isEmpty { return }
    // Brackets that close what is before belong to it.
    if !blocks.isEmpty, !text[range].contains(where: \.isWordByte) { return attach(range) }
    var paragraphs = TextBlocks(UnsafeBufferPointer(rebasing: text[range]), format: .plain)
    while let paragraph = paragraphs.next() {
      append(paragraph.range.lowerBound + range.lowerBound..<paragraph.range.upperBound + range.lowerBound)
    }
  }

  private mutating func append(_ range: Range<Int>, inner: ContextTree.Place? = nil) {
    let range = text.trimmed(range)
    if range.isEmpty { return }
    blocks.append(
      TextBlocks.Block(
        range: range, isCode: true, marks: TextBlocks.Marks(isDeclaration: true), context: place,
        innerContext: inner ?? place))
  }

  /// Where the lines of comments and attributes right above the line of `position` begin, or that line; `position`
  /// where something else stands before it on its line.
  func start(of position: Int, isComment: (Range<Int>) -> Bool) -> Int {
    guard position > done, var start = lineStart(position) else { return max(done, position) }
    while start > done, let above = lineStart(start - 1) {
      let line = text.trimmed(above..<start)
      if line.isEmpty { break }
      if text.at(line.upperBound - 1) == UInt8(ascii: "/"), text.at(line.upperBound - 2) == UInt8(ascii: "*") {
        guard let opening = openingOfComment(endingAt: line.upperBound) else { break }
        start = opening
      } else if isComment(line) {
        start = above
      } else {
        break
      }
    }
    return start
  }

  /// The start of the line where a comment that ends at `end` begins, if nothing stands before it there.
  private func openingOfComment(endingAt end: Int) -> Int? {
    var position = end - 3
    while position > done {
      if text.at(position - 1) == UInt8(ascii: "/"), text.at(position) == UInt8(ascii: "*") {
        return lineStart(position - 1).flatMap { text.trimmed($0..<position - 1).isEmpty ? $0 : nil }
      }
      position -= 1
    }
    return nil
  }

  /// Where the line of `position` begins; nil where that is in what was taken in before.
  private func lineStart(_ position: Int) -> Int? {
    var start = min(position, text.count)
    while start > done, text[start - 1] != UInt8(ascii: "\n") { start -= 1 }
    return start > done || start == 0 || text[start - 1] == UInt8(ascii: "\n") ? start : nil
  }
}
