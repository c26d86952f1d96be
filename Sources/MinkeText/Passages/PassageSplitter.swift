/// Splits text into passages of about equal length that begin and end where the text itself pauses.
///
/// A passage ends at the end of a paragraph where it can, else of a sentence, else of a line or word. Paragraphs too
/// short to stand alone are joined. A passage repeats the last sentences of the one before it, so that what is said
/// across a boundary is found as well. Every byte but white space is part of some passage.
///
/// A paragraph ends at an empty line; a single line break is a space, as in texts with lines of fixed width. One longer
/// than 64 KiB is taken for several. Splitting takes time linear in the text.
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
  let tokenizer: (any Tokenizer)?

  /// - Parameters:
  ///   - length: tokens of a passage, at most. A token counts for no more than 16 bytes, whatever the tokenizer says.
  ///   - overlap: tokens repeated from the passage before, at most; an eighth of `length` if nil.
  ///   - tokenizer: what counts the tokens; without one, 4 bytes count as a token.
  public init(length: Int = 200, overlap: Int? = nil, tokenizer: (any Tokenizer)? = nil) {
    self.length = max(1, length)
    self.overlap = min(max(0, overlap ?? length / 8), self.length / 2)
    self.tokenizer = tokenizer
  }

  /// The passages of `text` in order. A byte order mark at the start is part of none.
  public func split(_ text: String, format: Format = .plain) -> [Passage] {
    var text = text
    return text.withUTF8 { split($0, format: format) }
  }

  /// The passages of `text`, UTF-8 bytes.
  package func split(_ text: UnsafeBufferPointer<UInt8>, format: Format = .plain) -> [Passage] {
    var document = DocumentSplitter(self, format: format, keepsIDs: false)
    let blocks = document.blocks(in: text, from: 0, isLast: true)
    let units = document.units(of: blocks[...], in: text)
    return document.pack([units], in: text, from: 0, isLast: true).passages.map(\.passage)
  }
}
