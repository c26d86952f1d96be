import GRDB
import MinkeCore
import MinkeSearch

extension Collection {
  /// Looks for whatever is not as it should be: the database's own structure, every checksum, and whether documents,
  /// passages, vectors, words and blocks fit together.
  ///
  /// All of the file is read, a block at a time. Others may read and write meanwhile; one state of the file is looked at.
  /// - Parameters:
  ///   - limit: defects of a kind that are named one by one.
  ///   - progress: hears how many of the file's parts and blocks were looked at.
  /// - Returns: what was found; nothing where all is well.
  /// - Throws: `MinkeError` when the file cannot be read at all; `CancellationError`.
  public func verify(limit: Int = 100, progress: ProgressHandler? = nil) throws -> [CollectionDefect] {
    try Verification.run(file, limit: limit, progress)
  }

  /// Looks for whatever is not as it should be in the collection at `path`, which may be too damaged to be opened; its
  /// model need not be at hand.
  ///
  /// - Throws: as ``verify(limit:progress:)``, and when the file is no collection or was made by a newer Minke.
  public static func verify(
    _ path: String, limit: Int = 100, progress: ProgressHandler? = nil
  ) throws -> [CollectionDefect] {
    let file: CollectionFile
    do {
      file = try CollectionFile(path, creates: false, readOnly: true)
    } catch let error as MinkeError where error.kind == .malformedFile {
      return [
        CollectionDefect(kind: .database, place: path, problem: "expected \(error.expected), found \(error.found)")
      ]
    }
    defer { try? file.close() }
    return try Verification.run(file, limit: limit, progress)
  }
}

/// One look at all of a file.
struct Verification {
  let db: Database
  let file: CollectionFile
  var defects: DefectList
  /// The blocks that parts say are theirs.
  var owners: [BlockOwner] = []

  struct BlockOwner {
    let blocks: Range<Int64>
    let name: String
  }

  static func run(
    _ file: CollectionFile, limit: Int, _ progress: ProgressHandler?
  ) throws -> [CollectionDefect] {
    try file.read { db in
      var verification = Verification(
        db: db, file: file, defects: DefectList(path: file.path, limit: max(1, limit)))
      try verification.run(progress)
      return verification.defects.all
    }
  }

  private mutating func run(_ progress: ProgressHandler?) throws {
    try checkDatabase()
    let (db, path) = (db, file.path)
    let settings = try defects.attempt(.settings, "properties") { _ in
      _ = try db.generation(of: path)
      return try CollectionSettings(reading: db, of: path)
    }
    try checkDocuments()
    try checkPassages()
    let total =
      try defects.attempt(.blocks, "blocks") { _ in
        try db.firstRow("SELECT count(*) FROM blocks", of: "\(path): blocks") { try $0.count(0) }
      } ?? nil
    let meter = ProgressMeter(total: 2 * (total ?? 0), handler: progress)
    try checkVectors(settings, meter)
    try checkWords(meter)
    try checkBlocks(meter)
    try checkSequences()
  }

  // MARK: The database

  private mutating func checkDatabase() throws {
    let db = db
    _ = try defects.attempt(.database, file.path) { defects in
      try db.forEachRow("PRAGMA integrity_check(100)", of: file.path) { row in
        let text = try row.text(0)
        if text != "ok" { defects.add(.database, file.path, text) }
      }
    }
  }

  /// Ids are never used again, so that what is in memory under one stays true.
  private mutating func checkSequences() throws {
    let db = db
    _ = try defects.attempt(.database, "sqlite_sequence") { defects in
      for table in ["documents", "passages", "vectors", "words", "blocks"] {
        let given = try db.firstRow(
          "SELECT seq FROM sqlite_sequence WHERE name = ?", [table], of: "sqlite_sequence"
        ) { try $0.integer(0) }
        var used = try db.firstRow("SELECT ifnull(max(id), 0) FROM \(table)", of: table) { try $0.integer(0) } ?? 0
        if table == "passages" {
          for parts in ["vectors", "words"] {
            let last = try db.firstRow("SELECT ifnull(max(last), 0) FROM \(parts)", of: parts) { try $0.integer(0) }
            used = max(used, last ?? 0)
          }
        }
        if used > given ?? 0 {
          defects.add(.database, table, "expected the next id above \(used), found \(given ?? 0) as the last one given")
        }
      }
    }
  }

  // MARK: Texts

  private mutating func checkDocuments() throws {
    let db = db
    _ = try defects.attempt(.documents, "sources") { defects in
      try db.forEachRow("SELECT id, key, size, modified FROM sources", of: "sources") { row in
        let id = try row.integer(0)
        _ = try defects.attempt(.documents, "source \(id)") { _ in
          _ = (try row.bytes(1), try row.integer(2), try row.integer(3))
        }
      }
    }
    _ = try defects.attempt(.documents, "documents") { defects in
      try db.forEachRow(
        """
        SELECT d.id, d.kind, d.key, d.name, d.title, d.size, d.modified, d.hash, d.source, d.metadata, s.id, d.checksum
        FROM documents d LEFT JOIN sources s ON s.id = d.source
        """, of: "documents"
      ) { row in
        let id = try row.integer(0)
        let name = (try? row.text(3)) ?? "document \(id)"
        _ = try defects.attempt(.documents, "document \(id)") { defects in
          let key = try row.bytes(2)
          guard let kind = DocumentKind(rawValue: try row.integer(1)), !key.isEmpty || kind == .record else {
            throw MinkeError(.malformedFile, name, expected: "a file or a record", found: "something else")
          }
          let text = try row.text(3)
          if kind == .record, !key.contains(0), Array(text.utf8) != key {
            defects.add(.documents, "document \(id)", "its id and its name are not the same")
          }
          let checksum = StoredDocument.checksum(
            kind, key: key, name: text, title: try row.optionalText(4), metadata: try row.optionalText(9))
          if try row.integer(11) != checksum {
            defects.add(.documents, "document \(id)", "it does not agree with its checksum")
          }
          _ = (try row.optionalText(4), try row.optionalInteger(5), try row.optionalInteger(6))
          if try row.optionalBytes(7) == nil {
            defects.add(.unfinished, name, "it was not read to its end")
          }
          if let source = try row.optionalInteger(8), try row.optionalInteger(10) == nil {
            defects.add(.documents, name, "it is from source \(source), which is not there")
          }
          if let metadata = try row.optionalText(9) {
            let value = try Array(metadata.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: name) }
            if value.object == nil { defects.add(.documents, name, "its metadata is no object") }
          }
        }
      }
    }
  }

  private mutating func checkPassages() throws {
    let db = db
    var runs = IDRuns()
    _ = try defects.attempt(.passages, "passages") { defects in
      try db.forEachRow(
        """
        SELECT p.id, p.document, p.first_byte, p.last_byte, p.first_line, p.last_line, p.page, p.checksum, p.context,
          p.text, d.kind, d.key, d.name, d.title, NULL, d.id
        FROM passages p LEFT JOIN documents d ON d.id = p.document ORDER BY p.id
        """, of: "passages"
      ) { row in
        let id = try row.integer(0)
        if try row.optionalInteger(15) == nil {
          if let run = runs.add(id) { defects.add(.passages, run, "no document has them") }
        } else {
          _ = try defects.attempt(.passages, "passage \(id)") { _ in
            try StoredPassage(row, checksDocument: false)
          }
        }
      }
    }
    if let run = runs.end() { defects.add(.passages, run, "no document has them") }
  }
}
