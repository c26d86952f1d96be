import GRDB
import Minke
import MinkeCore
import MinkeText

/// A passage of a collection with its document.
package struct StoredPassage: Sendable {
  package let id: Int64
  package let document: Int64
  let kind: DocumentKind
  let key: [UInt8]
  let name: String
  let title: String?
  let metadata: JSONValue?
  let passage: Passage
  let text: String

  /// A passage with what is known of its document.
  package init(
    id: Int64, document: Int64, kind: DocumentKind, key: [UInt8], name: String, title: String?, metadata: JSONValue?,
    passage: Passage, text: String
  ) {
    (self.id, self.document, self.kind, self.key, self.name) = (id, document, kind, key, name)
    (self.title, self.metadata, self.passage, self.text) = (title, metadata, passage, text)
  }

  static let columns = """
    p.id, p.document, p.first_byte, p.last_byte, p.first_line, p.last_line, p.page, p.checksum, p.context, p.text, \
    d.kind, d.key, d.name, d.title, d.metadata, d.checksum
    """
  static let tables = "passages p JOIN documents d ON d.id = p.document"

  /// - Parameter checksDocument: whether the document's row must be whole, too.
  init(_ row: StoredRow, checksDocument: Bool = true) throws {
    id = try row.integer(0)
    document = try row.integer(1)
    let (firstByte, lastByte) = (try row.count(2), try row.count(3))
    let (firstLine, lastLine) = (try row.count(4), try row.count(5))
    text = try row.text(9)
    guard firstByte <= lastByte, firstLine <= lastLine, let kind = DocumentKind(rawValue: try row.integer(10)) else {
      throw MinkeError(.malformedFile, row.subject, expected: "places in order", found: "others")
    }
    passage = Passage(
      byteRange: firstByte..<lastByte, lines: firstLine...lastLine, page: try row.optionalInteger(6).map { Int($0) },
      context: try row.optionalText(8))
    guard Self.checksum(document: document, passage, text: text) == (try row.integer(7)) else {
      throw MinkeError(
        .malformedFile, row.subject, expected: "a passage that agrees with its checksum",
        found: "damage; minke collection verify says more")
    }
    self.kind = kind
    key = try row.bytes(11)
    name = try row.text(12)
    title = try row.optionalText(13)
    let stored = checksDocument ? try row.optionalText(14) : nil
    if checksDocument {
      let checksum = StoredDocument.checksum(kind, key: key, name: name, title: title, metadata: stored)
      guard checksum == (try row.integer(15)) else {
        throw MinkeError(
          .malformedFile, "\(row.subject): its document \(document)", expected: "a row that agrees with its checksum",
          found: "damage; minke collection verify says more")
      }
    }
    metadata = try stored.map { text in
      try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: row.subject) }
    }
  }

  /// The path of the document's file; nil where it is none.
  var path: FilePath? { kind == .file ? FilePath(bytes: key) : nil }
}

/// The row of a document.
enum StoredDocument {
  /// The checksum of what results show of a document. What tells whether its file has changed is not in it: the worst
  /// that damage does there is that the file is read again.
  static func checksum(_ kind: DocumentKind, key: [UInt8], name: String, title: String?, metadata: String?) -> Int64 {
    var bytes = RowBytes()
    bytes.add(kind.rawValue)
    bytes.add(key)
    bytes.add(name)
    bytes.add(title)
    bytes.add(metadata)
    return bytes.checksum
  }
}

extension Database {
  /// The passages with these ids, those that exist.
  func passages(_ ids: [Int64], of path: String) throws -> [Int64: StoredPassage] {
    var found: [Int64: StoredPassage] = [:]
    for id in ids where found[id] == nil {
      found[id] = try firstRow(
        "SELECT \(StoredPassage.columns) FROM \(StoredPassage.tables) WHERE p.id = ?", [id],
        of: "\(path): passage \(id)"
      ) { try StoredPassage($0) }
    }
    return found
  }
}
