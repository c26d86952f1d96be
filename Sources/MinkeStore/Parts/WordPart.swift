import Foundation
import GRDB
import MinkeCore
import MinkeSearch

/// The postings of some passages of the file.
package final class WordPart: Sendable {
  package let id: Int64
  package let range: PassageRange
  /// The first of the blocks, whose ids follow one another, and how many there are.
  package let block: Int64
  package let blocks: Int
  package let segment: WordSegment
  /// What was removed, by the segment's own numbers.
  package let dead: OrdinalSet

  static let columns = "id, first, last, count, block, blocks, removed, checksum, gone"

  /// Reads a row of ``columns``.
  ///
  /// - Parameter segment: the segment of the same row, where it was read before.
  convenience init(_ row: StoredRow, file: CollectionFile, cache: BlockCache, segment known: WordSegment?) throws {
    let range = try PassageRange(
      first: row.integer(1), last: row.integer(2), count: row.count(3), removed: row.count(6),
      gone: row.optionalBytes(8), subject: row.subject)
    let (block, blocks) = (try row.integer(4), try row.count(5))
    guard range.checksum(block, Int64(blocks)) == (try row.integer(7)) else {
      throw MinkeError(
        .malformedFile, row.subject, expected: "a row that agrees with its checksum", found: "damage")
    }
    try self.init(id: row.integer(0), range, block: block, blocks: blocks, segment: known, subject: row.subject) {
      StoredWordBlocks(first: block, file: file, cache: cache)
    }
  }

  /// - Parameters:
  ///   - known: the segment of the same part, where it was read before.
  ///   - read: gives the blocks of the segment.
  package init(
    id: Int64, _ range: PassageRange, block: Int64, blocks: Int, segment known: WordSegment?, subject: String,
    read: () -> any WordBlocks
  ) throws {
    guard blocks > 0, PassageRange.canBegin(at: block) else {
      throw MinkeError(.malformedFile, subject, expected: "blocks of words", found: "none")
    }
    (self.id, self.range, self.block, self.blocks) = (id, range, block, blocks)
    segment = try known ?? WordSegment(blocks: read(), blockCount: blocks)
    guard segment.count == range.count else {
      throw MinkeError(
        .malformedFile, subject, expected: "the postings of \(range.count) passages", found: "of \(segment.count)")
    }
    var dead = OrdinalSet()
    for id in range.goneIDs {
      guard let ordinal = segment.ordinal(of: id) else {
        throw MinkeError(.malformedFile, subject, expected: "removed passages that were there", found: "another")
      }
      dead.insert(ordinal)
    }
    self.dead = dead
  }

  /// Adds a row for a segment.
  static func add(
    first: Int64, last: Int64, count: Int, blocks: [AlignedBuffer<UInt8>], to db: Database
  ) throws {
    let range = PassageRange(first: first, last: last, count: count)
    let block = try db.addBlocks(blocks)
    try db.run(
      """
      INSERT INTO words (first, last, count, block, blocks, removed, checksum, gone) VALUES (?, ?, ?, ?, ?, 0, ?, NULL)
      """,
      [first, last, count, block, blocks.count, range.checksum(block, Int64(blocks.count))])
  }

  /// Notes in the row what is gone by now.
  func update(gone: OrdinalSet, in db: Database) throws {
    var changed = range
    changed.gone = gone
    try db.run(
      "UPDATE words SET removed = ?, gone = ?, checksum = ? WHERE id = ?",
      [gone.count, Data(gone.bytes), changed.checksum(block, Int64(blocks)), id])
  }

  /// Takes the row and its blocks out.
  func remove(from db: Database) throws {
    try db.removeBlocks(block, count: blocks)
    try db.run("DELETE FROM words WHERE id = ?", [id])
  }
}

/// The blocks of a segment in the file, read when they are first needed.
private struct StoredWordBlocks: WordBlocks {
  let first: Int64
  let file: CollectionFile
  let cache: BlockCache

  func block(_ number: Int) throws -> SharedBuffer<UInt8> {
    let id = first + Int64(number)
    return try cache.bytes(id) { try file.readWithin { try $0.block(id, of: file.path) } }
  }
}
