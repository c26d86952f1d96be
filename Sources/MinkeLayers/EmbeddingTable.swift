import MinkeCheckpoints
import MinkeCore
import MinkeKernels

/// One row of numbers for each token, as the checkpoint stores them.
package enum EmbeddingTable: Sendable {
  /// `[rows, columns]` numbers.
  case float32(SharedBuffer<Float>, columns: Int)
  /// `[rows, columns]` nibbles and a scale a row; never expanded.
  case fourBit(FourBitTable)

  package var rows: Int {
    switch self {
    case .float32(let floats, let columns): floats.count / columns
    case .fourBit(let table): table.rows
    }
  }

  package var columns: Int {
    switch self {
    case .float32(_, let columns): columns
    case .fourBit(let table): table.columns
    }
  }

  /// Bytes of the table.
  package var byteCount: Int {
    switch self {
    case .float32(let floats, _): floats.count * 4
    case .fourBit(let table): table.packed.count + 4 * table.rows
    }
  }

  /// One row as numbers, `[columns]`.
  package func row(_ index: Int) -> [Float] {
    switch self {
    case .float32(let floats, let columns): Array(floats.pointer[index * columns..<(index + 1) * columns])
    case .fourBit(let table): table.row(index)
    }
  }

  /// What sums rows. It points into the table, and is valid as long as the table is.
  package func rowSum(kernels level: KernelLevel) -> RowSum {
    let kernels = minke_pooling(level.rawLevel).pointee
    switch self {
    case .float32(let floats, let columns):
      return RowSum(memory: .float32(floats.pointer, stride: columns), rows: rows, columns: columns, kernels: kernels)
    case .fourBit(let table):
      return RowSum(
        memory: .fourBit(packed: table.packed.pointer, scales: table.scales.pointer, stride: table.columns / 2),
        rows: rows, columns: columns, kernels: kernels)
    }
  }

  /// Sums rows of a table. It holds nothing alive, so that threads that share a table do not contend for its reference
  /// count with every text.
  // SAFETY of @unchecked: the memory pointed to is never written once a table is made.
  package struct RowSum: @unchecked Sendable {
    fileprivate enum Memory {
      case float32(UnsafeBufferPointer<Float>, stride: Int)
      case fourBit(packed: UnsafeBufferPointer<UInt8>, scales: UnsafeBufferPointer<Float>, stride: Int)
    }
    fileprivate let memory: Memory
    fileprivate let rows: Int
    fileprivate let columns: Int
    fileprivate let kernels: minke_pooling_kernels

    /// Writes the sum of the rows `ids`, their first `sum.columns` numbers (an even count), to `sum`.
    ///
    /// - Parameters:
    ///   - ids: rows of the table.
    ///   - weights: what each row is multiplied by; nil for 1. Only float tables take weights.
    package func callAsFunction(_ ids: [Int32], weights: [Float]?, into sum: MutableMatrixView) {
      precondition(sum.columns <= columns && weights.map { $0.count == ids.count } ?? true)
      switch memory {
      case .float32(let table, let stride):
        if let weights {
          kernels.sum_weighted_rows(table.baseAddress, stride, ids, weights, ids.count, sum.columns, sum.start)
        } else {
          kernels.sum_rows(table.baseAddress, stride, ids, ids.count, sum.columns, sum.start)
        }
      case .fourBit(let packed, let scales, let stride):
        kernels.sum_packed_rows(
          packed.baseAddress, stride, scales.baseAddress, ids, ids.count, sum.columns, sum.start)
      }
    }
  }
}
