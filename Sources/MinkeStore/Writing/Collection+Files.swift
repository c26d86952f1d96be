import Foundation
import GRDB
import Minke
import MinkeCore
import MinkeText

extension Collection: DocumentStorage {
  /// Brings the collection to the state of the files at `paths` and below the folders among them: what is new or changed
  /// is read, what is gone is taken out, what is as it was is not looked at but for its size and time.
  ///
  /// A file of JSON Lines that is named itself gives a record a line. When the call ends early, by an error or a
  /// cancellation, what was written stays, and the next call goes on from there.
  /// - Parameter progress: hears how far it has come.
  /// - Returns: what was done. What cannot be read is left as it was in the collection, and named there.
  /// - Throws: `MinkeError` when a path does not exist or the collection cannot be written to; `CancellationError`.
  @discardableResult
  public func index(
    _ paths: [FilePath], options: IndexingOptions = IndexingOptions(),
    progress: (@Sendable (IndexProgress) -> Void)? = nil
  ) throws -> IndexReport {
    try follow(paths, options, progress)
  }

  package func owns(_ file: FilePath) -> Bool { self.file.owns(file) }

  package func knownFiles() throws -> [[UInt8]: KnownFile] {
    try file.read { db in
      var known: [[UInt8]: KnownFile] = [:]
      try db.forEachRow(
        "SELECT id, key, size, modified, hash FROM documents WHERE kind = 1", of: "\(path): documents"
      ) { row in
        known[try row.bytes(1)] = KnownFile(
          id: try row.integer(0), size: Int(try row.optionalInteger(2) ?? -1),
          modified: try row.optionalInteger(3) ?? -1, hash: try row.optionalBytes(4))
      }
      return known
    }
  }

  package func note(_ touched: [(id: Int64, modified: Int64)]) throws {
    guard !touched.isEmpty else { return }
    try file.write { db in
      for (id, modified) in touched {
        try db.run("UPDATE documents SET modified = ? WHERE id = ?", [modified, id])
      }
    }
  }

  // MARK: Files of records

  package func recordFile(_ key: [UInt8]) throws -> RecordFile? {
    try file.read { db in
      try db.firstRow("SELECT id, size, modified FROM sources WHERE key = ?", [Data(key)], of: "\(path): sources") {
        RecordFile(id: try $0.integer(0), size: try $0.integer(1), modified: try $0.integer(2))
      }
    }
  }

  package func addRecordFile(_ key: [UInt8]) throws -> Int64 {
    try file.write { db in
      try db.run("INSERT INTO sources (key, size, modified) VALUES (?, -1, -1)", [Data(key)])
      return db.lastInsertedRowID
    }
  }

  package func finishRecordFile(_ id: Int64, size: Int, modified: Int64) throws {
    try file.write { db in
      try db.run("UPDATE sources SET size = ?, modified = ? WHERE id = ?", [size, modified, id])
    }
  }

  package func documents(ofSource source: Int64) throws -> [Int64] {
    try file.read { db in
      var ids: [Int64] = []
      try db.forEachRow("SELECT id FROM documents WHERE source = ?", [source], of: "\(path): documents") {
        ids.append(try $0.integer(0))
      }
      return ids
    }
  }
}
