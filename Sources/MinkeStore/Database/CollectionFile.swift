import Foundation
import GRDB
import MinkeCore
import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The SQLite file of a collection, open, and what SQLite says of it in words that help.
final class CollectionFile: Sendable {
  let path: String
  let isReadOnly: Bool
  private let pool: any DatabaseReader & Sendable
  private let writer: DatabasePool?
  /// The device and the number of the file that was opened.
  private let identity: FileIdentity

  private struct FileIdentity: Equatable {
    let device: UInt64
    let file: UInt64

    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      self.init(status)
    }

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      file = UInt64(truncatingIfNeeded: status.st_ino)
    }
  }

  /// Opens the file, which is made where there is none and `creates` says so.
  ///
  /// - Throws: `MinkeError` of kind `notFound`, `unsupportedFile` (another application's, or of a newer Minke),
  ///   `malformedFile` or `inputOutput`.
  init(_ path: String, creates: Bool, readOnly: Bool) throws {
    // Nothing of an address is shown: a password may be in it.
    guard !path.hasPrefix("postgres://"), !path.hasPrefix("postgresql://") else {
      throw MinkeError(.invalidArgument, "collection", expected: "a file", found: "an address of PostgreSQL")
    }
    self.path = path
    let exists = FileIdentity(path) != nil
    guard exists || creates && !readOnly else {
      throw MinkeError(.notFound, path, expected: "a collection", found: "no such file")
    }
    if exists { try Self.checkKind(path, mayBeEmpty: creates) }
    // A file that may not be written to is read as it is.
    let canWrite = exists ? access(path, W_OK) == 0 && access(Self.folder(of: path), W_OK) == 0 : true
    isReadOnly = readOnly && exists && !canWrite || exists && !canWrite
    do {
      if isReadOnly {
        (pool, writer) = (try Self.openReadOnly(path), nil)
      } else {
        if exists { try Self.checkOwner(path) }
        let opened = try DatabasePool(path: path, configuration: Self.configuration(creating: !exists))
        (pool, writer) = (opened, opened)
      }
      guard let identity = FileIdentity(path) else {
        throw MinkeError(.notFound, path, expected: "a collection", found: "no such file")
      }
      self.identity = identity
    } catch {
      throw Self.explained(error, path)
    }
    try migrate()
  }

  private static func folder(of path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }

  /// Throws where the file is another application's: opening it to write would change how it is kept.
  private static func checkOwner(_ path: String) throws {
    var configuration = Configuration()
    configuration.readonly = true
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    defer { try? queue.close() }
    let (application, isEmpty) = try queue.read { db in
      (
        try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
        try Int64.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
      )
    }
    guard application == Schema.applicationID || isEmpty && application == 0 else {
      throw MinkeError(.unsupportedFile, path, expected: "a collection", found: "a database of another application")
    }
  }

  /// Throws where there is no plain file, or an empty one that may not become a collection. SQLite itself is left to find out what is in it: to close a file takes away all
  /// locks that the process has on it, those of other connections as well, so nothing here may open it.
  private static func checkKind(_ path: String, mayBeEmpty: Bool) throws(MinkeError) {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw MinkeError(.unsupportedFile, path, expected: "a collection", found: "a folder or device")
    }
    if status.st_size == 0, !mayBeEmpty {
      throw MinkeError(.unsupportedFile, path, expected: "a collection", found: "an empty file")
    }
  }

  /// Whether a file is the collection itself or lies beside it, so that it must not be read as other files are.
  func owns(_ other: FilePath) -> Bool {
    for ending in ["", "-wal", "-shm"] {
      guard let mine = FileIdentity(path + ending) else { continue }
      var status = stat()
      guard other.withCString({ stat($0, &status) }) == 0 else { return false }
      if FileIdentity(status) == mine { return true }
    }
    return false
  }

  private static func configuration(creating: Bool) -> Configuration {
    var configuration = Configuration()
    configuration.label = "minke.collection"
    configuration.foreignKeysEnabled = false
    // Who writes waits for who writes already.
    configuration.busyMode = .timeout(600)
    configuration.maximumReaderCount = 16
    configuration.prepareDatabase { db in
      if creating { try db.execute(sql: "PRAGMA page_size = \(Schema.pageSize)") }
      try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8192")
    }
    return configuration
  }

  private static func openReadOnly(_ path: String) throws -> any DatabaseReader & Sendable {
    var configuration = configuration(creating: false)
    configuration.readonly = true
    // Where nothing may be written beside the file and no journal is there, nobody else can be writing to it either.
    if access(path + "-wal", F_OK) != 0 {
      let allowed = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: "?#%"))
      let absolute = URL(fileURLWithPath: path).path
      if let escaped = absolute.addingPercentEncoding(withAllowedCharacters: allowed) {
        return try DatabaseQueue(path: "file:\(escaped)?immutable=1", configuration: configuration)
      }
    }
    return try DatabaseQueue(path: path, configuration: configuration)
  }

  // MARK: Reading and writing

  /// Reads one state of the file, whatever others write meanwhile.
  func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try checkPresence()
    do { return try pool.read(body) } catch { throw Self.explained(error, path) }
  }

  /// Reads within a call of ``read(_:)``, on its thread, the same state of the file.
  func readWithin<Result>(_ body: (Database) throws -> Result) throws -> Result { try pool.unsafeReentrantRead(body) }

  /// Writes all that `body` does, or nothing; it is on disk when this returns.
  func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
    let writer = try self.writer.unwrapped {
      MinkeError(
        .inputOutput, path, expected: "a collection that may be written to", found: "one that may only be read")
    }
    try checkPresence()
    do {
      return try writer.writeWithoutTransaction { db in
        var result: Result?
        try db.inTransaction(.immediate) {
          result = try body(db)
          // What is written to a file without a name is lost.
          try checkPresence()
          return .commit
        }
        return try result.unwrapped { MinkeError(.inputOutput, path, expected: "a result", found: "none") }
      }
    } catch { throw Self.explained(error, path) }
  }

  /// Does what cannot be done within a transaction.
  func writeWithoutTransaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
    let writer = try self.writer.unwrapped {
      MinkeError(
        .inputOutput, path, expected: "a collection that may be written to", found: "one that may only be read")
    }
    try checkPresence()
    do { return try writer.barrierWriteWithoutTransaction(body) } catch { throw Self.explained(error, path) }
  }

  /// Closes the file; the last one to do so removes the journal beside it.
  func close() throws {
    do { try pool.close() } catch { throw Self.explained(error, path) }
    // The pool closes its readers last, which may not clear away what lies beside the file.
    guard !isReadOnly, FileIdentity(path) == identity,
      let last = try? DatabaseQueue(path: path, configuration: Self.configuration(creating: false))
    else { return }
    _ = try? last.read { try Int.fetchOne($0, sql: "PRAGMA schema_version") }
    try? last.close()
  }

  /// Throws when the file that was opened is not the one at its path any more.
  private func checkPresence() throws(MinkeError) {
    guard let present = FileIdentity(path) else {
      throw MinkeError(.notFound, path, expected: "the collection that was opened", found: "no such file any more")
    }
    guard present == identity else {
      throw MinkeError(
        .notFound, path, expected: "the collection that was opened", found: "another file in its place; open it anew")
    }
  }

  // MARK: Versions

  private func migrate() throws {
    let (application, version, isEmpty) = try read { db in
      (
        try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
        try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
        try Int64.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
      )
    }
    guard isEmpty && application == 0 || application == Schema.applicationID else {
      throw MinkeError(.unsupportedFile, path, expected: "a collection", found: "a database of another application")
    }
    guard version <= Schema.version else {
      throw MinkeError(
        .unsupportedFile, path, expected: "a collection of version \(Schema.version) or below",
        found: "version \(version), made by a newer Minke")
    }
    guard version < Schema.version else { return }
    guard !isReadOnly else {
      throw MinkeError(
        .inputOutput, path, expected: "a collection of version \(Schema.version)",
        found: "version \(version), and no right to write to it")
    }
    try write { db in
      // Another process may have done it meanwhile.
      let present = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
      for step in Schema.migrations.dropFirst(Int(max(0, present))) { try step(db) }
      try db.execute(
        sql: "PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = \(Schema.version)")
    }
  }

  // MARK: Errors

  /// An error of SQLite as one of ours.
  static func explained(_ error: any Error, _ path: String) -> any Error {
    guard let error = error as? DatabaseError else { return error }
    let words = error.message ?? "error \(error.resultCode.rawValue)"
    switch error.resultCode {
    case .SQLITE_NOTADB:
      return MinkeError(
        .unsupportedFile, path, expected: "a collection",
        found: "a file of another kind, or one damaged from its beginning on")
    case .SQLITE_CORRUPT:
      return MinkeError(
        .malformedFile, path, expected: "a whole collection",
        found: "damage (\(words)); minke collection verify says more")
    case .SQLITE_FULL:
      return MinkeError(
        .inputOutput, path, expected: "room on the disk", found: "none left; nothing of this change was kept")
    case .SQLITE_READONLY, .SQLITE_PERM:
      return MinkeError(.inputOutput, path, expected: "a collection that may be written to", found: words)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return MinkeError(.inputOutput, path, expected: "its turn to write", found: "another process that does not end")
    case .SQLITE_CANTOPEN:
      return MinkeError(
        .inputOutput, path, expected: "a file that can be opened, and its journal beside it", found: words)
    case .SQLITE_INTERRUPT, .SQLITE_ABORT: return Task.isCancelled ? CancellationError() : error
    case .SQLITE_ERROR, .SQLITE_SCHEMA, .SQLITE_MISMATCH, .SQLITE_CONSTRAINT:
      return MinkeError(.malformedFile, path, expected: "the tables of a collection", found: words)
    default: return MinkeError(.inputOutput, path, expected: "to read and write", found: words)
    }
  }
}

extension Optional {
  package func unwrapped(_ error: () -> MinkeError) throws(MinkeError) -> Wrapped {
    guard let self else { throw error() }
    return self
  }
}
