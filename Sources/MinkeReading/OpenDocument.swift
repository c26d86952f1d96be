import MinkeText

/// A document on its way through the pipeline, and the piece of its text that is in memory.
// SAFETY of @unchecked: one worker at a time reads or packs it, and nobody looks at it meanwhile.
final class OpenDocument: @unchecked Sendable {
  /// Its place among the sources.
  let number: Int
  private let source: DocumentSource
  private let encoding: TextEncoding?
  private let passages: PassageSplitter
  private let keepsIDs: Bool
  private var reader: TextFileReader?
  /// The whole text, where its structure is known.
  private var structured: StructuredText?
  private var splitter: DocumentSplitter
  private var isOpen = false
  /// The piece of the text, and where it begins in the whole.
  private(set) var text: [UInt8] = []
  private var base = 0
  private(set) var isLast = false
  private(set) var blocks: [DocumentSplitter.Block] = []
  private(set) var piece = DocumentSplitter.Piece()
  /// Bytes of the document that came with this piece, about.
  private(set) var readCount = 0
  /// The same of all pieces so far, where the structure is known.
  private var given = 0
  /// Why nothing more can be read.
  private(set) var skipped: SkipReason?

  init(_ source: DocumentSource, number: Int, encoding: TextEncoding?, splitter: PassageSplitter, keepsIDs: Bool) {
    self.number = number
    self.source = source
    self.encoding = encoding
    self.keepsIDs = keepsIDs
    passages = splitter
    self.splitter = DocumentSplitter(splitter, format: source.format, keepsIDs: keepsIDs)
  }

  var id: String { source.id }
  /// Lines of the document that are none of its format.
  var omitted: OmittedLines? { structured?.omitted }

  /// Reads the next piece, of about `count` bytes, and finds its blocks. What is wrong ends the document.
  func read(_ count: Int) {
    do throws(SkipReason) {
      if !isOpen { try open() }
      isOpen = true
      if structured == nil { try readText(count) }
    } catch {
      skipped = error
      isLast = true
      (text, blocks, readCount) = ([], [], 0)
      return
    }
    if let structured {
      (blocks, isLast) = splitter.nextBlocks(count)
      // The bytes of the file are shared out over the pieces.
      let size = blocks.reduce(0) { $0 + $1.count }
      let share = Double(size) / Double(max(1, structured.text.count))
      readCount = isLast ? structured.sourceCount - given : Int(share * Double(structured.sourceCount))
      given += readCount
    } else {
      blocks = text.withUnsafeBufferPointer { splitter.blocks(in: $0, from: base, isLast: isLast) }
    }
  }

  /// Takes the text out of a document whose format asks for that; opens any other.
  private func open() throws(SkipReason) {
    switch source {
    case .file(let file):
      let whole = try StructuredText(file: file.path, size: file.size, format: source.format, encoding: encoding)
      if let whole { use(whole) } else { reader = try TextFileReader(file.path, encoding: encoding) }
    case .text(let document):
      if let whole = try StructuredText(Array(document.text.utf8), format: document.format) { use(whole) }
    case .standardInput: reader = TextFileReader(standardInputAs: encoding)
    }
  }

  private func use(_ whole: StructuredText) {
    structured = whole
    splitter = DocumentSplitter(passages, whole, keepsIDs: keepsIDs)
    (text, base) = (whole.text, 0)
  }

  private func readText(_ count: Int) throws(SkipReason) {
    let needed = splitter.neededFrom - base
    text = needed < text.count ? Array(text[needed...]) : []
    base += needed
    let kept = text.count
    defer { readCount = text.count - kept }
    if case .text(let document) = source {
      text = Array(document.text.utf8)
      isLast = true
      return
    }
    do throws(SkipReason) {
      // A passage that is a whole document keeps all that was read, which then must not be moved for every piece.
      try reader?.read(max(count, kept), into: &text)
    } catch {
      guard try usePDF() else { throw error }
      return
    }
    isLast = reader?.isAtEnd ?? true
    _ = try usePDF()
  }

  /// Reads the file as PDF if it begins as such, whatever its name.
  private func usePDF() throws(SkipReason) -> Bool {
    guard base == 0, let reader, reader.isPDF, case .file(let file) = source else { return false }
    use(try StructuredText.pdf(file.path))
    return true
  }

  /// The units of some of the blocks.
  func units(of range: Range<Int>) -> PassageUnits {
    text.withUnsafeBufferPointer { splitter.units(of: blocks[range], in: $0) }
  }

  /// Makes passages of the units of all blocks.
  func pack(_ units: [PassageUnits]) {
    guard skipped == nil else {
      piece = DocumentSplitter.Piece()
      return
    }
    let encoding = reader?.encoding ?? .utf8
    piece = text.withUnsafeBufferPointer {
      splitter.pack(units, in: $0, from: base, isLast: isLast, encoding: encoding)
    }
  }

  /// Calls `body` with the UTF-8 bytes that a passage of the piece is encoded by: its text, behind a line with its
  /// context where it has one.
  func withEncodedText<Result>(of passage: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    guard let context = piece.passages[passage].passage.context else { return withText(of: passage, body) }
    let line = Array(context.utf8) + [UInt8(ascii: "\n")]
    return withText(of: passage) { Array($0) }.withUnsafeBufferPointer { text in
      (line + text).withUnsafeBufferPointer(body)
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
      // The line break behind the context divides words.
      if let context = piece.passages[passage].passage.context {
        ids += tokenizer.encode(context, addingSpecialTokens: false)
      }
      ids += piece.ids[range]
    } else {
      withEncodedText(of: passage) { tokenizer.encode($0, addingSpecialTokens: false, into: &ids) }
    }
  }
}
