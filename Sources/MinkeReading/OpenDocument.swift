import MinkeText

/// A document on its way through the pipeline, and the piece of its text that is in memory.
struct OpenDocument: Sendable {
  /// Its place among the sources.
  let number: Int
  private let source: DocumentSource
  private let encoding: TextEncoding?
  private var reader: TextFileReader?
  private var splitter: DocumentSplitter
  /// The piece of the text, and where it begins in the whole.
  private(set) var text: [UInt8] = []
  private var base = 0
  private(set) var isLast = false
  private(set) var blocks: [DocumentSplitter.Block] = []
  private(set) var piece = DocumentSplitter.Piece()
  /// Why nothing more can be read.
  private(set) var skipped: SkipReason?

  init(_ source: DocumentSource, number: Int, encoding: TextEncoding?, splitter: PassageSplitter, keepsIDs: Bool) {
    self.number = number
    self.source = source
    self.encoding = encoding
    self.splitter = DocumentSplitter(splitter, format: source.format, keepsIDs: keepsIDs)
  }

  var id: String { source.id }

  /// Reads the next piece, of about `count` bytes, and finds its blocks. What is wrong ends the document.
  mutating func read(_ count: Int) {
    do throws(SkipReason) {
      try readText(count)
    } catch {
      skipped = error
      isLast = true
      (text, blocks) = ([], [])
      return
    }
    blocks = text.withUnsafeBufferPointer { splitter.blocks(in: $0, from: base, isLast: isLast) }
  }

  private mutating func readText(_ count: Int) throws(SkipReason) {
    let needed = splitter.neededFrom - base
    text = needed < text.count ? Array(text[needed...]) : []
    base += needed
    switch source {
    case .text(let document):
      text = Array(document.text.utf8)
      isLast = true
      return
    case .file(let file): if reader == nil { reader = try TextFileReader(file.path, encoding: encoding) }
    case .standardInput: if reader == nil { reader = TextFileReader(standardInputAs: encoding) }
    }
    try reader?.read(count, into: &text)
    isLast = reader?.isAtEnd ?? true
  }

  /// The units of some of the blocks.
  func units(of range: Range<Int>) -> PassageUnits {
    text.withUnsafeBufferPointer { splitter.units(of: blocks[range], in: $0) }
  }

  /// Makes passages of the units of all blocks.
  mutating func pack(_ units: [PassageUnits]) {
    guard skipped == nil else {
      piece = DocumentSplitter.Piece()
      return
    }
    let encoding = reader?.encoding ?? .utf8
    piece = text.withUnsafeBufferPointer {
      splitter.pack(units, in: $0, from: base, isLast: isLast, encoding: encoding)
    }
  }

  /// Calls `body` with the UTF-8 bytes of a passage of the piece.
  func withText<Result>(of passage: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let range = piece.passages[passage].textRange
    return text.withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[range.lowerBound - base..<range.upperBound - base]))
    }
  }

  /// Appends the tokens of a passage of the piece.
  func appendIDs(of passage: Int, tokenizer: any Tokenizer, to ids: inout [TokenID]) {
    if let range = piece.passages[passage].ids {
      ids += piece.ids[range]
    } else {
      withText(of: passage) { tokenizer.encode($0, addingSpecialTokens: false, into: &ids) }
    }
  }
}
