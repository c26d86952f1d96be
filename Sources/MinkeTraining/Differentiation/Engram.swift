import MinkeCore

extension Tape {
  /// The engram's gate `gamma * (erf(alpha * l + bias) + 1) / 2 * r`, each column with numbers of its own; `l` and `r`
  /// `[tokens, hidden]`.
  package func engramGate(
    _ l: Variable, _ r: Variable, alpha: Parameter, bias: Parameter, gamma: Parameter
  ) -> Variable {
    let columns = r.columns
    let y = result(r.rows, columns, of: [l, r, alpha, bias, gamma])
    let (logits, memory, to) = (l.value, r.value, y.value)
    let (a, b, g) = (alpha.value, bias.value, gamma.value)
    to.forEachRows { [backwards] rows in
      for row in rows {
        backwards.engram_gate(
          logits.row(row).start, memory.row(row).start, a.start, b.start, g.start, columns, to.row(row).start)
      }
    }
    record(y) { [backwards, kernels, unowned self] in
      let (dy, dl, dr) = (y.gradient, matrix(l.rows, columns), matrix(r.rows, columns))
      let sums = zeros(1, 3 * columns)
      reduceRows(r.rows, columns: 3 * columns, into: sums) { rows, sum in
        for row in rows {
          backwards.engram_gate_backward(
            logits.row(row).start, memory.row(row).start, a.start, b.start, g.start, dy.row(row).start, columns,
            dl.row(row).start, dr.row(row).start, sum, sum + columns, sum + 2 * columns)
        }
      }
      for (index, parameter) in [alpha, bias, gamma].enumerated() {
        kernels.add(parameter.gradient.start, sums.start + index * columns, 1, columns)
      }
      if l.needsGradient { addAll(dl.read, times: 1, to: l) }
      if r.needsGradient { addAll(dr.read, times: 1, to: r) }
    }
    return y
  }

  /// The mean of matrices of one shape.
  package func mean(of terms: [Variable]) -> Variable {
    let y = result(terms[0].rows, terms[0].columns, of: terms)
    let (to, values, share) = (y.value, terms.map(\.value), 1 / Float(terms.count))
    to.forEachRows { [kernels] rows in
      to.rows(rows).fill(0)
      for row in rows {
        for value in values { kernels.add(to.row(row).start, value.row(row).start, share, to.columns) }
      }
    }
    record(y) { [unowned self] in
      for term in terms where term.needsGradient { addAll(y.gradient.read, times: share, to: term) }
    }
    return y
  }
}
