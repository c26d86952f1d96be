import MinkeCore

extension Tape {
  /// For each row of `x`, the softmax over its cosines with the rows of `y` by `temperature`, `[x.rows, y.rows]`: what a
  /// teacher's vectors wish a student's similarities to be (Tian et al. 2020 for the idea of relations as targets).
  ///
  /// The vectors must have length 1.
  ///
  /// - Parameters:
  ///   - excludingDiagonal: whether a row's own column, `x` and `y` being the same texts, is to be 0.
  ///   - mixing: changes the cosines before they become a distribution.
  package func similarityTargets(
    _ x: MatrixView, _ y: MatrixView, temperature: Float, excludingDiagonal: Bool = false,
    mixing: (MutableMatrixView) -> Void = { _ in }
  ) -> MatrixView {
    let targets = matrix(x.rows, y.rows)
    products(x.plain, y.transposed, into: targets)
    mixing(targets)
    targets.forEachRows { [kernels] rows in
      for index in rows {
        let row = targets.row(index)
        row.scale(by: 1 / temperature)
        if excludingDiagonal { row.start[index] = SimilarityLoss.omitted }
        var largest = row.start[0]
        for column in 1..<max(1, row.columns) { largest = max(largest, row.start[column]) }
        kernels.exp(row.start, largest, row.columns)
        var sum = 0.0
        for column in 0..<row.columns { sum += Double(row.start[column]) }
        row.scale(by: Float(1 / sum))
      }
    }
    return targets.read
  }

  /// The mean over the rows of `1 - cos(x, teacher)`, `[1, 1]`.
  ///
  /// - Parameter size: how many leading numbers of both count; nil for all.
  package func distillationLoss(_ x: Variable, teacher: MatrixView, size: Int? = nil) -> Variable {
    let cosines = cosines(x, constant(teacher), size: size)
    let loss = result(1, 1, of: [cosines])
    let count = Float(x.rows)
    loss.value[0, 0] = 1 - cosines.value.read.copied().reduce(0, +) / count
    record(loss) {
      let gradient = cosines.gradient
      for index in 0..<gradient.columns { gradient[0, index] -= loss.gradient[0, 0] / count }
    }
    return loss
  }
}
