/// Splits text into passages of about equal length that begin and end where the text itself pauses.
///
/// A passage ends at the end of a paragraph where it can, else of a sentence, else of a line or word. Paragraphs too
/// short to stand alone are joined. A passage repeats the last sentences of the one before it, so that what is said
/// across a boundary is found as well. Every byte but white space is part of some passage.
///
/// A paragraph ends at an empty line; a single line break is a space, as in texts with lines of fixed width. One longer
/// than 64 KiB is taken for several. Splitting takes time linear in the text.
public struct PassageSplitter: Sendable {
  /// Tokens of a passage, at most; where a word that is longer than that is cut, a token or two more.
  public let length: Int
  /// Tokens that a passage repeats of the one before it, at most.
  public let overlap: Int
  let tokenizer: (any Tokenizer)?
  let isWhole: Bool

  /// Makes one passage of each document, whatever its length; none of one that says nothing.
  public static let whole = PassageSplitter(length: .max, overlap: 0, tokenizer: nil, isWhole: true)

  /// - Parameters:
  ///   - length: tokens of a passage, at most. A token counts for no more than 16 bytes, whatever the tokenizer says.
  ///   - overlap: tokens repeated from the passage before, at most; an eighth of `length` if nil.
  ///   - tokenizer: what counts the tokens; without one, 4 bytes count as a token.
  public init(length: Int = 200, overlap: Int? = nil, tokenizer: (any Tokenizer)? = nil) {
    self.init(
      length: max(1, length), overlap: min(max(0, overlap ?? length / 8), max(1, length) / 2), tokenizer: tokenizer,
      isWhole: false)
  }

  private init(length: Int, overlap: Int, tokenizer: (any Tokenizer)?, isWhole: Bool) {
    self.length = length
    self.overlap = overlap
    self.tokenizer = tokenizer
    self.isWhole = isWhole
  }

  /// The same splitter with another counter of tokens.
  package func counting(with tokenizer: any Tokenizer) -> PassageSplitter {
    PassageSplitter(length: length, overlap: overlap, tokenizer: tokenizer, isWhole: isWhole)
  }

  /// The passages of `text` in order. A byte order mark at the start is part of none.
  ///
  /// The text is divided as it stands: source code and what has headings by its structure, other formats as plain text.
  public func split(_ text: String, format: DocumentFormat = .plain) -> [Passage] {
    var text = text
    return text.withUTF8 { split($0, format: format) }
  }

  /// The passages of `text`, UTF-8 bytes.
  package func split(_ text: UnsafeBufferPointer<UInt8>, format: DocumentFormat = .plain) -> [Passage] {
    if case .code(let language) = format, let code = StructuredText(code: Array(text), language) {
      return split(code).map(\.passage)
    }
    var document = DocumentSplitter(self, format: format, keepsIDs: false)
    let blocks = document.blocks(in: text, from: 0, isLast: true)
    let units = document.units(of: blocks[...], in: text)
    return document.pack([units], in: text, from: 0, isLast: true).passages.map(\.passage)
  }

  /// The passages of a text whose structure is known, and where they stand in it.
  func split(_ structured: StructuredText) -> [DocumentSplitter.Found] {
    var document = DocumentSplitter(self, structured, keepsIDs: false)
    let (blocks, _) = document.nextBlocks(.max)
    return structured.text.withUnsafeBufferPointer { text in
      document.pack([document.units(of: blocks[...], in: text)], in: text, from: 0, isLast: true).passages
    }
  }
}
