import Foundation
import GRDB
import MinkeCore
import MinkeModels
import MinkeText

/// The files of an exported collection, for any program to read and for ``Collection/import(from:into:encoder:storage:progress:)``.
package enum ExportFormat {
  static let version = 1
  package static let (settings, documents, passages, vectors) = (
    "settings.json", "documents.jsonl", "passages.jsonl", "vectors.npy"
  )

  /// What `settings.json` holds.
  package static func json(_ settings: CollectionSettings, documents: Int, passages: Int) -> JSONValue {
    var members = settings.members
    members["version"] = .integer(version)
    members["documents"] = .integer(documents)
    members["passages"] = .integer(passages)
    return .object(members)
  }

  /// Adds `bytes` under `name`: as text where they are UTF-8, else in base64 with that behind the name.
  static func add(_ bytes: [UInt8], _ name: String, to members: inout [String: JSONValue]) {
    if let text = String(validating: bytes, as: UTF8.self) {
      members[name] = .string(text)
    } else {
      members[name + "_base64"] = .string(Data(bytes).base64EncodedString())
    }
  }

  /// What ``add(_:_:to:)`` added.
  static func bytes(_ name: String, of members: [String: JSONValue]) -> [UInt8]? {
    if let text = members[name]?.string { return Array(text.utf8) }
    return members[name + "_base64"]?.string.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
  }
}

extension DocumentKind {
  /// What an exported file calls it.
  var name: String { self == .file ? "file" : "record" }

  init?(name: String) {
    guard let kind = [DocumentKind.file, .record].first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

/// A document's row, as it is exported.
package struct ExportedDocument {
  package let id: Int64
  package let kind: DocumentKind
  package let key: [UInt8]
  package let name: String
  package let title: String?
  package let size: Int64?
  package let modified: Int64?
  package let hash: [UInt8]?
  /// The path of the file that a record is from.
  package let source: [UInt8]?
  package let metadata: JSONValue?

  package init(
    id: Int64, kind: DocumentKind, key: [UInt8], name: String, title: String?, size: Int64?, modified: Int64?,
    hash: [UInt8]?, source: [UInt8]?, metadata: JSONValue?
  ) {
    (self.id, self.kind, self.key, self.name, self.title) = (id, kind, key, name, title)
    (self.size, self.modified, self.hash, self.source, self.metadata) = (size, modified, hash, source, metadata)
  }

  static let query = """
    SELECT d.id, d.kind, d.key, d.name, d.title, d.size, d.modified, d.hash, s.key, d.metadata
    FROM documents d LEFT JOIN sources s ON s.id = d.source ORDER BY d.id
    """

  /// Reads a row of ``query``.
  init(_ row: StoredRow) throws {
    id = try row.integer(0)
    guard let kind = DocumentKind(rawValue: try row.integer(1)) else {
      throw MinkeError(.malformedFile, row.subject, expected: "a file or a record", found: "something else")
    }
    self.kind = kind
    (key, name, title) = (try row.bytes(2), try row.text(3), try row.optionalText(4))
    (size, modified) = (try row.optionalInteger(5), try row.optionalInteger(6))
    (hash, source) = (try row.optionalBytes(7), try row.optionalBytes(8))
    metadata = try row.optionalText(9).map { text in
      try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: row.subject) }
    }
  }

  /// The document as a line of an exported file.
  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .integer(Int(id)), "kind": .string(kind.name), "document": .string(name),
    ]
    ExportFormat.add(key, "key", to: &members)
    if let title { members["title"] = .string(title) }
    if let size { members["size"] = .integer(Int(size)) }
    if let modified { members["modified"] = .integer(Int(modified)) }
    if let hash { members["hash"] = .string(hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()) }
    if let source { ExportFormat.add(source, "source", to: &members) }
    if let metadata { members["metadata"] = metadata }
    return .object(members)
  }

  /// Reads a line of an exported file.
  init(_ json: JSONValue, subject: String) throws(MinkeError) {
    func malformed(_ name: String) -> MinkeError {
      MinkeError(.malformedFile, subject, expected: "a right \"\(name)\"", found: "none or another")
    }
    guard let members = json.object, let id = members["id"]?.integer, id > 0 else { throw malformed("id") }
    guard let kind = members["kind"]?.string.flatMap({ DocumentKind(name: $0) }) else { throw malformed("kind") }
    guard let name = members["document"]?.string else { throw malformed("document") }
    guard let key = ExportFormat.bytes("key", of: members) else { throw malformed("key") }
    (self.id, self.kind, self.name, self.key) = (Int64(id), kind, name, key)
    title = members["title"]?.string
    size = members["size"]?.integer.map { Int64($0) }
    modified = members["modified"]?.integer.map { Int64($0) }
    source = ExportFormat.bytes("source", of: members)
    metadata = members["metadata"]
    if let text = members["hash"] {
      guard let digits = text.string, let bytes = Self.bytes(ofHex: digits) else { throw malformed("hash") }
      hash = bytes
    } else {
      hash = nil
    }
  }

  private static func bytes(ofHex text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue.map { UInt8($0) } }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[place], let low = digits[place + 1] else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}

extension StoredPassage {
  /// The passage as a line of an exported file.
  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .integer(Int(id)), "document": .string(name), "document_id": .integer(Int(document)),
      "kind": .string(kind.name), "text": .string(text),
      "lines": [.integer(passage.lines.lowerBound), .integer(passage.lines.upperBound)],
      "bytes": [.integer(passage.byteRange.lowerBound), .integer(passage.byteRange.upperBound)],
    ]
    if String(validating: key, as: UTF8.self) == nil {
      members["document_base64"] = .string(Data(key).base64EncodedString())
    }
    if let context = passage.context { members["context"] = .string(context) }
    if let page = passage.page { members["page"] = .integer(page) }
    if let title { members["title"] = .string(title) }
    if let metadata { members["metadata"] = metadata }
    return .object(members)
  }
}

/// A passage of an exported file.
package struct ExportedPassage: Sendable {
  package let id: Int64
  package let document: Int64
  package let new: NewPassage

  /// Reads a line of an exported file.
  init(_ json: JSONValue, subject: String) throws(MinkeError) {
    func malformed(_ name: String) -> MinkeError {
      MinkeError(.malformedFile, subject, expected: "a right \"\(name)\"", found: "none or another")
    }
    func range(_ name: String, of members: [String: JSONValue]) throws(MinkeError) -> (Int, Int) {
      guard let numbers = members[name]?.array?.compactMap(\.integer), numbers.count == 2,
        numbers.allSatisfy({ (0...1 << 40).contains($0) }), numbers[0] <= numbers[1]
      else { throw malformed(name) }
      return (numbers[0], numbers[1])
    }
    guard let members = json.object, let id = members["id"]?.integer, id > 0 else { throw malformed("id") }
    guard let document = members["document_id"]?.integer else { throw malformed("document_id") }
    guard let text = members["text"]?.string else { throw malformed("text") }
    let (lines, bytes) = (try range("lines", of: members), try range("bytes", of: members))
    (self.id, self.document) = (Int64(id), Int64(document))
    new = NewPassage(
      passage: Passage(
        byteRange: bytes.0..<bytes.1, lines: lines.0...lines.1, page: members["page"]?.integer,
        context: members["context"]?.string),
      text: text)
  }
}
