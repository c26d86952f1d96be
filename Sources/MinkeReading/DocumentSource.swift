import MinkeText

/// A text to be read, with a name to know it by.
public struct Document: Sendable {
  /// The name that results carry.
  public var id: String
  /// What is split into passages.
  public var text: String
  /// What kind of document the text is.
  public var format: DocumentFormat

  /// A document called `id`.
  public init(id: String, text: String, format: DocumentFormat = .plain) {
    self.id = id
    self.text = text
    self.format = format
  }
}

/// Where the text of a document comes from.
package enum DocumentSource: Sendable {
  case file(TextFileWalker.File)
  case text(Document)
  case standardInput

  /// The name of the document; a file's path.
  package var id: String {
    switch self {
    case .file(let file): file.path.description
    case .text(let document): document.id
    case .standardInput: "<stdin>"
    }
  }

  /// The path of the document's file; nil where it is none.
  package var path: FilePath? { if case .file(let file) = self { file.path } else { nil } }

  var format: DocumentFormat {
    switch self {
    case .file(let file): DocumentFormat(path: file.path.description)
    case .text(let document): document.format
    case .standardInput: .plain
    }
  }

  /// Bytes that are to be read, as far as is known beforehand.
  var expectedSize: Int? {
    switch self {
    case .file(let file): file.size
    case .text(let document): document.text.utf8.count
    case .standardInput: nil
    }
  }
}
