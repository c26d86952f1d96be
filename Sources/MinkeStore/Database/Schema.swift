import GRDB
import MinkeCore

/// The tables of a collection, and how files of older versions become new ones.
///
/// Sources/MinkeStore/README.md says what each column holds.
enum Schema {
  /// Marks the file as ours among SQLite's: "Mnke".
  static let applicationID: Int64 = 0x4d6e_6b65
  /// One version a migration: each brings the file from the version before to its own.
  static let migrations: [@Sendable (Database) throws -> Void] = [createFirst]
  static var version: Int64 { Int64(migrations.count) }

  /// Larger pages make blocks of a megabyte cheap to read; smaller ones make small changes cheap to write.
  static let pageSize = 16_384

  @Sendable private static func createFirst(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE properties (name TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID;
        CREATE TABLE sources (
          id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, modified INTEGER NOT NULL);
        CREATE TABLE documents (
          id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, key BLOB NOT NULL, name TEXT NOT NULL,
          title TEXT, size INTEGER, modified INTEGER, hash BLOB, source INTEGER, metadata TEXT,
          checksum INTEGER NOT NULL, UNIQUE (kind, key));
        CREATE INDEX documents_by_source ON documents (source) WHERE source IS NOT NULL;
        CREATE TABLE passages (
          id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, first_byte INTEGER NOT NULL,
          last_byte INTEGER NOT NULL, first_line INTEGER NOT NULL, last_line INTEGER NOT NULL, page INTEGER,
          checksum INTEGER NOT NULL, context TEXT, text TEXT NOT NULL);
        CREATE INDEX passages_by_document ON passages (document);
        CREATE TABLE vectors (
          id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
          block INTEGER NOT NULL, chunks INTEGER NOT NULL, removed INTEGER NOT NULL, checksum INTEGER NOT NULL,
          gone BLOB, ids BLOB);
        CREATE TABLE words (
          id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
          block INTEGER NOT NULL, blocks INTEGER NOT NULL, removed INTEGER NOT NULL, checksum INTEGER NOT NULL,
          gone BLOB);
        CREATE TABLE blocks (id INTEGER PRIMARY KEY AUTOINCREMENT, checksum INTEGER NOT NULL, bytes BLOB NOT NULL);
        """)
  }
}
