import Foundation
import GRDB
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeSearch
import MinkeText

extension Collection {
  /// Makes a collection of what ``export(to:progress:)`` wrote, without encoding anything anew.
  ///
  /// It finds what the exported one found: vectors of floats and bits are the same, and 8-bit numbers become the same ones
  /// again. Documents keep what is known of their files, so that indexing them again reads only what changed.
  /// - Parameters:
  ///   - folder: an exported collection.
  ///   - path: where the file is to be, which must not exist; it appears whole or not at all.
  ///   - encoder: the model that made the vectors; nil loads it by the name that it had.
  ///   - progress: hears how many passages are read.
  /// - Returns: the new collection, open.
  /// - Throws: `MinkeError` when the files are not those of an export, do not fit together or were made with another
  ///   model, or something is at `path`; `CancellationError`.
  public static func `import`(
    from folder: URL, into path: String, encoder: (any TextEncoder)? = nil, progress: ProgressHandler? = nil
  ) throws -> Collection {
    let destination = URL(fileURLWithPath: path)
    let exported = try ExportedSettings(folder)
    let encoder = try encoder ?? loadEncoder(exported.settings)
    try FolderWriter.withDraftFolder(beside: destination) { draft in
      let place = draft.appendingPathComponent("collection").path
      let (settings, found) = (exported.settings, encoder.identity)
      guard settings.model == found else {
        throw MinkeError(
          .invalidArgument, folder.relativePath, expected: "the model that made the vectors, \(settings.model)",
          found: "\(found)")
      }
      let collection = try Collection(
        place, encoder: encoder, modelName: settings.modelName, precision: settings.precision,
        dimension: settings.dimension, storage: settings.storage, stems: settings.stems, creates: true)
      do {
        try collection.readDocuments(folder)
        try collection.readPassages(folder, exported, progress)
        try collection.close()
      } catch {
        try? collection.close()
        throw error
      }
      // Does not take the place of anything.
      do {
        try FileManager.default.moveItem(atPath: place, toPath: path)
      } catch {
        throw MinkeError(
          .inputOutput, path, expected: "a place for a new file",
          found: FileManager.default.fileExists(atPath: path)
            ? "one that exists" : error.localizedDescription)
      }
    }
    return try Collection(path, encoder: encoder, creates: false)
  }

  private static let atOnce = 1 << 15

