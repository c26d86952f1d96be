import MinkeCore

extension MutableMatrixView {
  /// Calls `body` with some rows at a time, on all cores; each call may write its rows.
  func forEachRows(grain numbers: Int = 1 << 14, _ body: @Sendable (_ rows: Range<Int>) -> Void) {
    Workers.forEachPieceUninterrupted(of: rows, grain: max(1, numbers / max(1, columns))) { piece, _ in body(piece) }
  }

  /// Writes `value` everywhere, on all cores where that is much.
  func fillAll(_ value: Float) {
    forEachRows(grain: 1 << 18) { self.rows($0).fill(value) }
  }
}

extension Tape {
  /// Sums over rows with results of `columns` numbers: `body` adds what the rows of a piece give to a row of zeros, and
  /// the sums of the pieces are added to `total` in order.
  func reduceRows(
    _ rows: Int, columns: Int, into total: MutableMatrixView,
    _ body: @Sendable (_ rows: Range<Int>, _ sum: UnsafeMutablePointer<Float>) -> Void
  ) {
    precondition(total.rows == 1 && total.columns == columns)
    let grain = max(32, (1 << 15) / max(1, columns))
    let sums = zeros((rows + grain - 1) / grain, columns)
    // SAFETY: every piece writes a row of its own.
    Workers.forEachPieceUninterrupted(of: rows, grain: grain) { piece, _ in
      body(piece, sums.row(piece.lowerBound / grain).start)
    }
    for piece in 0..<sums.rows { kernels.add(total.start, sums.row(piece).start, 1, columns) }
  }
}
