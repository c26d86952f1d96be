import MinkeKernels

/// The arithmetic of whole vectors.
package struct VectorKernels: Sendable {
  private let kernels: minke_pooling_kernels

  package init(_ level: KernelLevel) { kernels = minke_pooling(level.rawLevel).pointee }

  /// Multiplies a row by `factor`.
  package func scale(_ row: MutableMatrixView, by factor: Float) { kernels.scale(row.start, factor, row.columns) }

  /// The sum of the squares of a row.
  package func sumOfSquares(_ row: MatrixView) -> Float { kernels.sum_of_squares(row.start, row.columns) }

  /// Scales each row to length 1 (L2); zero stays zero.
  package func normalize(_ x: MutableMatrixView) {
    for index in 0..<x.rows {
      let row = x.row(index)
      let length = sumOfSquares(row.read).squareRoot()
      if length > 0 { scale(row, by: 1 / length) }
    }
  }

  /// Scales each row to length 1 on all cores.
  package func normalizeAll(_ x: MutableMatrixView) {
    // SAFETY: every piece writes rows of its own.
    Workers.forEachPieceUninterrupted(of: x.rows, grain: max(1, (1 << 16) / max(1, x.columns))) { piece, _ in
      normalize(x.rows(piece))
    }
  }
}
