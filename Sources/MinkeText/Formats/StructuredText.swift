/// The text of a whole document whose structure is known: its blocks, the names around them, and where in the file each
/// byte comes from.
package struct StructuredText: Sendable {
  /// The text, as UTF-8.
  package let text: [UInt8]
  let blocks: [TextBlocks.Block]
  let contexts: ContextTree
  /// From the text to the file, one after the other; none where the text is that of the file.
  private let maps: [PositionMap]
  private let places: PlaceIndex
  /// Where in the text each page begins; empty where there are no pages.
  private let pages: [Int]
  /// What of the file was left out.
  package let omitted: OmittedLines?

  /// A text taken out of a file.
  init(
    _ text: StructuredTextBuilder, maps: [PositionMap] = [], places: PlaceIndex, omitted: OmittedLines? = nil
  ) {
    self.text = text.text
    blocks = text.blocks
    contexts = text.contexts
    self.maps = [text.map] + maps
    self.places = places
    pages = []
    self.omitted = omitted
  }

  /// The text of a file as it stands.
  init(
    _ places: PlaceIndex, blocks: [TextBlocks.Block], contexts: ContextTree = ContextTree(), pages: [Int] = []
  ) {
    text = places.text
    self.blocks = blocks
    self.contexts = contexts
    maps = []
    self.places = places
    self.pages = pages
    omitted = nil
  }

  /// Bytes of the file as UTF-8 text, about: what reading it was worth.
  package var sourceCount: Int { places.text.count }

  /// The passage that a part of the text is.
  func passage(_ range: Range<Int>, context: ContextTree.Place) -> Passage {
    let source = maps.reduce(range) { $1.source(of: $0) }
    let (start, end) = (places.place(of: source.lowerBound), places.place(of: source.upperBound))
    // A part may end with a line break of the file that its text does not have.
    let lastLine = source.isEmpty ? end.line : places.place(of: source.upperBound - 1).line
    return Passage(
      byteRange: start.byte..<end.byte, lines: start.line...max(start.line, lastLine),
      page: pages.isEmpty ? nil : page(at: range.lowerBound), context: contexts.path(to: context))
  }

  private func page(at position: Int) -> Int {
    var (low, high) = (0, pages.count)
    while low < high {
      let middle = (low + high) / 2
      if pages[middle] <= position { low = middle + 1 } else { high = middle }
    }
    return max(1, low)
  }
}

/// Lines of a document that were left out because they are not what they should be.
public struct OmittedLines: Sendable, Equatable {
  /// How many.
  public var count: Int
  /// The first of them; the first line of a file is 1.
  public let firstLine: Int
  /// What is wrong with the first.
  public let reason: String
}

/// Puts together the text of a document from parts of its source.
struct StructuredTextBuilder: Sendable {
  private(set) var text: [UInt8] = []
  private(set) var blocks: [TextBlocks.Block] = []
  private(set) var map = PositionMap()
  var contexts = ContextTree()
  /// Where the block being put together begins.
  private(set) var start = 0

  /// Whether the block being put together has no text yet.
  var isEmpty: Bool { text.count == start }

  /// Appends the bytes of `source` in `range` as they are.
  mutating func append(_ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>) {
    text.append(contentsOf: source[range])
    map.append(range.count, from: range)
  }

  /// Appends bytes that stand for those of the source in `range`; an empty range is where they would stand.
  mutating func append(_ bytes: some Collection<UInt8>, from range: Range<Int>) {
    text.append(contentsOf: bytes)
    map.append(bytes.count, from: range)
  }

  /// Ends the block being put together, without the white space at its ends.
  mutating func endBlock(_ block: (Range<Int>) -> TextBlocks.Block) {
    let range = text.withUnsafeBufferPointer { $0.trimmed(start..<$0.count) }
    if !range.isEmpty { blocks.append(block(range)) }
    endParagraph(at: range.isEmpty ? nil : range.upperBound)
  }

  /// Ends a part of the document, which is divided as a text of `format` is.
  ///
  /// - Parameter startsPassage: whether it is never in one passage with what is before it.
  mutating func endPart(
    _ format: DocumentFormat = .plain, isCode: Bool = false, startsPassage: Bool = false,
    context: ContextTree.Place = 0
  ) {
    let first = blocks.count
    text.withUnsafeBufferPointer { text in
      let part = UnsafeBufferPointer(rebasing: text[start...])
      if isCode {
        let range = part.trimmed(0..<part.count)
        if !range.isEmpty { blocks.append(TextBlocks.Block(range: range, isCode: true)) }
      } else {
        var parts = TextBlocks(part, format: format)
        while let block = parts.next() { blocks.append(block) }
      }
    }
    for index in first..<blocks.count {
      blocks[index].move(by: start)
      (blocks[index].context, blocks[index].innerContext) = (context, context)
    }
    if first < blocks.count { blocks[first].marks.startsPassage = startsPassage }
    endParagraph(at: first < blocks.count ? blocks.last?.range.upperBound : nil)
  }

  /// Says of all text of the block being put together that it stands for the bytes of the source in `range`.
  mutating func setSource(_ range: Range<Int>) {
    let count = text.count - start
    map.remove(from: start)
    map.append(count, from: range)
  }

  /// Ends a paragraph with its last block; without one nothing is left of it.
  private mutating func endParagraph(at end: Int?) {
    text.removeSubrange((end ?? start)...)
    map.remove(from: text.count)
    guard let end else { return }
    let place = map.source(of: end - 1..<end).upperBound
    append([UInt8(ascii: "\n"), UInt8(ascii: "\n")], from: place..<place)
    start = text.count
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The byte at `position`; 0 outside.
  @inline(__always)
  func at(_ position: Int) -> UInt8 { UInt(bitPattern: position) < UInt(bitPattern: count) ? self[position] : 0 }
}
