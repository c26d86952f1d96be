import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeModels
import MinkeText

/// Which rows of the engram's tables each token remembers: the same numbers in the same order as in inference, so that
/// both choose the same rows.
struct EngramHashes {
  private let sizes: SpikeWhaleConfiguration.Engram
  private let compressor: Linear
  /// Of each window and place, as in ``SpikeWhaleTensor/engramHashes(of:)``, `[tables, compressedSize]`.
  private let projections: [SharedBuffer<Float>]

  init(
    _ sizes: SpikeWhaleConfiguration.Engram, hidden: Int, _ tensors: [SpikeWhaleTensor: Tensor]
  ) throws {
    func floats(_ tensor: SpikeWhaleTensor) throws -> SharedBuffer<Float> {
      guard let found = tensors[tensor] else { preconditionFailure("no tensor \(tensor)") }
      return try found.floats()
    }
    self.sizes = sizes
    compressor = try Linear(
      rows: floats(.engramCompressor), outputs: sizes.compressedSize, inputs: hidden, precision: .float32)
    projections = try SpikeWhaleTensor.engramHashes(of: sizes).map(floats)
  }

  /// For each table, the rows that each token remembers: one for each window that ends there.
  ///
  /// - Parameter embedding: that of each token, `[tokens, hidden]`.
  func rows(_ batch: TokenBatch, embedding: MatrixView) -> [TokenBatch] {
    let codes = Matrix(rows: batch.ids.count, columns: sizes.compressedSize)
    defer { extendLifetime(codes) }
    let view = codes.view
    view.forEachRows { rows in for row in rows { compressor(embedding.row(row), into: view.row(row)) } }

    let windows = sizes.longestWindow
    var slots = [[TokenID]](repeating: [], count: batch.ids.count * sizes.tableCount)
    for text in batch.texts {
      for token in text {
        for table in 0..<sizes.tableCount {
          slots[table * batch.ids.count + token] = (1...windows).prefix(token - text.lowerBound + 1).map { length in
            var z: Float = 0
            for place in 0..<length {
              let projection = projections[length * (length - 1) / 2 + place].rows(of: sizes.compressedSize)
              z += projection.row(table).dot(view.read.row(token - length + 1 + place))
            }
            return TokenID(Engram.slot(z, of: sizes.tableSize))
          }
        }
      }
    }
    return (0..<sizes.tableCount).map { table in
      TokenBatch(slots[table * batch.ids.count..<(table + 1) * batch.ids.count])
    }
  }
}
