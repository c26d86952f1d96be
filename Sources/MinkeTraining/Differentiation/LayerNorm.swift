import MinkeCore
import MinkeKernels

extension Tape {
  /// The layer norm of `x + residual`.
  package func layerNorm(
    _ x: Variable, plus residual: Variable, weight: Parameter, bias: Parameter, epsilon: Float
  ) -> Variable {
    layerNorm(add(x, residual), weight: weight, bias: bias, epsilon: epsilon)
  }

  /// `weight * (x - mean) / sqrt(variance + epsilon) + bias` over each row of `x` `[rows, columns]`.
  package func layerNorm(_ x: Variable, weight: Parameter, bias: Parameter, epsilon: Float) -> Variable {
    precondition(weight.columns == x.columns && bias.columns == x.columns)
    let y = result(x.rows, x.columns, of: [x, weight, bias])
    let columns = x.columns
    let forward = minke_transformer(level.rawLevel).pointee
    let (from, to, w, b) = (x.value, y.value, weight.value, bias.value)
    precondition(from.stride == columns)
    to.forEachRows { rows in
      forward.layer_norm(
        from.rows(rows).start, nil, w.start, b.start, epsilon, rows.count, columns, to.rows(rows).start)
    }
    record(y) { [kernels, unowned self] in
      let (dx, dy) = (x.gradient, y.gradient)
      let sums = zeros(1, 2 * columns)
      reduceRows(x.rows, columns: 2 * columns, into: sums) { rows, sum in
        for row in rows {
          kernels.layer_norm_backward(
            from.row(row).start, dy.row(row).start, w.start, epsilon, columns, dx.row(row).start, sum, sum + columns)
        }
      }
      kernels.add(weight.gradient.start, sums.start, 1, columns)
      kernels.add(bias.gradient.start, sums.start + columns, 1, columns)
    }
    return y
  }
}
