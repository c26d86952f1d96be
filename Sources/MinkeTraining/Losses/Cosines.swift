import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Tape {
  /// The cosine of each row of `x` with the same row of `y`, `[1, rows]`; 0 where one of them is 0.
  ///
  /// - Parameter size: how many leading numbers of each count (Matryoshka); nil for all.
  package func cosines(_ x: Variable, _ y: Variable, size: Int? = nil) -> Variable {
    precondition(x.rows == y.rows && x.columns == y.columns && size ?? 1 > 0 && size ?? 0 <= x.columns)
    let cosines = result(1, x.rows, of: [x, y])
    // 1 / length of each row of both.
    let scales = matrix(2, x.rows)
    let (a, b, c, columns) = (x.value, y.value, cosines.value, size ?? x.columns)
    Workers.forEachPieceUninterrupted(of: x.rows, grain: 256) { [kernels] piece, _ in
      for row in piece {
        let (a, b) = (a.row(row).start, b.row(row).start)
        let (first, second) = (kernels.dot(a, a, columns), kernels.dot(b, b, columns))
        scales.row(0).start[row] = first > 0 ? 1 / first.squareRoot() : 0
        scales.row(1).start[row] = second > 0 ? 1 / second.squareRoot() : 0
        c.start[row] = kernels.dot(a, b, columns) * scales.row(0).start[row] * scales.row(1).start[row]
      }
    }
    record(cosines) { [kernels] in
      let gradient = cosines.gradient
      for (side, variable, other) in [(0, x, b), (1, y, a)] where variable.needsGradient {
        let (value, change) = (variable.value, variable.gradient)
        Workers.forEachPieceUninterrupted(of: value.rows, grain: 256) { piece, _ in
          for row in piece {
            // With unit vectors u and v the gradient at x is (v - cos u) / |x|.
            let (own, opposite) = (scales.row(side).start[row], scales.row(1 - side).start[row])
            let factor = gradient.start[row] * own
            kernels.add(change.row(row).start, other.row(row).start, factor * opposite, columns)
            kernels.add(change.row(row).start, value.row(row).start, -factor * c.start[row] * own, columns)
          }
        }
      }
    }
    return cosines
  }

  /// The mean square of the difference between cosines and scores, `[1, 1]`: for scored pairs, with scores from 0 or -1
  /// to 1 (`CosineSimilarityLoss` of sentence-transformers).
  package func cosineLoss(_ x: Variable, _ y: Variable, scores: [Float], size: Int? = nil) -> Variable {
    precondition(scores.count == x.rows && !scores.isEmpty)
    let cosines = cosines(x, y, size: size)
    let loss = result(1, 1, of: [cosines])
    let differences = zip(cosines.value.read.copied(), scores).map { $0 - $1 }
    loss.value[0, 0] = differences.reduce(0) { $0 + $1 * $1 } / Float(scores.count)
    record(loss) {
      let (factor, gradient) = (2 * loss.gradient[0, 0] / Float(scores.count), cosines.gradient)
      for (index, difference) in differences.enumerated() { gradient[0, index] += factor * difference }
    }
    return loss
  }

  /// `log(1 + sum of exp(scale * (cos_i - cos_j)))` over all pairs i and j of which i has the lower score, `[1, 1]`: only
  /// the order of the scores counts (CoSENT, Su 2022; `CoSENTLoss` of sentence-transformers).
  package func orderLoss(
    _ x: Variable, _ y: Variable, scores: [Float], scale: Float = 20, size: Int? = nil
  ) -> Variable {
    precondition(scores.count == x.rows && !scores.isEmpty)
    let cosines = cosines(x, y, size: size)
    let loss = result(1, 1, of: [cosines])
    let values = cosines.value.read.copied().map { Double($0) * Double(scale) }
    let pairs = values.indices.flatMap { low in
      values.indices.filter { scores[low] < scores[$0] }.map { (low: low, high: $0) }
    }
    let largest = pairs.reduce(0) { max($0, values[$1.low] - values[$1.high]) }
    let shares = pairs.map { exp(values[$0.low] - values[$0.high] - largest) }
    let total = shares.reduce(exp(-largest), +)
    loss.value[0, 0] = Float(largest + log(total))
    record(loss) {
      var gradients = [Double](repeating: 0, count: values.count)
      for (pair, share) in zip(pairs, shares) {
        gradients[pair.low] += share / total
        gradients[pair.high] -= share / total
      }
      let (factor, gradient) = (Double(loss.gradient[0, 0] * scale), cosines.gradient)
      for (index, value) in gradients.enumerated() { gradient[0, index] += Float(factor * value) }
    }
    return loss
  }
}
