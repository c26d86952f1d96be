import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels

/// A teacher's vectors of the texts of some rows, scaled to length 1, in files that are mapped.
package final class TeacherVectors: Sendable {
  /// Vectors of some rows, one row's texts after the other's.
  private struct Piece: Sendable {
    /// The first row, counted over all rows read.
    let first: Int
    let vectors: SharedBuffer<Float>
  }

  /// Numbers of a vector.
  package let dimension: Int
  private let textsOfRow: Int
  private let pieces: [Piece]
  private let kernels: VectorKernels

  private init(dimension: Int, textsOfRow: Int, _ pieces: [Piece]) {
    (self.dimension, self.textsOfRow, self.pieces) = (dimension, textsOfRow, pieces)
    kernels = VectorKernels(.active)
  }

  /// The vectors in a file `[rows * texts of a row, d]`: those of the texts of each row that `selection` takes, in
  /// order.
  ///
  /// - Throws: `MinkeError` when the file holds no float vectors, or not as many as there are texts.
  package convenience init(contentsOf url: URL, _ selection: DataSelection, _ purpose: DataPurpose) throws {
    let array = try NumPyArray(contentsOf: url).values
    try array.checkShape([nil, nil])
    var (rows, texts) = (0, 0)
    try RowReader(selection, purpose).forEachBlock { block in
      rows += block.count
      texts = block.columns.texts.count
    }
    guard array.shape[0] == rows * texts else {
      throw MinkeError(
        .shapeMismatch, url.relativePath,
        expected: "a vector for each of \(texts) texts of \(rows) rows, \(rows * texts) in all",
        found: "\(array.shape[0])")
    }
    self.init(
      dimension: array.shape[1], textsOfRow: texts,
      [Piece(first: 0, vectors: try array.floats(requiringFinite: true))])
  }

  /// The vectors that `teacher` gives, each file of which is kept in the folder `cache` and made once.
  ///
  /// A file is named by a hash of the teacher and of the texts, so that whatever is there is right, and what an earlier
  /// run was stopped in goes on.
  /// - Throws: `MinkeError` when the teacher gives bits, or a file cannot be read or written; `CancellationError`.
  package convenience init(
    of teacher: any TextEncoder, _ selection: DataSelection, _ purpose: DataPurpose, cache: URL,
    progress: ProgressHandler? = nil
  ) throws {
    guard teacher.metric != .hamming else {
      throw MinkeError(.invalidArgument, teacher.identity.name, expected: "a teacher of numbers", found: "one of bits")
    }
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    var pieces: [Piece] = []
    var (rows, textsOfRow) = (0, 0)
    try RowReader(selection, purpose).forEachBlock { block in
      let texts = try block.texts()
      textsOfRow = block.columns.texts.count
      var message = Array("\(teacher.identity.fingerprint)\n".utf8)
      for text in texts { message += Array("\(text.utf8.count)\n\(text)\n".utf8) }
      let name = message.withUnsafeBytes { BLAKE2b.hash($0, length: 16) }
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let file = cache.appendingPathComponent("teacher-\(name).npy")
      if !FileManager.default.fileExists(atPath: file.path) {
        try teacher.encode(texts, options: EncodingOptions()).writeNPY(to: file)
      }
      let array = try NumPyArray(contentsOf: file).values
      try array.checkShape([texts.count, teacher.dimension])
      pieces.append(Piece(first: rows, vectors: try array.floats(requiringFinite: true)))
      rows += block.count
      progress?(rows, 0)
    }
    self.init(dimension: teacher.dimension, textsOfRow: textsOfRow, pieces)
  }

  /// The vectors of the texts in column `column` of rows, counted over all rows read, `[rows, dimension]`.
  func gather(_ rows: some Sequence<Int32>, column: Int, on tape: Tape) -> MatrixView {
    let rows = Array(rows)
    let gathered = tape.matrix(rows.count, dimension)
    for (index, row) in rows.enumerated() {
      guard let piece = pieces.last(where: { $0.first <= Int(row) }) else { continue }
      let place = (Int(row) - piece.first) * textsOfRow + column
      gathered.row(index).copy(piece.vectors.rows(of: dimension).row(place))
    }
    kernels.normalizeAll(gathered)
    return gathered.read
  }
}

extension RowBlock {
  /// The texts of all rows, one row's after the other's.
  fileprivate func texts() throws -> [String] {
    try (0..<pieces).flatMap { try rows(ofPiece: $0, all: true).flatMap(\.texts) }
  }
}
