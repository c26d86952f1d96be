import MinkeCore
import MinkeKernels
import MinkeLayers

extension Tape {
  /// `x Phi(x)`, the exact GELU (Hendrycks and Gimpel 2016).
  package func gelu(_ x: Variable) -> Variable {
    activated(x, .gelu) { $0.gelu_backward($1.start, $2.start, $1.columns, $3.start, $4) }
  }

  /// `x / (1 + exp(-x))`.
  package func silu(_ x: Variable) -> Variable {
    activated(x, .silu) { $0.silu_backward($1.start, $2.start, $1.columns, $3.start, $4) }
  }

  /// - Parameter back: the way back of a row: kernels, the row of `x`, the gradient of what came out, that of `x`, and
  ///   whether it is added to.
  private func activated(
    _ x: Variable, _ activation: Activation,
    back: @escaping @Sendable (minke_backward_kernels, MatrixView, MatrixView, MutableMatrixView, Bool) -> Void
  ) -> Variable {
    let y = result(x.rows, x.columns, of: [x])
    let (from, to) = (x.value.read, y.value)
    to.forEachRows { [level] rows in
      to.rows(rows).copy(from.rows(rows))
      activation(to.rows(rows), kernels: level)
    }
    record(y) { [backwards] in
      let dy = y.gradient.read
      let (dx, isNew) = x.gradientToFill()
      dx.forEachRows { rows in
        for row in rows { back(backwards, from.row(row), dy.row(row), dx.row(row), !isNew) }
      }
    }
    return y
  }

  /// `silu(gate) * up` (Shazeer 2020), of the two halves of each row of `x` `[rows, 2 columns]`.
  package func swiGLU(_ x: Variable) -> Variable {
    let columns = x.columns / 2
    precondition(x.columns == 2 * columns)
    let y = result(x.rows, columns, of: [x])
    let (from, to) = (x.value.read, y.value)
    to.forEachRows { [level] rows in
      let (to, from) = (to.rows(rows), from.rows(rows))
      to.copy(from.columns(0..<columns))
      MinkeLayers.swiGLU(to, from.columns(columns..<2 * columns), kernels: level)
    }
    record(y) { [backwards] in
      let dy = y.gradient
      let (dx, isNew) = x.gradientToFill()
      dx.forEachRows { rows in
        for row in rows {
          let (gate, dgate) = (from.row(row).start, dx.row(row).start)
          backwards.swiglu_backward(gate, gate + columns, dy.row(row).start, columns, dgate, dgate + columns, !isNew)
        }
      }
    }
    return y
  }
}