  private func readDocuments(_ folder: URL) throws {
    var lines = try ExportedLines(folder, ExportFormat.documents)
    var sources: [[UInt8]: Int64] = [:]
    while case let documents = try lines.next(Self.atOnce, { try ExportedDocument($0, subject: $1) }),
      !documents.isEmpty
    {
      try Task.checkCancellation()
      try file.write { db in
        for document in documents {
          var source: Int64?
          if let key = document.source {
            if sources[key] == nil {
              // It is read again when it is next indexed; what did not change is then known by its hash.
              try db.run("INSERT INTO sources (key, size, modified) VALUES (?, -1, -1)", [Data(key)])
              sources[key] = db.lastInsertedRowID
            }
            source = sources[key]
          }
          let metadata = document.metadata?.stored
          let checksum = StoredDocument.checksum(
            document.kind, key: document.key, name: document.name, title: document.title, metadata: metadata)
          try db.run(
            """
            INSERT INTO documents (id, kind, key, name, title, size, modified, hash, source, metadata, checksum)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
              document.id, document.kind.rawValue, Data(document.key), document.name, document.title, document.size,
              document.modified, document.hash.map { Data($0) }, source, metadata, checksum,
            ])
        }
        try db.raiseGeneration()
      }
    }
  }

  private func readPassages(_ folder: URL, _ exported: ExportedSettings, _ progress: ProgressHandler?) throws {
    var lines = try ExportedLines(folder, ExportFormat.passages)
    let vectors = try NumPyReader(folder.appendingPathComponent(ExportFormat.vectors))
    try vectors.checkVectors()
    let isBinary = exported.settings.storage == .binary
    guard vectors.vectorDimension == exported.settings.dimension, (vectors.elementType == .uint8) == isBinary,
      vectors.shape[0] == exported.passages
    else {
      throw MinkeError(
        .shapeMismatch, vectors.subject,
        expected: "\(exported.passages) vectors of \(exported.settings.dimension) \(isBinary ? "bits" : "numbers")",
        found: "\(vectors.shape) \(vectors.elementType.rawValue)")
    }
    let meter = ProgressMeter(total: exported.passages, handler: progress)
    var last: Int64 = 0
    let rowBytes = isBinary ? exported.settings.dimension / 8 : exported.settings.dimension * 4
    let rows = min(Self.atOnce, max(1, (1 << 26) / rowBytes))
    while let batch = try vectors.nextVectors(bytes: rows * rowBytes) {
      try Task.checkCancellation()
      let passages = try lines.next(batch.count) { try ExportedPassage($0, subject: $1) }
      guard passages.count == batch.count else { throw lines.error("as many passages as vectors", "fewer") }
      for passage in passages {
        guard passage.id > last else { throw lines.error("ids that ascend", "\(passage.id) behind \(last)") }
        last = passage.id
      }
      try file.write { db in
        let settings = try state(in: db).settings
        for passage in passages { try insert(passage, db) }
        // They were scaled before they were exported.
        try db.addParts(ids: passages.map(\.id), vectors: batch, keepsLengths: true, settings) {
          NewPassage.searchedText(passages[$0].new.text, context: passages[$0].new.passage.context)
        }
        try db.raiseGeneration()
      }
      try tidy()
      meter.advance(by: batch.count)
    }
    guard try lines.next(1, { json, _ in json }).isEmpty else {
      throw lines.error("as many passages as vectors", "more")
    }
    let strays = try file.read { db in
      try db.firstRow(
        "SELECT count(*) FROM passages WHERE document NOT IN (SELECT id FROM documents)", of: path
      ) { try $0.count(0) } ?? 0
    }
    if strays > 0 { throw lines.error("passages of documents", "\(strays) of others") }
  }

  private func insert(_ passage: ExportedPassage, _ db: Database) throws {
    let (place, text) = (passage.new.passage, passage.new.text)
    try db.run(
      """
      INSERT INTO passages (id, document, first_byte, last_byte, first_line, last_line, page, checksum, context, text)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        passage.id, passage.document, place.byteRange.lowerBound, place.byteRange.upperBound, place.lines.lowerBound,
        place.lines.upperBound, place.page,
        StoredPassage.checksum(document: passage.document, place, text: text), place.context, text,
      ])
  }
}

/// What an exported collection was made with.
private struct ExportedSettings {
  let settings: CollectionSettings
  let passages: Int

  init(_ folder: URL) throws {
    let file = try MappedFile(folder.appendingPathComponent(ExportFormat.settings))
    let json = try JSONValue(parsing: file.bytes, subject: file.path)
    func malformed(_ name: String) -> MinkeError {
      MinkeError(.malformedFile, file.path, expected: "a right \"\(name)\"", found: "none or another")
    }
    guard let version = json["version"]?.integer else { throw malformed("version") }
    guard version == ExportFormat.version else {
      throw MinkeError(
        .unsupportedFile, file.path, expected: "version \(ExportFormat.version)", found: "version \(version)")
    }
    settings = try CollectionSettings(json.object ?? [:], malformed: malformed)
    guard let passages = json["passages"]?.integer, passages >= 0 else { throw malformed("passages") }
    self.passages = passages
  }
}

/// The lines of a file of an export, each a JSON object.
private struct ExportedLines {
  private var lines: FileLines

  init(_ folder: URL, _ file: String) throws {
    lines = try FileLines(contentsOf: FilePath(folder.appendingPathComponent(file).relativePath))
  }

  /// What `read` makes of the next `count` lines, or of as many as are left.
  mutating func next<Value: Sendable>(
    _ count: Int, _ read: @Sendable (_ json: JSONValue, _ subject: String) throws -> Value
  ) throws -> [Value] {
    try lines.next(count) { try read(try $0.json(), $0.subject) } ?? []
  }

  func error(_ expected: String, _ found: String) -> MinkeError {
    MinkeError(.malformedFile, lines.name, expected: expected, found: found)
  }
}
