import MinkeCore

extension Tape {
  /// `x W^T + b` with weights `W` `[outputs, inputs]`, `x` `[rows, inputs]` and `b` `[1, outputs]`.
  package func linear(_ x: Variable, _ weight: Variable, bias: Variable? = nil) -> Variable {
    let y = result(x.rows, weight.rows, of: [x, weight] + (bias.map { [$0] } ?? []))
    products(x.value.read.plain, weight.value.read.transposed, bias: bias?.value.read, into: y.value)
    record(y) { [products, unowned self] in
      let dy = y.gradient.read
      if x.needsGradient {
        let (dx, isNew) = x.gradientToFill()
        products(dy.plain, weight.value.read.plain, adding: !isNew, into: dx)
      }
      if weight.needsGradient {
        let (dw, isNew) = weight.gradientToFill()
        products(dy.transposed, x.value.read.plain, adding: !isNew, into: dw)
      }
      if let bias, bias.needsGradient { addColumnSums(of: dy, to: bias.gradient) }
    }
    return y
  }

  /// `x W^T + b` for several layers, their results side by side, `[rows, all outputs]`.
  package func linear(_ x: Variable, sideBySide layers: [(weight: Parameter, bias: Parameter?)]) -> Variable {
    let ends = layers.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.weight.rows) }
    let columns = layers.indices.map { ends[$0]..<ends[$0 + 1] }
    let y = result(x.rows, ends.last ?? 0, of: [x] + layers.map(\.weight))
    for (layer, range) in zip(layers, columns) {
      products(
        x.value.read.plain, layer.weight.value.read.transposed, bias: layer.bias?.value.read,
        into: y.value.columns(range))
    }
    record(y) { [products, unowned self] in
      for (layer, range) in zip(layers, columns) {
        let dy = y.gradient.read.columns(range)
        if x.needsGradient {
          let (dx, isNew) = x.gradientToFill()
          products(dy.plain, layer.weight.value.read.plain, adding: !isNew, into: dx)
        }
        products(
          dy.transposed, x.value.read.plain, adding: true, into: layer.weight.gradient)
        if let bias = layer.bias { addColumnSums(of: dy, to: bias.gradient) }
      }
    }
    return y
  }

  /// Adds the sum of the rows of `x` to the row `total`.
  func addColumnSums(of x: MatrixView, to total: MutableMatrixView) {
    reduceRows(x.rows, columns: x.columns, into: total) { [kernels] rows, sum in
      for row in rows { kernels.add(sum, x.row(row).start, 1, x.columns) }
    }
  }

  /// `x + y`, both `[rows, columns]`.
  package func add(_ x: Variable, _ y: Variable) -> Variable {
    precondition(x.rows == y.rows && x.columns == y.columns)
    let sum = result(x.rows, x.columns, of: [x, y])
    let (a, b, s) = (x.value, y.value, sum.value)
    s.forEachRows { [kernels] rows in
      for row in rows {
        s.row(row).copy(a.row(row).read)
        kernels.add(s.row(row).start, b.row(row).start, 1, s.columns)
      }
    }
    record(sum) { [unowned self] in pass(gradientOf: sum, to: [x, y]) }
    return sum
  }

  /// Passes the gradient of `result`, in the last use of it, on to `inputs`, which have its shape.
  func pass(gradientOf result: Variable, to inputs: [Variable]) {
    var isTaken = false
    for input in inputs where input.needsGradient {
      if !isTaken, input.adopts(gradientOf: result) {
        isTaken = true
      } else {
        addAll(result.gradient.read, times: 1, to: input)
      }
    }
  }

  /// Adds `factor * x` to the gradient of `variable`, which has this shape.
  func addAll(_ x: MatrixView, times factor: Float, to variable: Variable) {
    let gradient = variable.gradient
    precondition(gradient.rows == x.rows && gradient.columns == x.columns)
    gradient.forEachRows { [kernels] rows in
      for row in rows { kernels.add(gradient.row(row).start, x.row(row).start, factor, x.columns) }
    }
  }

  /// The sum of all numbers of `terms`, each multiplied with the weight of its term: the whole of a loss, one number.
  package func sum(_ terms: [(Variable, weight: Float)]) -> Variable {
    let total = result(1, 1, of: terms.map(\.0))
    total.value[0, 0] = terms.reduce(0) { sum, term in
      sum + term.weight * term.0.value.read.copied().reduce(0, +)
    }
    record(total) {
      for (variable, weight) in terms where variable.needsGradient {
        let gradient = variable.gradient
        for row in 0..<gradient.rows {
          for column in 0..<gradient.columns { gradient[row, column] += weight * total.gradient[0, 0] }
        }
      }
    }
    return total
  }
}
