import MinkeCore

extension Tape {
  /// The mean of the rows of each text, `[texts, columns]`; 0 for a text without any.
  package func mean(_ x: Variable, over texts: [Range<Int>]) -> Variable {
    let y = result(texts.count, x.columns, of: [x])
    let (from, to, columns) = (x.value, y.value, x.columns)
    to.forEachRows { [kernels] pieces in
      to.rows(pieces).fill(0)
      for text in pieces {
        for row in texts[text] {
          kernels.add(to.row(text).start, from.row(row).start, 1 / Float(texts[text].count), columns)
        }
      }
    }
    record(y) { [kernels] in
      let (dx, dy) = (x.gradient, y.gradient)
      Workers.forEachPieceUninterrupted(of: texts.count, grain: 16) { piece, _ in
        for text in piece {
          for row in texts[text] {
            kernels.add(dx.row(row).start, dy.row(text).start, 1 / Float(texts[text].count), columns)
          }
        }
      }
    }
    return y
  }
}
