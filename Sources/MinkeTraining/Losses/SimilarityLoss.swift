import MinkeCore
import MinkeKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Cross-entropy between what the similarities of some vectors should be and what they are, at every Matryoshka size.
///
/// With `s[i, j] = scale * cos(x_i, y_j)` the loss of a size is the mean over rows of the cross-entropy between a wished
/// distribution over the columns and `softmax(s[i, :])`: one column in multiple negatives ranking (Henderson et al.
/// 2017), a teacher's own softmax in distillation. The losses of the sizes, each on the first numbers of the vectors
/// (Kusupati et al. 2022), are added up.
///
/// The product of a larger size is that of the next smaller one plus the columns between them, forward, and backward
/// the gradients of the larger ones are added on the way down, so that all sizes together cost the products of one.
package struct SimilarityLoss: Sendable {
  /// What the similarities should be.
  package enum Target: Sendable {
    /// Row i belongs to column i; what is beyond are hard negatives.
    case diagonal(bothDirections: Bool)
    /// Each row's distribution, `[rows, columns]`, of sum 1. A text's similarity to itself, which says nothing and
    /// outweighs all else, can be left out.
    case distributions(MatrixView, excludingDiagonal: Bool = false)
  }

  /// What the cosines are multiplied with: 1 / temperature.
  package let scale: Float
  /// The sizes, ascending.
  package let dimensions: [Int]
  package init(scale: Float, dimensions: [Int]) {
    precondition(!dimensions.isEmpty)
    self.scale = scale
    self.dimensions = dimensions.sorted()
  }

  /// The loss of each of ``dimensions``, `[1, sizes]`; `x` is `[rows, d]`, `y` `[columns, d]`.
  package func callAsFunction(_ x: Variable, _ y: Variable, _ target: Target, on tape: Tape) -> Variable {
    precondition(x.columns == y.columns && dimensions.allSatisfy { $0 > 0 && $0 <= x.columns })
    let losses = tape.result(1, dimensions.count, of: [x, y])
    let pass = Pass(self, x.value.read, y.value.read, target, tape)
    for (size, loss) in pass.forward().enumerated() { losses.value[0, size] = Float(loss) }
    tape.record(losses) { pass.backward(x, y, weights: losses.gradient.read.copied()) }
    return losses
  }

  /// What stands in place of a logit that is left out: its exponential is 0.
  static let omitted: Float = -1e4

  /// Rows of a block: few enough that a block's similarities stay near, many enough for the products.
  private static let block = 48

  /// One computation of the loss.
  private final class Pass {
    let loss: SimilarityLoss
    let x, y: MatrixView
    let target: Target
    let tape: Tape
    let kernels: minke_training_kernels
    /// For each size, 1 / length of each row and column.
    let rowScales, columnScales: MutableMatrixView
    /// For each size, the logarithm of the sum of exp of each row and column.
    let rowShifts: MutableMatrixView
    let columnShifts: MutableMatrixView?
    /// The logits of every size, and later the gradients of the raw products; `[sizes * rows, columns]`.
    let logits: MutableMatrixView

    init(_ loss: SimilarityLoss, _ x: MatrixView, _ y: MatrixView, _ target: Target, _ tape: Tape) {
      let sizes = loss.dimensions.count
      self.loss = loss
      self.x = x
      self.y = y
      self.target = target
      self.tape = tape
      kernels = tape.kernels
      rowScales = tape.matrix(sizes, x.rows)
      columnScales = tape.matrix(sizes, y.rows)
      rowShifts = tape.matrix(sizes, x.rows)
      logits = tape.matrix(sizes * x.rows, y.rows)
      switch target {
      case .diagonal(let bothDirections):
        precondition(x.rows <= y.rows)
        columnShifts = bothDirections ? tape.matrix(sizes, y.rows) : nil
      case .distributions(let wished, _):
        precondition(wished.rows == x.rows && wished.columns == y.rows)
        columnShifts = nil
      }
    }

    /// The columns that a size has beyond the one before.
    private func columns(of size: Int) -> Range<Int> {
      (size == 0 ? 0 : loss.dimensions[size - 1])..<loss.dimensions[size]
    }

    private func logits(of size: Int) -> MutableMatrixView { logits.rows(size * x.rows..<(size + 1) * x.rows) }

    func forward() -> [Double] {
      measureLengths(x, into: rowScales)
      measureLengths(y, into: columnScales)
      let raw = tape.matrix(x.rows, y.rows)
      return loss.dimensions.indices.map { size in
        let columns = columns(of: size)
        tape.products(
          x.columns(columns).plain, y.columns(columns).transposed, adding: size > 0, into: raw)
        return cross(size, raw.read)
      }
    }

    /// 1 / the length of the first numbers of each row, for every size; 0 for a row of zeros.
    private func measureLengths(_ vectors: MatrixView, into scales: MutableMatrixView) {
      let (kernels, dimensions) = (kernels, loss.dimensions)
      Workers.forEachPieceUninterrupted(of: vectors.rows, grain: 256) { piece, _ in
        for row in piece {
          var (sum, from) = (Float(0), 0)
          for (size, to) in dimensions.enumerated() {
            let start = vectors.row(row).start + from
            sum += kernels.dot(start, start, to - from)
            scales.row(size).start[row] = sum > 0 ? 1 / sum.squareRoot() : 0
            from = to
          }
        }
      }
    }

    /// Writes the logits and the logarithms of the sums of one size and returns its loss.
    private func cross(_ size: Int, _ raw: MatrixView) -> Double {
      let (kernels, logits, scale) = (kernels, logits(of: size), loss.scale)
      let (rowScales, columnScales, rowShifts) = (rowScales.row(size), columnScales.row(size), rowShifts.row(size))
      let (count, target) = (y.rows, target)
      let hasColumns = columnShifts != nil
      let blocks = (x.rows + SimilarityLoss.block - 1) / SimilarityLoss.block
      // The largest of each column in a block of rows and the sum of exp below it.
      let largest = tape.matrix(hasColumns ? blocks : 0, count)
      let sums = tape.matrix(hasColumns ? blocks : 0, count)
      let rowLosses = tape.matrix(1, x.rows)
      // SAFETY: every piece writes rows of its own.
      Workers.forEachPieceUninterrupted(of: x.rows, grain: SimilarityLoss.block) { piece, _ in
        for row in piece {
          let l = logits.row(row)
          l.copy(raw.row(row))
          let top = kernels.scale_columns(l.start, scale * rowScales.start[row], columnScales.start, count)
          if case .distributions(_, true) = target { l.start[row] = SimilarityLoss.omitted }
          let shift = top + logf(kernels.sum_exp(l.start, top, count))
          rowShifts.start[row] = shift
          switch target {
          case .diagonal: rowLosses.start[row] = shift - l.start[row]
          case .distributions(let wished, _):
            rowLosses.start[row] = shift - kernels.dot(wished.row(row).start, l.start, count)
          }
        }
        guard hasColumns else { return }
        let block = piece.lowerBound / SimilarityLoss.block
        let (top, sum) = (largest.row(block), sums.row(block))
        top.copy(logits.row(piece.lowerBound).read)
        sum.fill(0)
        for row in piece.dropFirst() { kernels.maximum(top.start, logits.row(row).start, count) }
        for row in piece { kernels.add_exp(sum.start, logits.row(row).start, top.start, count) }
      }
      var total = 0.0
      for row in 0..<x.rows { total += Double(rowLosses.start[row]) }
      if let columnShifts {
        let shifts = columnShifts.row(size)
        for column in 0..<count {
          // Columns beyond the rows are hard negatives, which no row belongs to.
          guard column < x.rows else {
            shifts.start[column] = .infinity
            continue
          }
          var top = -Float.infinity
          for block in 0..<blocks { top = max(top, largest.row(block).start[column]) }
          var sum: Float = 0
          for block in 0..<blocks {
            sum += sums.row(block).start[column] * expf(largest.row(block).start[column] - top)
          }
          shifts.start[column] = top + logf(sum)
          total += Double(shifts.start[column] - logits.row(column).start[column])
        }
      }
      return total / Double(x.rows)
    }

    func backward(_ xVariable: Variable, _ yVariable: Variable, weights: [Float]) {
      let sizes = loss.dimensions.count
      let blocks = (x.rows + SimilarityLoss.block - 1) / SimilarityLoss.block
      // What the change of a vector's length takes back: for each size, the sum of gradient x logit of rows and columns.
      let rowSums = tape.matrix(sizes, x.rows)
      let columnSums = tape.zeros(sizes, y.rows)
      let partial = tape.matrix(blocks * sizes, y.rows)
      let (kernels, loss, target, count, rows) = (kernels, loss, target, y.rows, x.rows)
      let (logits, rowScales, columnScales) = (logits, rowScales, columnScales)
      let (rowShifts, columnShifts) = (rowShifts, columnShifts)
      // SAFETY: every piece writes rows of its own.
      Workers.forEachPieceUninterrupted(of: rows, grain: SimilarityLoss.block) { piece, _ in
        let block = piece.lowerBound / SimilarityLoss.block
        for size in (0..<sizes).reversed() {
          let share = weights[size] / Float(rows)
          let sum = partial.row(block * sizes + size)
          sum.fill(0)
          for row in piece {
            let l = logits.row(size * rows + row).start
            var wished: UnsafePointer<Float>?
            if case .distributions(let all, _) = target { wished = all.row(row).start }
            var call = minke_similarity_row(
              logits: l, column_shifts: columnShifts.map { UnsafePointer($0.row(size).start) },
              column_scales: columnScales.row(size).start, targets: wished, target: row,
              row_shift: rowShifts.row(size).start[row], row_weight: share, column_weight: share,
              row_scale: loss.scale * rowScales.row(size).start[row])
            let larger = size + 1 < sizes ? logits.row((size + 1) * rows + row).start : nil
            rowSums.row(size).start[row] = kernels.similarity_backward(&call, count, larger, l, sum.start)
          }
        }
      }
      for size in 0..<sizes {
        for block in 0..<blocks {
          kernels.add(columnSums.row(size).start, partial.row(block * sizes + size).start, 1, count)
        }
      }
      for size in 0..<sizes {
        let (columns, gradient) = (columns(of: size), self.logits(of: size).read)
        if xVariable.needsGradient {
          tape.products(
            gradient.plain, y.columns(columns).plain, adding: true, into: xVariable.gradient.columns(columns))
        }
        if yVariable.needsGradient {
          tape.products(
            gradient.transposed, x.columns(columns).plain, adding: true, into: yVariable.gradient.columns(columns))
        }
      }
      if xVariable.needsGradient { takeBackLengths(x, rowSums, rowScales, from: xVariable.gradient) }
      if yVariable.needsGradient { takeBackLengths(y, columnSums, columnScales, from: yVariable.gradient) }
    }

    /// A longer vector has the same cosines: `gradient -= sum / length^2 * vector` for every size.
    private func takeBackLengths(
      _ vectors: MatrixView, _ sums: MutableMatrixView, _ scales: MutableMatrixView, from gradient: MutableMatrixView
    ) {
      let (kernels, dimensions) = (kernels, loss.dimensions)
      Workers.forEachPieceUninterrupted(of: vectors.rows, grain: 256) { piece, _ in
        for row in piece {
          var factor: Float = 0
          for size in dimensions.indices.reversed() {
            let scale = scales.row(size).start[row]
            factor += sums.row(size).start[row] * scale * scale
            let from = size == 0 ? 0 : dimensions[size - 1]
            kernels.add(
              gradient.row(row).start + from, vectors.row(row).start + from, -factor, dimensions[size] - from)
          }
        }
      }
    }
  }
}
