/// A piece of a text small enough to be found and shown on its own.
public struct Passage: Sendable, Equatable {
  /// Where the passage stands, counted in bytes of the file, or in UTF-8 bytes of a text that is no file; for a PDF
  /// file, in bytes of the text taken out of it.
  public let byteRange: Range<Int>
  /// The first and the last line it touches; the first line of a text is 1. For a PDF file, lines of its text.
  public let lines: ClosedRange<Int>
  /// The page it is on; the first page of a document is 1. Nil where there are no pages.
  public let page: Int?
  /// The names around it that its text does not say: types and functions of source code, headings of a page of HTML,
  /// the subject of a message, from the outermost to the innermost, as in `struct VectorIndex > func search`.
  public let context: String?

  /// A passage of a document.
  public init(byteRange: Range<Int>, lines: ClosedRange<Int>, page: Int? = nil, context: String? = nil) {
    self.byteRange = byteRange
    self.lines = lines
    self.page = page
    self.context = context
  }

  /// The passage's text; `bytes` is the UTF-8 text that was split.
  package func text(in bytes: UnsafeBufferPointer<UInt8>) -> String {
    String(decoding: bytes[byteRange.clamped(to: 0..<bytes.count)], as: UTF8.self)
  }
}
