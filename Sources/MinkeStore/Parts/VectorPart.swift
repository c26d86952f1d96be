import Foundation
import GRDB
import MinkeCore
import MinkeSearch

/// A block of vectors of the file: which passages they are of, and where the bytes are.
final class VectorPart: Sendable {
  let id: Int64
  let range: PassageRange
  let block: Int64
  /// The first of the chunks that candidates are scored by; 0 where there are none.
  let chunks: Int64
  /// The ids where they do not follow one another.
  private let ids: [Int64]?

  private init(id: Int64, range: PassageRange, block: Int64, chunks: Int64, ids: [Int64]?) {
    (self.id, self.range, self.block, self.chunks, self.ids) = (id, range, block, chunks, ids)
  }

  /// The ids of all vectors, those removed included.
  var allIDs: [Int64] { ids ?? Array(range.first...range.last) }

  /// How many chunks there are.
  var chunkCount: Int {
    chunks == 0 ? 0 : (range.count + VectorBlockFormat.chunkVectors - 1) / VectorBlockFormat.chunkVectors
  }

  /// The positions of what was removed.
  var removed: [Int] {
    if range.gone.isEmpty { return [] }
    guard let ids else { return range.goneIDs.map { Int($0 - range.first) } }
    return ids.indices.filter { range.gone.contains(Int(ids[$0] - range.first)) }
  }

  /// Where the vector with this id is; nil where it is not, or was removed.
  func position(of id: Int64) -> Int? {
    guard id >= range.first, id <= range.last, !range.gone.contains(Int(id - range.first)) else { return nil }
    guard let ids else { return Int(id - range.first) }
    var (low, high) = (0, ids.count)
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? low : nil
  }

  // MARK: Rows

  /// No block holds more: a vector takes 4 bytes or more.
  private static let largestCount = 1 << 18

  static let columns = "id, first, last, count, block, chunks, removed, checksum, gone, ids"

  /// Reads a row of ``columns``.
  init(_ row: StoredRow) throws(MinkeError) {
    id = try row.integer(0)
    let range = try PassageRange(
      first: row.integer(1), last: row.integer(2), count: row.count(3), removed: row.count(6),
      gone: row.optionalBytes(8), subject: row.subject)
    self.range = range
    block = try row.integer(4)
    chunks = try row.integer(5)
    let bytes = try row.optionalBytes(9)
    ids = try bytes.map { bytes throws(MinkeError) in try Self.ids(bytes, range, row.subject) }
    guard range.checksum(block, chunks, ids: bytes) == (try row.integer(7)) else {
      throw MinkeError(
        .malformedFile, row.subject, expected: "a row that agrees with its checksum", found: "damage")
    }
    guard PassageRange.canBegin(at: block), chunks == 0 || PassageRange.canBegin(at: chunks),
      range.count <= Self.largestCount
    else {
      throw MinkeError(.malformedFile, row.subject, expected: "blocks of vectors", found: "numbers that cannot be")
    }
    guard ids != nil || range.last - range.first + 1 == Int64(range.count) else {
      throw MinkeError(.malformedFile, row.subject, expected: "an id for each vector", found: "none")
    }
  }

  private static func ids(_ bytes: [UInt8], _ range: PassageRange, _ subject: String) throws(MinkeError) -> [Int64] {
    var ids: [Int64] = []
    var before: Int64 = -1
    bytes.withUnsafeBytes { bytes in
      for offset in stride(from: 0, to: bytes.count - 3, by: 4) {
        let number = Int64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        if number <= before { return }
        ids.append(range.first + number)
        before = number
      }
    }
    guard ids.count == range.count, bytes.count == 4 * range.count, ids.first == range.first, ids.last == range.last
    else { throw MinkeError(.malformedFile, subject, expected: "\(range.count) ids that ascend", found: "others") }
    return ids
  }

  private static func bytes(of ids: [Int64]) -> [UInt8] {
    ids.flatMap { id in withUnsafeBytes(of: UInt32(id - ids[0]).littleEndian) { Array($0) } }
  }

  /// Adds a row for vectors with `ids`, which ascend.
  static func add(_ ids: [Int64], block: Int64, chunks: Int64, to db: Database) throws {
    guard let first = ids.first, let last = ids.last else { return }
    let range = PassageRange(first: first, last: last, count: ids.count)
    let bytes = last - first + 1 == Int64(ids.count) ? nil : Self.bytes(of: ids)
    try db.run(
      """
      INSERT INTO vectors (first, last, count, block, chunks, removed, checksum, gone, ids)
      VALUES (?, ?, ?, ?, ?, 0, ?, NULL, ?)
      """,
      [
        first, last, ids.count, block, chunks, range.checksum(block, chunks, ids: bytes), bytes.map { Data($0) },
      ])
  }

  /// Notes in the row what is gone by now.
  func update(gone: OrdinalSet, in db: Database) throws {
    var changed = range
    changed.gone = gone
    let bytes = ids.map { Self.bytes(of: $0) }
    try db.run(
      "UPDATE vectors SET removed = ?, gone = ?, checksum = ? WHERE id = ?",
      [gone.count, Data(gone.bytes), changed.checksum(block, chunks, ids: bytes), id])
  }

  /// Takes the row and its blocks out.
  func remove(from db: Database) throws {
    try db.removeBlocks(block, count: 1)
    try db.removeBlocks(chunks, count: chunkCount)
    try db.run("DELETE FROM vectors WHERE id = ?", [id])
  }
}
