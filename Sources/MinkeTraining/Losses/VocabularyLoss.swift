import MinkeCore
import MinkeText

extension Tape {
  /// The loss of a language model: how far `softmax(h table^T)` is from the tokens that come, and how far the sum that
  /// the softmax divides by is from 1.
  ///
  /// Of each row with a target the logits `l = h table^T` are looked at, with `z = log(sum of exp(l))`. The gradients of
  /// `h` and `table` are made beside the logits, a block of rows at a time, so that no more than a block of logits is
  /// ever held; that is why the weight of the second part must be known here.
  ///
  /// - Parameters:
  ///   - h: `[rows, hidden]`.
  ///   - table: `[vocabulary, hidden]`.
  ///   - targets: the token that each row should give; nil for a row that does not count.
  ///   - weight: of the second part, where the first has weight 1 (z-loss: PaLM, Chowdhery et al. 2022).
  ///   - block: rows whose logits are held at once; nil for some megabytes of them.
  /// - Returns: the mean of `z - l[target]`, and the mean of `z^2`, each one number; 0 without targets. The gradient of
  ///   the first is that of `first + weight * second`, and the second has none.
  package func vocabularyLoss(
    _ h: Variable, _ table: Variable, targets: [TokenID?], squareWeight weight: Float, block: Int? = nil
  ) -> (crossEntropy: Variable, squares: Variable) {
    precondition(targets.count == h.rows && h.columns == table.columns)
    let vocabulary = table.rows
    let crossEntropy = result(1, 1, of: [h, table])
    let squares = Variable(matrix(1, 1), on: self, needsGradient: false)
    let goesBack = isRecording && crossEntropy.needsGradient
    let (dh, dtable) =
      goesBack ? (matrix(h.rows, h.columns), matrix(vocabulary, h.columns)) : (matrix(0, 1), matrix(0, 1))
    let block = block ?? Self.rows(of: vocabulary)
    let memory = matrix(min(block, h.rows), vocabulary)
    // z and the logit of the target.
    let found = zeros(h.rows, 2)
    let share = 1 / Float(max(1, targets.count { $0 != nil }))

    for start in stride(from: 0, to: h.rows, by: block) {
      let rows = start..<min(h.rows, start + block)
      let logits = memory.rows(0..<rows.count)
      products(h.value.read.rows(rows).plain, table.value.read.transposed, into: logits)
      // SAFETY: every piece writes rows of its own.
      Workers.forEachPieceUninterrupted(of: rows.count, grain: 8) { [backwards] piece, _ in
        for index in piece {
          let row = logits.row(index).start
          guard let target = targets[start + index].map(Int.init) else {
            logits.row(index).fill(0)
            continue
          }
          let z = backwards.log_sum_exp(row, vocabulary)
          let found = found.row(start + index).start
          found[0] = z
          found[1] = row[target]
          guard goesBack else { continue }
          backwards.scaled_exp(row, z, share * (1 + 2 * weight * z), vocabulary)
          row[target] -= share
        }
      }
      guard goesBack else { continue }
      products(logits.read.plain, table.value.read.plain, into: dh.rows(rows))
      products(logits.read.transposed, h.value.read.rows(rows).plain, adding: start > 0, into: dtable)
    }
    var sums = (0.0, 0.0)
    for (row, target) in targets.enumerated() where target != nil {
      let (z, logit) = (Double(found[row, 0]), Double(found[row, 1]))
      sums.0 += z - logit
      sums.1 += z * z
    }
    crossEntropy.value[0, 0] = Float(sums.0 * Double(share))
    squares.value[0, 0] = Float(sums.1 * Double(share))
    record(crossEntropy) { [unowned self] in
      let factor = crossEntropy.gradient[0, 0]
      if h.needsGradient { addAll(dh.read, times: factor, to: h) }
      if table.needsGradient { addAll(dtable.read, times: factor, to: table) }
    }
    return (crossEntropy, squares)
  }

  /// Rows of a block: logits of some megabytes, and products that are filled.
  private static func rows(of vocabulary: Int) -> Int { min(512, max(64, (1 << 22) / vocabulary)) }
}
