import MinkeCore

/// The losses of native bits (BNE): similarities of what stands for the signs, that each bit divides the texts in equal
/// halves, and that no bit follows from another.
package struct BitLoss: Sendable {
  /// What stands for the sign of a logit.
  package enum Relaxation: String, CaseIterable, Sendable {
    /// Its tanh.
    case tanh
    /// The sign itself, whose gradient goes back as if it were the logit.
    case straightThrough = "straight-through"
  }

  package let relaxation: Relaxation
  package let similarity: SimilarityLoss
  /// Of the part that wants each bit in half of the texts; 0 for none.
  package let entropyWeight: Float
  /// Of the part that wants independent bits; 0 for none.
  package let decorrelationWeight: Float

  package init(
    _ relaxation: Relaxation, similarity: SimilarityLoss, entropyWeight: Float = 0, decorrelationWeight: Float = 0
  ) {
    self.relaxation = relaxation
    self.similarity = similarity
    self.entropyWeight = entropyWeight
    self.decorrelationWeight = decorrelationWeight
  }

  /// The parts of the loss that have a weight; those about bits are over all texts.
  ///
  /// - Parameters:
  ///   - anchors: logits, `[texts, bits]`.
  ///   - others: logits of the texts that belong to them in the same order, and of hard negatives behind.
  package func callAsFunction(
    _ anchors: Variable, _ others: Variable, bothDirections: Bool = false, on tape: Tape
  ) -> [(name: String, loss: Variable, weight: Float)] {
    let soft = (tape.tanh(anchors), tape.tanh(others))
    let (x, y) =
      relaxation == .tanh ? soft : (tape.signStraightThrough(anchors), tape.signStraightThrough(others))
    let contrastive = similarity(x, y, .diagonal(bothDirections: bothDirections), on: tape)
    var parts = [(name: "contrastive", loss: contrastive, weight: Float(1))]
    guard entropyWeight != 0 || decorrelationWeight != 0 else { return parts }
    let all = tape.stacked(soft.0, soft.1)
    if entropyWeight != 0 { parts.append(("entropy", tape.bitImbalance(all), entropyWeight)) }
    if decorrelationWeight != 0 { parts.append(("decorrelation", tape.bitCorrelation(all), decorrelationWeight)) }
    return parts
  }
}

extension Tape {
  /// The mean over bits of the square of how far the mean of `(x + 1) / 2` is from one half; `x` `[texts, bits]` is the
  /// tanh of logits.
  package func bitImbalance(_ x: Variable) -> Variable {
    let loss = result(1, 1, of: [x])
    let sums = zeros(1, x.columns)
    addColumnSums(of: x.value.read, to: sums)
    let (count, bits) = (Float(x.rows), Float(x.columns))
    sums.scale(by: 1 / count)
    // (m + 1) / 2 - 1 / 2 is m / 2.
    loss.value[0, 0] = sums.read.dot(sums.read) / 4 / bits
    record(loss) { [kernels] in
      let (dx, factor) = (x.gradient, loss.gradient[0, 0] / (2 * bits * count))
      dx.forEachRows { rows in
        for row in rows { kernels.add(dx.row(row).start, sums.start, factor, dx.columns) }
      }
    }
    return loss
  }

  /// The sum of the squares of the correlations of different bits, divided by the number of bits; `x` `[texts, bits]` is
  /// the tanh of logits.
  ///
  /// Columns are standardised with the deviation of `n - 1`, to which 1e-6 is added, and the products divided by `n`.
  package func bitCorrelation(_ x: Variable) -> Variable {
    let loss = result(1, 1, of: [x])
    let (count, bits) = (x.rows, x.columns)
    guard count > 1 else {
      loss.value[0, 0] = 0
      return loss
    }
    let (from, normed) = (x.value, matrix(count, bits))
    let (means, scales) = (zeros(1, bits), matrix(1, bits))
    addColumnSums(of: from.read, to: means)
    means.scale(by: 1 / Float(count))
    let squares = zeros(1, bits)
    reduceRows(count, columns: bits, into: squares) { rows, sum in
      for row in rows {
        let (x, normed) = (from.row(row).start, normed.row(row).start)
        for bit in 0..<bits {
          normed[bit] = x[bit] - means.start[bit]
          sum[bit] += normed[bit] * normed[bit]
        }
      }
    }
    for bit in 0..<bits { scales[0, bit] = 1 / ((squares[0, bit] / Float(count - 1)).squareRoot() + 1e-6) }
    normed.forEachRows { rows in
      for row in rows { normed.row(row).multiply(by: scales.read) }
    }

    let correlations = matrix(bits, bits)
    products(normed.read.transposed, normed.read.plain, into: correlations)
    for bit in 0..<bits { correlations[bit, bit] = 0 }
    let sums = zeros(1, 1)
    reduceRows(bits, columns: 1, into: sums) { [kernels] rows, sum in
      for row in rows { sum[0] += kernels.dot(correlations.row(row).start, correlations.row(row).start, bits) }
    }
    let share = 1 / Float(count)
    loss.value[0, 0] = sums[0, 0] * share * share / Float(bits)
    record(loss) { [products, unowned self] in
      // The gradient of the standardised columns, and then of x through their deviation and their mean.
      let (dx, gradient) = (x.gradient, matrix(count, bits))
      products(normed.read.plain, correlations.read.plain, into: gradient)
      let factor = loss.gradient[0, 0] * 4 * share * share / Float(bits)
      let sums = zeros(1, 2 * bits)
      reduceRows(count, columns: 2 * bits, into: sums) { rows, sum in
        for row in rows {
          let (gradient, normed) = (gradient.row(row).start, normed.row(row).start)
          for bit in 0..<bits {
            sum[bit] += gradient[bit]
            sum[bits + bit] += gradient[bit] * normed[bit]
          }
        }
      }
      // d deviation / dx is (x - mean) / ((n - 1) deviation): a column that never changes has none.
      let turns = matrix(1, bits)
      for bit in 0..<bits {
        let deviation = (squares[0, bit] / Float(count - 1)).squareRoot()
        let turn = sums[0, bits + bit] / (Float(count - 1) * deviation * scales[0, bit])
        turns[0, bit] = deviation > 0 ? turn : 0
      }
      dx.forEachRows { rows in
        for row in rows {
          let (dx, gradient, normed) = (dx.row(row).start, gradient.row(row).start, normed.row(row).start)
          for bit in 0..<bits {
            let inner = gradient[bit] - normed[bit] * turns.start[bit] - sums.start[bit] * share
            dx[bit] += factor * scales.start[bit] * inner
          }
        }
      }
    }
    return loss
  }
}
