import Foundation
import GRDB
import GRDBSQLite
import MinkeCore

extension Database {
  /// Calls `body` with the bytes of a block, once their checksum was found right.
  func withBlock<Result>(_ id: Int64, of path: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws
    -> Result
  {
    try withStoredBlock(id, of: path) { block in
      // The same memory for one block after the other, so that it stays in the processor's cache.
      try scratch.use { room in
        let bytes = room.bytes(block.count)
        try block.read(into: bytes)
        return try body(UnsafeRawBufferPointer(bytes))
      }
    }
  }

  /// A copy of a block's bytes.
  func block(_ id: Int64, of path: String) throws -> SharedBuffer<UInt8> {
    try withStoredBlock(id, of: path) { block in
      let copy = AlignedBuffer<UInt8>(uninitialized: block.count)
      try block.read(into: UnsafeMutableRawBufferPointer(copy.mutablePointer))
      return SharedBuffer(copy)
    }
  }

  private func withStoredBlock<Result>(_ id: Int64, of path: String, _ body: (StoredBlock) throws -> Result)
    throws -> Result
  {
    let subject = "\(path): block \(id)"
    let checksum = try firstRow("SELECT checksum FROM blocks WHERE id = ?", [id], of: subject) { try $0.integer(0) }
    guard let checksum else { throw MinkeError(.malformedFile, path, expected: "block \(id)", found: "none") }
    return try body(try StoredBlock(self, id, checksum: checksum, subject))
  }

  /// Adds a block, and gives its id: one more than the last one's.
  func addBlock(_ bytes: AlignedBuffer<UInt8>) throws -> Int64 {
    let raw = UnsafeRawBufferPointer(bytes.pointer)
    let data =
      raw.baseAddress.map {
        Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: $0), count: raw.count, deallocator: .none)
      } ?? Data()
    try withExtendedLifetime(bytes) {
      try run("INSERT INTO blocks (checksum, bytes) VALUES (?, ?)", [Checksum.of(raw), data])
    }
    return lastInsertedRowID
  }

  /// Adds blocks with ids that follow one another, and gives the first.
  func addBlocks(_ blocks: [AlignedBuffer<UInt8>]) throws -> Int64 {
    var first: Int64 = 0
    for (index, block) in blocks.enumerated() {
      let id = try addBlock(block)
      if index == 0 { first = id }
    }
    return first
  }

  func removeBlocks(_ first: Int64, count: Int) throws {
    if count > 0 { try run("DELETE FROM blocks WHERE id >= ? AND id < ?", [first, first + Int64(count)]) }
  }
}

/// A block in the file, which SQLite reads to where it is wanted: what it gives out otherwise lies in memory that it
/// takes from the system and gives back for every block.
private final class StoredBlock {
  private let handle: OpaquePointer
  private let connection: OpaquePointer
  private let checksum: Int64
  private let subject: String

  init(_ db: Database, _ id: Int64, checksum: Int64, _ subject: String) throws {
    (self.checksum, self.subject) = (checksum, subject)
    guard let connection = db.sqliteConnection else {
      throw MinkeError(.inputOutput, subject, expected: "an open collection", found: "a closed one")
    }
    self.connection = connection
    var handle: OpaquePointer?
    let code = sqlite3_blob_open(connection, "main", "blocks", "bytes", id, 0, &handle)
    guard code == SQLITE_OK, let handle else {
      sqlite3_blob_close(handle)
      // So it calls a value of another type.
      if code == SQLITE_ERROR {
        throw MinkeError(.malformedFile, subject, expected: "bytes", found: "something else")
      }
      throw Self.error(code, connection)
    }
    self.handle = handle
  }

  deinit { sqlite3_blob_close(handle) }

  var count: Int { Int(sqlite3_blob_bytes(handle)) }

  /// Reads the whole block into `bytes`, which are as many.
  func read(into bytes: UnsafeMutableRawBufferPointer) throws {
    let code = sqlite3_blob_read(handle, bytes.baseAddress, Int32(bytes.count), 0)
    guard code == SQLITE_OK else { throw Self.error(code, connection) }
    guard Checksum.of(UnsafeRawBufferPointer(bytes)) == checksum else {
      throw MinkeError(
        .malformedFile, subject, expected: "bytes that agree with their checksum",
        found: "damage; minke collection verify says more")
    }
  }

  private static func error(_ code: Int32, _ connection: OpaquePointer) -> DatabaseError {
    DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
  }
}

/// Memory that one block after the other is read into.
// SAFETY of @unchecked: one at a time has it, from `Spares`.
private final class Scratch: @unchecked Sendable {
  private var memory = AlignedBuffer<UInt8>(uninitialized: 0)

  /// `count` bytes of arbitrary content.
  func bytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if memory.count < count { memory = AlignedBuffer(uninitialized: count) }
    return UnsafeMutableRawBufferPointer(start: memory.baseAddress, count: count)
  }
}

private let scratch = Spares { Scratch() }

/// Bytes of which a checksum is kept with a row.
struct RowBytes {
  private var bytes: [UInt8] = []

  mutating func add(_ value: Int64?) {
    bytes.append(value == nil ? 0 : 1)
    withUnsafeBytes(of: (value ?? 0).littleEndian) { bytes += $0 }
  }
  mutating func add(_ value: Int) { add(Int64(value)) }
  mutating func add(_ more: [UInt8]?) {
    add(more?.count ?? -1)
    if let more { bytes += more }
  }
  mutating func add(_ text: String?) { add(text.map { Array($0.utf8) }) }

  var checksum: Int64 { bytes.withUnsafeBytes { Checksum.of($0) } }
}
