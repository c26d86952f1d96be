import MinkeCore

extension Tape {
  /// Each row of `x` and beside it that of `y`, `[rows, columns of both]`.
  package func sideBySide(_ x: Variable, _ y: Variable) -> Variable {
    precondition(x.rows == y.rows)
    let pair = result(x.rows, x.columns + y.columns, of: [x, y])
    let parts = [(x, 0..<x.columns), (y, x.columns..<x.columns + y.columns)]
    for (input, columns) in parts {
      let (from, to) = (input.value, pair.value.columns(columns))
      to.forEachRows { rows in to.rows(rows).copy(from.rows(rows).read) }
    }
    record(pair) { [unowned self] in
      for (input, columns) in parts where input.needsGradient {
        addAll(pair.gradient.read.columns(columns), times: 1, to: input)
      }
    }
    return pair
  }

  /// The rows of `x` and below them those of `y`, `[rows of both, columns]`.
  package func stacked(_ x: Variable, _ y: Variable) -> Variable {
    precondition(x.columns == y.columns)
    let pile = result(x.rows + y.rows, x.columns, of: [x, y])
    let parts = [(x, 0..<x.rows), (y, x.rows..<x.rows + y.rows)]
    for (input, rows) in parts {
      let (from, to) = (input.value, pile.value.rows(rows))
      to.forEachRows { rows in to.rows(rows).copy(from.rows(rows).read) }
    }
    record(pile) { [unowned self] in
      for (input, rows) in parts where input.needsGradient {
        addAll(pile.gradient.read.rows(rows), times: 1, to: input)
      }
    }
    return pile
  }
}
