import MinkeCore

extension Tape {
  /// `x + tanh(gate) * change`, with one of the numbers of `gates`.
  ///
  /// - Parameter x: `[rows, columns]`, as `change`; its gradient is not asked for before.
  package func add(_ x: Variable, _ change: Variable, gate gates: Parameter, at index: Int) -> Variable {
    let y = result(x.rows, x.columns, of: [x, change, gates])
    var opening: Float = 0
    kernels.tanh(gates.value.start + index, 1, &opening)
    let (from, to, added, factor) = (x.value, y.value, change.value, opening)
    to.forEachRows { [kernels] rows in
      to.rows(rows).copy(from.rows(rows).read)
      for row in rows { kernels.add(to.row(row).start, added.row(row).start, factor, to.columns) }
    }
    record(y) { [kernels, unowned self] in
      let dy = y.gradient
      let dopening = zeros(1, 1)
      reduceRows(dy.rows, columns: 1, into: dopening) { rows, sum in
        for row in rows { sum[0] += kernels.dot(dy.row(row).start, added.row(row).start, dy.columns) }
      }
      gates.gradient[0, index] += (1 - factor * factor) * dopening[0, 0]
      if change.needsGradient { addAll(dy.read, times: factor, to: change) }
      pass(gradientOf: y, to: [x])
    }
    return y
  }
}
