import MinkeCore
import MinkeKernels

/// `softmax(x / sqrt(width))` over rows of attention scores: what every attention has in common.
struct AttentionSoftmax: Sendable {
  private let kernels: minke_transformer_kernels

  init(_ level: KernelLevel) { kernels = minke_transformer(level.rawLevel).pointee }

  /// Numbers from one row of `columns` scores to the next.
  static func stride(_ columns: Int) -> Int { (columns + 15) / 16 * 16 }

  /// Turns scores of keys of `width` numbers into shares.
  ///
  /// - Parameters:
  ///   - scores: rows that are ``stride(_:)`` apart; what lies between them is overwritten.
  ///   - seen: columns that count; those behind become 0.
  func callAsFunction(_ scores: MutableMatrixView, width: Int, seeing seen: Int) {
    precondition(scores.stride == Self.stride(scores.columns) && seen <= scores.columns)
    kernels.softmax(scores.start, scores.rows, seen, scores.stride, 1 / Float(width).squareRoot())
    if seen < scores.columns { scores.columns(seen..<scores.columns).fill(0) }
  }
}
