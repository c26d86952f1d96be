import MinkeCore
import MinkeKernels

extension Tape {
  /// `weight * x / sqrt(mean(x^2) + epsilon)` (Zhang and Sennrich 2019) over each part of a row of `x` that has as many
  /// numbers as `weight`: the whole row, or each head of it.
  package func rmsNorm(_ x: Variable, weight: Parameter, epsilon: Float) -> Variable {
    let width = weight.columns
    let parts = x.columns / width
    let y = result(x.rows, x.columns, of: [x, weight])
    let forward = minke_decoder(level.rawLevel).pointee
    let (from, to, w) = (x.value.cut(into: parts), y.value.cut(into: parts), weight.value)
    precondition(from.columns == width)
    to.forEachRows { rows in
      forward.rms_norm(
        from.rows(rows).start, width, w.start, epsilon, rows.count, width, to.rows(rows).start, width)
    }
    record(y) { [backwards, unowned self] in
      let dy = y.gradient.cut(into: parts)
      let (gradient, isNew) = x.gradientToFill()
      let dx = gradient.cut(into: parts)
      reduceRows(dx.rows, columns: width, into: weight.gradient) { rows, sum in
        for row in rows {
          backwards.rms_norm_backward(
            from.row(row).start, dy.row(row).start, w.start, epsilon, width, dx.row(row).start, !isNew, sum)
        }
      }
    }
    return y
  }
}
