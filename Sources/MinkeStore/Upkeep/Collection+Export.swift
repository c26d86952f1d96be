import Foundation
import GRDB
import MinkeCheckpoints
import MinkeCore
import MinkeSearch

extension Collection {
  /// Writes all that the collection holds as files that any program reads, into a folder that appears whole or not at
  /// all.
  ///
  /// * `passages.jsonl`: a passage a line, with `id`, `document`, `document_id`, `kind`, `text`, `lines`, `bytes`, and
  ///   where there are such, `context`, `page`, `title`, `metadata`.
  /// * `vectors.npy`: the vectors of the passages in the same order, `[passages, dimension]` float32 as they are searched,
  ///   which for 8-bit numbers is what these stand for; of bits `[passages, dimension / 8]` uint8.
  /// * `documents.jsonl`: a document a line, with what is known of its file.
  /// * `settings.json`: the model and what else the collection was made with.
  ///
  /// One state of the collection is written, whatever others add meanwhile; what is in memory is a block or two.
  /// - Parameters:
  ///   - folder: must not exist.
  ///   - progress: hears how many passages are written.
  /// - Returns: the number of passages.
  /// - Throws: `MinkeError` when there is something at `folder`, writing fails or the collection is damaged;
  ///   `CancellationError`.
  @discardableResult
  public func export(to folder: URL, progress: ProgressHandler? = nil) throws -> Int {
    try FolderWriter.write(to: folder) { draft in
      try withState { db, state in
        let documents = try writeDocuments(db, draft)
        try writePassages(db, state, draft, progress)
        var file = try FileWriter(draft.appendingPathComponent(ExportFormat.settings))
        try file.write(
          ExportFormat.json(state.settings, documents: documents, passages: state.passageCount).text + "\n")
        try file.finish()
        return state.passageCount
      }
    }
  }

  private func writeDocuments(_ db: Database, _ folder: URL) throws -> Int {
    var file = try FileWriter(folder.appendingPathComponent(ExportFormat.documents))
    var count = 0
    try db.forEachRow(ExportedDocument.query, of: "\(path): documents") { row in
      try file.write(try ExportedDocument(row).json.text + "\n")
      count += 1
      if count.isMultiple(of: 4096) { try Task.checkCancellation() }
    }
    try file.finish()
    return count
  }

  private func writePassages(
    _ db: Database, _ state: CollectionState, _ folder: URL, _ progress: ProgressHandler?
  ) throws {
    let format = try state.settings.vectorFormat()
    let meter = ProgressMeter(total: state.passageCount, handler: progress)
    var lines = try FileWriter(folder.appendingPathComponent(ExportFormat.passages))
    let isBinary = state.settings.storage == .binary
    var vectors = try NumPyWriter(
      FileWriter(folder.appendingPathComponent(ExportFormat.vectors)), elementType: isBinary ? .uint8 : .float32,
      columns: isBinary ? format.dimension / 8 : format.dimension, rows: state.passageCount)
    for part in state.vectors {
      try Task.checkCancellation()
      let block = try vectorBlock(of: part, format, db)
      let numbers = isBinary ? [] : try self.numbers(of: part, block, db)
      var positions = 0..<0
      /// Writes the vectors of consecutive positions together.
      func flush() throws {
        guard !positions.isEmpty else { return }
        if isBinary {
          try positions.flatMap { block.packedBits(at: $0) }.withUnsafeBytes { try vectors.append($0) }
        } else {
          try numbers[positions.lowerBound * format.dimension..<positions.upperBound * format.dimension]
            .withUnsafeBytes { try vectors.append($0) }
        }
        positions = 0..<0
      }
      var count = 0
      // The passages of this part; all of them, and no others, have vectors here.
      try db.forEachRow(
        "SELECT \(StoredPassage.columns) FROM \(StoredPassage.tables) WHERE p.id >= ? AND p.id <= ? ORDER BY p.id",
        [part.range.first, part.range.last], of: "\(path): passages"
      ) { row in
        let passage = try StoredPassage(row)
        guard let position = part.position(of: passage.id) else { throw disagreement() }
        if position != positions.upperBound || positions.isEmpty {
          try flush()
          positions = position..<position
        }
        positions = positions.lowerBound..<position + 1
        try lines.write(passage.json.text + "\n")
        count += 1
      }
      guard count == part.range.living else { throw disagreement() }
      try flush()
      meter.advance(by: count)
    }
    try lines.finish()
    try vectors.finish()
  }

  private func disagreement() -> MinkeError {
    MinkeError(
      .malformedFile, path, expected: "a vector for each passage",
      found: "other passages; minke collection verify says more")
  }

  /// The numbers of all vectors of a part, as they are searched.
  func numbers(of part: VectorPart, _ block: VectorBlock, _ db: Database) throws -> [Float] {
    try block.numbers((0..<part.chunkCount).map { try db.block(part.chunks + Int64($0), of: path) })
  }
}
