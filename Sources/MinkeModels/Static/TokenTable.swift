import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeText

/// One row of numbers for each token, as the checkpoint stores them.
enum TokenTable: Sendable {
  /// `[rows, columns]` numbers.
  case float32(SharedBuffer<Float>, columns: Int)
  /// `[rows, columns]` nibbles and a scale a row; never expanded.
  case fourBit(FourBitTable)

  var rows: Int {
    switch self {
    case .float32(let floats, let columns): floats.count / columns
    case .fourBit(let table): table.rows
    }
  }

  var columns: Int {
    switch self {
    case .float32(_, let columns): columns
    case .fourBit(let table): table.columns
    }
  }

  /// Bytes of the table.
  var byteCount: Int {
    switch self {
    case .float32(let floats, _): floats.count * 4
    case .fourBit(let table): table.packed.count + 4 * table.rows
    }
  }

  /// One row as numbers, `[columns]`.
  func row(_ index: Int) -> [Float] {
    switch self {
    case .float32(let floats, let columns): Array(floats.pointer[index * columns..<(index + 1) * columns])
    case .fourBit(let table): table.row(index)
    }
  }

  /// Writes the sum of the rows `ids`, their first `columns` numbers (an even count), to `sum`.
  ///
  /// - Parameter weights: what each row is multiplied by; nil for 1. Only float tables take weights.
  func sum(
    _ ids: [TokenID], weights: [Float]?, columns: Int, into sum: UnsafeMutablePointer<Float>,
    kernels: minke_pooling_kernels
  ) {
    switch self {
    case .float32(let floats, let stride):
      if let weights {
        kernels.sum_weighted_rows(floats.baseAddress, stride, ids, weights, ids.count, columns, sum)
      } else {
        kernels.sum_rows(floats.baseAddress, stride, ids, ids.count, columns, sum)
      }
    case .fourBit(let table):
      kernels.sum_packed_rows(
        table.packed.baseAddress, table.columns / 2, table.scales.baseAddress, ids, ids.count, columns, sum)
    }
  }
}
