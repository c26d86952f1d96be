import MinkeCore

extension Tape {
  /// `x Phi(x)`, the exact GELU (Hendrycks and Gimpel 2016).
  package func gelu(_ x: Variable) -> Variable {
    let y = result(x.rows, x.columns, of: [x])
    let (from, to) = (x.value, y.value)
    to.forEachRows { [backwards] rows in
      for row in rows { backwards.gelu(from.row(row).start, to.columns, to.row(row).start) }
    }
    record(y) { [backwards] in
      let dy = y.gradient
      let (dx, isNew) = x.gradientToFill()
      dx.forEachRows { rows in
        for row in rows {
          backwards.gelu_backward(from.row(row).start, dy.row(row).start, dx.columns, dx.row(row).start, !isNew)
        }
      }
    }
    return y
  }

  /// `x / (1 + exp(-x))`.
  package func silu(_ x: Variable) -> Variable {
    let y = result(x.rows, x.columns, of: [x])
    let (from, to) = (x.value, y.value)
    to.forEachRows { [backwards] rows in
      for row in rows { backwards.silu(from.row(row).start, to.columns, to.row(row).start) }
    }
    record(y) { [backwards] in
      let dy = y.gradient
      let (dx, isNew) = x.gradientToFill()
      dx.forEachRows { rows in
        for row in rows {
          backwards.silu_backward(from.row(row).start, dy.row(row).start, dx.columns, dx.row(row).start, !isNew)
        }
      }
    }
    return y
  }

  /// `silu(gate) * up` (Shazeer 2020), of the two halves of each row of `x` `[rows, 2 columns]`.
  package func swiGLU(_ x: Variable) -> Variable {
    let columns = x.columns / 2
    precondition(x.columns == 2 * columns)
    let y = result(x.rows, columns, of: [x])
    let (from, to) = (x.value, y.value)
    to.forEachRows { [backwards] rows in
      for row in rows {
        let gate = from.row(row).start
        backwards.swiglu(gate, gate + columns, columns, to.row(row).start)
      }
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
