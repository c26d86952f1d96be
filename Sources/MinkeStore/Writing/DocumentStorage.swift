import MinkeCore
import MinkeText

/// A collection whose documents can be looked up and written: what following files and records and drawing maps
/// need of it, and all that differs between a file and a database server.
package protocol DocumentStorage: PassageCollection {
  /// Another number after every change.
  var generation: Int64 { get throws }
  /// Lays out all passages on a plane; ``Collection/map(progress:)`` says more.
  func map(progress: ProgressHandler?) throws -> PassageMap

  /// Whether a file is part of the collection itself, so that it must not be read as other files are.
  func owns(_ file: FilePath) -> Bool
  /// The documents that are files, by their keys.
  func knownFiles() throws -> [[UInt8]: KnownFile]
  /// Those of the records with these ids that are held.
  func knownRecords(_ ids: [String]) throws -> [String: KnownRecord]
  /// Notes the times of files that were written anew with what they held before.
  func note(_ touched: [(id: Int64, modified: Int64)]) throws

  /// What is known of a file of records; nil where none of this key was read.
  func recordFile(_ key: [UInt8]) throws -> RecordFile?
  /// Notes that a file of records is being read; gives its number.
  func addRecordFile(_ key: [UInt8]) throws -> Int64
  /// Notes that a file of records was read to its end.
  func finishRecordFile(_ id: Int64, size: Int, modified: Int64) throws
  /// The numbers of the records that came from a file.
  func documents(ofSource source: Int64) throws -> [Int64]

  /// Writes documents with their passages and vectors in one transaction; documents of the same key are replaced.
  ///
  /// - Parameters:
  ///   - vectors: one a passage, in the order of the documents.
  ///   - run: what the pieces of one document, which come one after the other, have in common.
  func commit(_ documents: [NewDocument], vectors: Embeddings?, run: Int64) throws
  /// Takes out the documents with these numbers; gives the number of their passages.
  @discardableResult
  func removeDocuments(_ documents: [Int64]) throws -> Int
}

/// What is known of a file that is held.
package struct KnownFile: Sendable {
  package let id: Int64
  package let size: Int
  package let modified: Int64
  /// Nil where the document was not read to its end.
  package let hash: [UInt8]?

  package init(id: Int64, size: Int, modified: Int64, hash: [UInt8]?) {
    (self.id, self.size, self.modified, self.hash) = (id, size, modified, hash)
  }
}

/// What is known of a record that is held.
package struct KnownRecord: Sendable {
  package let id: Int64
  /// Nil where the record was not read to its end.
  package let hash: [UInt8]?

  package init(id: Int64, hash: [UInt8]?) { (self.id, self.hash) = (id, hash) }
}

/// What is known of a file of records; its size and time are those of the last run that read it to its end, or -1.
package struct RecordFile: Sendable {
  package let id: Int64
  package let size: Int64
  package let modified: Int64

  package init(id: Int64, size: Int64, modified: Int64) { (self.id, self.size, self.modified) = (id, size, modified) }
}
