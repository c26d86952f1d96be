import Foundation
import GRDB
import MinkeCore
import MinkeModels
import MinkeSearch

extension Collection {
  /// Makes a collection of what ``export(to:progress:)`` wrote, without encoding anything anew.
  ///
  /// It finds what the exported one found: vectors of floats and bits are the same, and 8-bit numbers become the same ones
  /// again. Documents keep what is known of their files, so that indexing them again reads only what changed.
  /// - Parameters:
  ///   - folder: an exported collection.
  ///   - path: where the file is to be, which must not exist; it appears whole or not at all.
  ///   - encoder: the model that made the vectors; nil loads it by the name that it had.
  ///   - storage: how vectors are kept; nil for as they were.
  ///   - progress: hears how many passages are read.
  /// - Returns: the new collection, open.
  /// - Throws: `MinkeError` when the files are not those of an export, do not fit together or were made with another
  ///   model, or something is at `path`; `CancellationError`.
  public static func `import`(
    from folder: URL, into path: String, encoder: (any TextEncoder)? = nil,
    storage: CollectionSettings.Storage? = nil, progress: ProgressHandler? = nil
  ) throws -> Collection {
    let destination = URL(fileURLWithPath: path)
    var exported = try ExportReader(folder, storage: storage)
    let encoder = try exported.encoder(encoder, of: folder)
    try FolderWriter.withDraftFolder(beside: destination) { draft in
      let place = draft.appendingPathComponent("collection").path
      let settings = exported.settings
      let collection = try Collection(
        place, encoder: encoder, modelName: settings.modelName, precision: settings.precision,
        dimension: settings.dimension, storage: settings.storage, stems: settings.stems, creates: true)
      do {
        try collection.readDocuments(&exported)
        try collection.readPassages(&exported, progress)
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

  private func readDocuments(_ exported: inout ExportReader) throws {
    var sources: [[UInt8]: Int64] = [:]
    while case let documents = try exported.nextDocuments(), !documents.isEmpty {
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

  private func readPassages(_ exported: inout ExportReader, _ progress: ProgressHandler?) throws {
    let meter = ProgressMeter(total: exported.passageCount, handler: progress)
    while let (passages, vectors) = try exported.nextPassages() {
      try file.write { db in
        let settings = try state(in: db).settings
        for passage in passages { try insert(passage, db) }
        // They were scaled before they were exported.
        try db.addParts(ids: passages.map(\.id), vectors: vectors, keepsLengths: true, settings) {
          NewPassage.searchedText(passages[$0].new.text, context: passages[$0].new.passage.context)
        }
        try db.raiseGeneration()
      }
      try tidy()
      meter.advance(by: vectors.count)
    }
    let strays = try file.read { db in
      try db.firstRow(
        "SELECT count(*) FROM passages WHERE document NOT IN (SELECT id FROM documents)", of: path
      ) { try $0.count(0) } ?? 0
    }
    if strays > 0 { throw exported.strays(strays) }
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
