/// Splits one document that may come in pieces; what it gives does not depend on where one piece ends and the next
/// begins.
///
/// For each piece, ``blocks(in:from:isLast:)``, ``units(of:in:)`` for parts of the blocks, on any threads, and
/// ``pack(_:in:from:isLast:encoding:)``. The next piece begins at ``neededFrom``. Of a text whose structure is known,
/// the blocks come from ``nextBlocks(_:)``, and every piece is the whole text.
package struct DocumentSplitter: Sendable {
  /// A passage and the tokens of its text.
  package struct Found: Sendable {
    package let passage: Passage
    /// Where it stands in the text of the document, in UTF-8 bytes.
    package let textRange: Range<Int>
    /// Where its tokens stand among those of the piece; nil when its text must be tokenized for itself.
    package let ids: Range<Int>?
  }

  /// The passages that ended in a piece.
  package struct Piece: Sendable {
    package let passages: [Found]
    package let ids: [TokenID]

    package init(passages: [Found] = [], ids: [TokenID] = []) {
      self.passages = passages
      self.ids = ids
    }
  }

  private let splitter: PassageSplitter
  private let format: DocumentFormat
  private let keepsIDs: Bool
  private var builder: PassageBuilder
  /// Where the next block is looked for.
  private var position = 0
  private var openFence: TextBlocks.Fence?
  private var places = PlaceCounter()
  /// The text whose structure is known, and the first of its blocks not given yet.
  private let structured: StructuredText?
  private var nextBlock = 0

  /// - Parameter keepsIDs: whether to give the tokens of passages, too, where the splitter's tokenizer allows.
  package init(_ splitter: PassageSplitter, format: DocumentFormat, keepsIDs: Bool) {
    self.init(splitter, format, nil, keepsIDs: keepsIDs)
  }

  /// Splits a text whose structure is known.
  package init(_ splitter: PassageSplitter, _ text: StructuredText, keepsIDs: Bool) {
    self.init(splitter, .plain, text, keepsIDs: keepsIDs)
  }

  private init(_ splitter: PassageSplitter, _ format: DocumentFormat, _ text: StructuredText?, keepsIDs: Bool) {
    self.splitter = splitter
    self.format = format
    structured = text
    self.keepsIDs = keepsIDs && (splitter.tokenizer as? WordPieceTokenizer)?.cutsAtWhiteSpace == true
    builder = PassageBuilder(splitter)
  }

  /// A block of a piece.
  package struct Block: Sendable {
    fileprivate let block: TextBlocks.Block
    /// Bytes of the block.
    package var count: Int { block.range.count }
  }

  /// The first byte of the document that the next piece must hold; what is before is not looked at any more.
  package var neededFrom: Int { min(builder.start ?? position, position) }

  /// The blocks of a piece that begins at `base`.
  ///
  /// - Parameter isLast: whether the document ends with the piece.
  package mutating func blocks(in text: UnsafeBufferPointer<UInt8>, from base: Int, isLast: Bool) -> [Block] {
    var start = position - base
    if position == 0, text.starts(with: [0xef, 0xbb, 0xbf]) { start = 3 }
    var blocks = TextBlocks(text, from: start, format: format, openFence: openFence, isLast: isLast)
    var found: [Block] = []
    while let block = blocks.next() { found.append(Block(block: block)) }
    position = base + blocks.position
    openFence = blocks.openFence
    return found
  }

  /// The next blocks of a text whose structure is known, of `count` bytes or a few more, and whether they are the last.
  package mutating func nextBlocks(_ count: Int) -> (blocks: [Block], isLast: Bool) {
    guard let structured else { return ([], true) }
    var size = 0
    let first = nextBlock
    while nextBlock < structured.blocks.count, size < count {
      size += structured.blocks[nextBlock].range.count
      nextBlock += 1
    }
    return (structured.blocks[first..<nextBlock].map { Block(block: $0) }, nextBlock == structured.blocks.count)
  }

  /// The units of some of a piece's blocks; `text` is the piece.
  package func units(of blocks: ArraySlice<Block>, in text: UnsafeBufferPointer<UInt8>) -> PassageUnits {
    UnitCutter.units(of: blocks.map(\.block)[...], in: text, for: splitter, keepsIDs: keepsIDs)
  }

  /// Packs the units of a piece, all in order, into passages.
  ///
  /// - Parameter encoding: how the file is written, in whose bytes the places of passages are counted.
  package mutating func pack(
    _ units: [PassageUnits], in text: UnsafeBufferPointer<UInt8>, from base: Int, isLast: Bool,
    encoding: TextEncoding = .utf8
  ) -> Piece {
    for part in units { builder.append(part, offset: base) }
    if let structured {
      let (runs, ids) = builder.take(isLast: isLast, contexts: structured.contexts)
      let found = runs.map { run in
        Found(passage: structured.passage(run.range, context: run.context), textRange: run.range, ids: run.ids)
      }
      return Piece(passages: found, ids: ids)
    }
    let (runs, ids) = builder.take(isLast: isLast)
    let found = runs.map { run in
      places.move(to: run.range.lowerBound, in: text, from: base, encoding)
      let (byte, line) = (places.byte, places.line)
      places.move(to: run.range.upperBound, in: text, from: base, encoding)
      let passage = Passage(byteRange: byte..<places.byte, lines: line...places.line)
      return Found(passage: passage, textRange: run.range, ids: run.ids)
    }
    // What is not needed any more must have been counted.
    if places.position < neededFrom { places.move(to: neededFrom, in: text, from: base, encoding) }
    return Piece(passages: found, ids: ids)
  }
}

/// Counts the lines, and the bytes of the file, up to a place in a text.
private struct PlaceCounter {
  private(set) var position = 0
  private(set) var line = 1
  private(set) var byte = 0

  /// Moves to a place in the piece `text` that begins at `base`; it may lie before the present one.
  mutating func move(
    to target: Int, in text: UnsafeBufferPointer<UInt8>, from base: Int, _ encoding: TextEncoding
  ) {
    let sign = target < position ? -1 : 1
    let range = min(position, target) - base..<max(position, target) - base
    let part = UnsafeBufferPointer(rebasing: text[range])
    line += sign * part.reduce(0) { $0 &+ ($1 == UInt8(ascii: "\n") ? 1 : 0) }
    byte += sign * (encoding == .utf8 ? range.count : part.reduce(0) { $0 &+ encoding.width(ofScalarFrom: $1) })
    position = target
  }
}

extension WordPieceTokenizer {
  /// Whether the tokens of a text are those of its parts between white space, one after the other.
  ///
  /// It is so unless white space is dropped, or some added token holds it.
  var cutsAtWhiteSpace: Bool {
    [UInt8(ascii: " "), 0x09, 0x0a, 0x0d].allSatisfy { model.rules.kinds[Int($0)] == WordRules.Byte.space }
      && addedTokens.tokens.values.allSatisfy { token in !token.content.utf8.contains(where: \.isSpace) }
  }
}
