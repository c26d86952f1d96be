import MinkeCore

extension Tape {
  /// SSE's activation `beta * tanh(alpha * x + bias)`, each column with numbers of its own; `x` `[rows, columns]`.
  package func dynamicTanh(_ x: Variable, alpha: Parameter, beta: Parameter, bias: Parameter) -> Variable {
    precondition(alpha.columns == x.columns && beta.columns == x.columns && bias.columns == x.columns)
    let y = result(x.rows, x.columns, of: [x, alpha, beta, bias])
    let columns = x.columns
    let (from, to) = (x.value, y.value)
    let (a, b, c) = (alpha.value, beta.value, bias.value)
    to.forEachRows { [pooling] rows in
      for row in rows {
        to.row(row).copy(from.row(row).read)
        pooling.dynamic_tanh(to.row(row).start, a.start, b.start, c.start, columns)
      }
    }
    record(y) { [kernels, unowned self] in
      let (dx, dy) = (x.gradient, y.gradient)
      // The gradients of the three, side by side.
      let sums = zeros(1, 3 * columns)
      reduceRows(x.rows, columns: 3 * columns, into: sums) { rows, sum in
        for row in rows {
          kernels.dynamic_tanh_backward(
            from.row(row).start, dy.row(row).start, a.start, b.start, c.start, columns, dx.row(row).start, sum,
            sum + columns, sum + 2 * columns)
        }
      }
      for (index, parameter) in [alpha, beta, bias].enumerated() {
        kernels.add(parameter.gradient.start, sums.start + index * columns, 1, columns)
      }
    }
    return y
  }

  /// `tanh(x)`, number by number.
  package func tanh(_ x: Variable) -> Variable {
    let y = result(x.rows, x.columns, of: [x])
    let (from, to) = (x.value, y.value)
    to.forEachRows { [kernels] rows in
      for row in rows { kernels.tanh(from.row(row).start, to.columns, to.row(row).start) }
    }
    record(y) { [kernels] in
      let (dx, dy) = (x.gradient, y.gradient)
      dx.forEachRows { rows in
        for row in rows {
          kernels.tanh_backward(to.row(row).start, dy.row(row).start, to.columns, dx.row(row).start)
        }
      }
    }
    return y
  }

  /// The sign of each number, +1 above 0 and -1 elsewhere; backward as if it were the identity (the straight-through
  /// estimator of Bengio et al. 2013).
  package func signStraightThrough(_ x: Variable) -> Variable {
    let y = result(x.rows, x.columns, of: [x])
    let (from, to, columns) = (x.value, y.value, x.columns)
    to.forEachRows { rows in
      for row in rows {
        let (from, to) = (from.row(row).start, to.row(row).start)
        for column in 0..<columns { to[column] = from[column] > 0 ? 1 : -1 }
      }
    }
    record(y) { [unowned self] in addAll(y.gradient.read, times: 1, to: x) }
    return y
  }
}
