import Foundation
import GRDB
import MinkeCore
import MinkeText

extension Collection {
  /// Adds records; one whose id is there is replaced, unless it is the same.
  ///
  /// - Parameters:
  ///   - splitter: how texts are split; nil for passages of the usual length.
  ///   - progress: hears how far it has come.
  /// - Throws: `MinkeError` when the file cannot be written to; `CancellationError`. What was written before stays.
  @discardableResult
  public func add(
    _ records: [TextRecord], splitter: PassageSplitter? = nil, progress: (@Sendable (IndexProgress) -> Void)? = nil
  ) throws -> IndexReport {
    try write(records, splitter: splitter, progress)
  }

  package func knownRecords(_ ids: [String]) throws -> [String: KnownRecord] {
    try file.read { db in
      var known: [String: KnownRecord] = [:]
      for id in ids {
        known[id] = try db.firstRow(
          "SELECT id, hash FROM documents WHERE kind = 0 AND key = ?", [Data(id.utf8)], of: "\(path): documents"
        ) { KnownRecord(id: try $0.integer(0), hash: try $0.optionalBytes(1)) }
      }
      return known
    }
  }

  /// Takes out the documents with these ids, or paths for files; says which there were.
  ///
  /// - Throws: `MinkeError` when the file cannot be written to.
  @discardableResult
  public func remove(_ documents: [String]) throws -> [String] {
    let found = try file.read { db in
      try documents.compactMap { name in try documentRow(name, db).map { (name, $0) } }
    }
    try removeDocuments(Array(Set(found.map(\.1))).sorted())
    return found.map(\.0)
  }
}
