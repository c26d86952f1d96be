import Foundation
import GRDB
import MinkeCore

extension Database {
  /// Calls `body` with the bytes of a block, once their checksum was found right.
  func withBlock<Result>(_ id: Int64, of path: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws
    -> Result
  {
    let rows = try Row.fetchCursor(
      cachedStatement(sql: "SELECT checksum, bytes FROM blocks WHERE id = ?"), arguments: [id])
    guard let row = try rows.next() else {
      throw MinkeError(.malformedFile, path, expected: "block \(id)", found: "none")
    }
    let checksum = try StoredRow(row, "\(path): block \(id)").integer(0)
    return try row.withUnsafeData(atIndex: 1) { data in
      try (data ?? Data()).withUnsafeBytes { bytes in
        guard Checksum.of(bytes) == checksum else {
          throw MinkeError(
            .malformedFile, "\(path): block \(id)", expected: "bytes that agree with their checksum",
            found: "damage; minke collection verify says more")
        }
        return try body(bytes)
      }
    }
  }

  /// A copy of a block's bytes.
  func block(_ id: Int64, of path: String) throws -> SharedBuffer<UInt8> {
    try withBlock(id, of: path) { bytes in
      let copy = AlignedBuffer<UInt8>(uninitialized: bytes.count)
      UnsafeMutableRawBufferPointer(copy.mutablePointer).copyMemory(from: bytes)
      return SharedBuffer(copy)
    }
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
