import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeText

/// One row of numbers for each token, as the checkpoint stores them.
enum EmbeddingTable: Sendable {
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

  /// What sums rows. It points into the table, and is valid as long as the table is.
  var rowSum: RowSum {
    switch self {
    case .float32(let floats, let columns): .float32(floats.pointer, stride: columns)
    case .fourBit(let table):
      .fourBit(packed: table.packed.pointer, scales: table.scales.pointer, stride: table.columns / 2)
    }
  }

  /// Sums rows of a table. It holds nothing alive, so that threads that share a table do not contend for its reference
  /// count with every text.
  ///
  /// SAFETY of @unchecked: the memory pointed to is never written once a table is made.
  enum RowSum: @unchecked Sendable {
    case float32(UnsafeBufferPointer<Float>, stride: Int)
    case fourBit(packed: UnsafeBufferPointer<UInt8>, scales: UnsafeBufferPointer<Float>, stride: Int)

    /// Writes the sum of the rows `ids`, their first `columns` numbers (an even count), to `sum`.
    ///
    /// - Parameter weights: what each row is multiplied by; nil for 1. Only float tables take weights.
    func callAsFunction(
      _ ids: [TokenID], weights: [Float]?, columns: Int, into sum: UnsafeMutablePointer<Float>,
      kernels: minke_pooling_kernels
    ) {
      switch self {
      case .float32(let table, let stride):
        if let weights {
          kernels.sum_weighted_rows(table.baseAddress, stride, ids, weights, ids.count, columns, sum)
        } else {
          kernels.sum_rows(table.baseAddress, stride, ids, ids.count, columns, sum)
        }
      case .fourBit(let packed, let scales, let stride):
        kernels.sum_packed_rows(packed.baseAddress, stride, scales.baseAddress, ids, ids.count, columns, sum)
      }
    }
  }
}
