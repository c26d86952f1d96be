import Foundation
import GRDB
import Minke
import MinkeCore
import MinkeText

extension Collection {
  /// The names of all documents, in the order in which they came.
  public var documents: [String] {
    get throws {
      try file.read { db in
        var names: [String] = []
        try db.forEachRow("SELECT name FROM documents ORDER BY id", of: "\(path): documents") {
          names.append(try $0.text(0))
        }
        return names
      }
    }
  }

  /// The passages of a document in order, which is known by its id or its path; none where there is no such document.
  public func passages(of document: String) throws -> [FoundPassage] {
    try file.read { db in
      guard let row = try documentRow(document, db) else { return [] }
      var passages: [FoundPassage] = []
      try db.forEachRow(
        "SELECT \(StoredPassage.columns) FROM \(StoredPassage.tables) WHERE p.document = ? ORDER BY p.id", [row],
        of: "\(path): passages"
      ) { passages.append(FoundPassage(try StoredPassage($0), score: 1)) }
      return passages
    }
  }

  /// The names of up to `count` documents in the order in which they came, after the first `offset`.
  public func documents(from offset: Int, count: Int) throws -> [String] {
    try file.read { db in
      var names: [String] = []
      try db.forEachRow(
        "SELECT name FROM documents ORDER BY id LIMIT ? OFFSET ?", [count, offset], of: "\(path): documents"
      ) { names.append(try $0.text(0)) }
      return names
    }
  }

  /// The number of the first passage of a document, which is known by its id or its path; nil where there is none.
  public func firstPassage(of document: String) throws -> Int64? {
    try file.read { db in
      guard let row = try documentRow(document, db) else { return nil }
      return try db.firstRow(
        "SELECT id FROM passages WHERE document = ? ORDER BY id LIMIT 1", [row], of: "\(path): passages"
      ) { try $0.integer(0) }
    }
  }

  /// The passage with this number, and up to `count` of its document before it and behind it; nil where there is none.
  public func surroundings(
    ofPassage id: Int64, count: Int
  ) throws -> (before: [FoundPassage], passage: FoundPassage, after: [FoundPassage])? {
    try file.read { db in
      guard let stored = try db.passages([id], of: path)[id] else { return nil }
      func neighbors(_ comparison: String, _ order: String) throws -> [FoundPassage] {
        var found: [FoundPassage] = []
        try db.forEachRow(
          """
          SELECT \(StoredPassage.columns) FROM \(StoredPassage.tables) WHERE p.document = ? AND p.id \(comparison) ?
          ORDER BY p.id \(order) LIMIT ?
          """, [stored.document, id, count], of: "\(path): passages"
        ) { found.append(FoundPassage(try StoredPassage($0), score: 0)) }
        return found
      }
      return (try neighbors("<", "DESC").reversed(), FoundPassage(stored, score: 0), try neighbors(">", "ASC"))
    }
  }

  /// Whether a document of this id or path is held.
  public func contains(_ document: String) throws -> Bool {
    try file.read { try documentRow(document, $0) != nil }
  }

  /// The row of the document with this id, or else of the file with this path, as it is or as results show it.
  func documentRow(_ document: String, _ db: Database) throws -> Int64? {
    let keys: [(DocumentKind, [UInt8])] = [(.record, Array(document.utf8)), (.file, FilePath(document).absolute.bytes)]
    for (kind, key) in keys {
      let found = try db.firstRow(
        "SELECT id FROM documents WHERE kind = ? AND key = ?", [kind.rawValue, Data(key)], of: "\(path): documents"
      ) { try $0.integer(0) }
      if let found { return found }
    }
    return try db.firstRow(
      "SELECT id FROM documents WHERE kind = 1 AND name = ? ORDER BY id LIMIT 1", [document], of: "\(path): documents"
    ) { try $0.integer(0) }
  }
}
