import Foundation
import MinkeCore

/// A linear classifier that gives each class a probability, fitted with an L2 penalty (C = 1) and intercepts that are
/// free of it: scikit-learn's `LogisticRegression` with its defaults, by the same steps.
struct LogisticRegression: Sendable {
  /// `[classes, dimension]`, or one row for two classes.
  private let weights: [Float]
  private let intercepts: [Double]
  private let dimension: Int
  /// Steps that the fit took; the maximum where it was cut off.
  let iterations: Int

  /// - Parameters:
  ///   - rows: the vectors, `[items, dimension]`.
  ///   - classes: the class of each, below `classCount`, which is 2 or more.
  init(_ rows: MatrixView, classes: [Int], classCount: Int, optimizer: LBFGS = LBFGS()) {
    precondition(rows.rows == classes.count && !classes.isEmpty && classCount > 1)
    let loss = LogisticLoss(rows, classes: classes, outputs: classCount == 2 ? 1 : classCount)
    let start = [Double](repeating: 0, count: loss.outputs * (rows.columns + 1))
    let (place, iterations) = optimizer.minimize(from: start) { loss.evaluate($0, &$1) }
    self.iterations = iterations
    dimension = rows.columns
    weights = place.point.prefix(loss.outputs * rows.columns).map(Float.init)
    intercepts = Array(place.point.suffix(loss.outputs))
  }

  /// The likeliest class of each row.
  func classes(of rows: MatrixView) -> [Int] {
    let outputs = intercepts.count
    let product = MatrixProduct(.active)
    let panels = AlignedBuffer<Float>(
      uninitialized: MatrixProduct.packedCount(columns: outputs, depth: dimension))
    let block = 512
    let scores = Matrix(rows: block, columns: outputs)
    return withExtendedLifetime((panels, scores)) {
      weights.withUnsafeBufferPointer { weights in
        guard let start = weights.baseAddress else { return }
        product.pack(MatrixView(start, rows: outputs, columns: dimension), into: panels.baseAddress)
      }
      var classes: [Int] = []
      for first in stride(from: 0, to: rows.rows, by: block) {
        let part = rows.rows(first..<min(rows.rows, first + block))
        let view = scores.view(rows: part.rows, columns: outputs)
        product(part, panels.baseAddress, into: view)
        for row in 0..<part.rows {
          let scores = view.start + row * outputs
          if outputs == 1 {
            classes.append(Double(scores[0]) + intercepts[0] > 0 ? 1 : 0)
            continue
          }
          var best = (index: 0, score: -Double.infinity)
          for index in 0..<outputs where Double(scores[index]) + intercepts[index] > best.score {
            best = (index, Double(scores[index]) + intercepts[index])
          }
          classes.append(best.index)
        }
      }
      return classes
    }
  }
}

/// The mean negative log-likelihood of the classes of some rows, with the penalty.
///
/// Parameters are the weights `[outputs, dimension]` and behind them the intercepts.
private final class LogisticLoss {
  let outputs: Int
  private let items: Int
  private let dimension: Int
  private let classes: [Int]
  private let product = MatrixProduct(.active)
  /// The rows packed for `W X^T`, and for `R X`.
  private let across: AlignedBuffer<Float>
  private let along: AlignedBuffer<Float>
  private let weights: Matrix
  /// Scores, then residuals: `[outputs, items]`, so that all that is done for each class runs along memory.
  private let scores: Matrix
  private let gradients: Matrix
  private var peaks: [Float]
  private var sums: [Float]

  init(_ rows: MatrixView, classes: [Int], outputs: Int) {
    (items, dimension, self.classes, self.outputs) = (rows.rows, rows.columns, classes, outputs)
    across = AlignedBuffer(uninitialized: MatrixProduct.packedCount(columns: items, depth: dimension))
    along = AlignedBuffer(uninitialized: MatrixProduct.packedCount(columns: dimension, depth: items))
    product.pack(rows, into: across.baseAddress)
    product.pack(transposing: rows, into: along.baseAddress)
    weights = Matrix(rows: outputs, columns: dimension)
    scores = Matrix(rows: outputs, columns: items)
    gradients = Matrix(rows: outputs, columns: dimension)
    (peaks, sums) = ([Float](repeating: 0, count: items), [Float](repeating: 0, count: items))
  }

  func evaluate(_ parameters: [Double], _ gradient: inout [Double]) -> Double {
    let share = 1 / Double(items)
    var penalty = 0.0
    for index in 0..<outputs * dimension {
      weights.view.start[index] = Float(parameters[index])
      penalty += parameters[index] * parameters[index]
    }
    product(weights.view.read, across.baseAddress, into: scores.view)
    for output in 0..<outputs {
      let (row, intercept) = (scores.view.start + output * items, Float(parameters[outputs * dimension + output]))
      for item in 0..<items { row[item] += intercept }
    }
    let loss = outputs == 1 ? takeResidualsOfTwo() : takeResiduals()
    product(scores.view.read, along.baseAddress, into: gradients.view)
    for index in 0..<outputs * dimension {
      gradient[index] = share * (Double(gradients.view.start[index]) + parameters[index])
    }
    for output in 0..<outputs {
      let row = scores.view.start + output * items
      gradient[outputs * dimension + output] = share * (0..<items).reduce(0) { $0 + Double(row[$1]) }
    }
    return share * (loss + penalty / 2)
  }

  /// Turns the scores into probabilities less the truth; the sum of the losses.
  private func takeResiduals() -> Double {
    let start = scores.view.start
    for item in 0..<items { (peaks[item], sums[item]) = (-.infinity, 0) }
    for output in 0..<outputs {
      let row = start + output * items
      for item in 0..<items { peaks[item] = max(peaks[item], row[item]) }
    }
    var loss = 0.0
    for (item, label) in classes.enumerated() { loss += Double(peaks[item] - start[label * items + item]) }
    for output in 0..<outputs {
      let row = start + output * items
      for item in 0..<items {
        row[item] = exp(row[item] - peaks[item])
        sums[item] += row[item]
      }
    }
    for item in 0..<items { loss += log(Double(sums[item])) }
    for output in 0..<outputs {
      let row = start + output * items
      for item in 0..<items { row[item] /= sums[item] }
    }
    for (item, label) in classes.enumerated() { start[label * items + item] -= 1 }
    return loss
  }

  /// The same for two classes, whose one score is for the second.
  private func takeResidualsOfTwo() -> Double {
    let row = scores.view.start
    var loss = 0.0
    for (item, label) in classes.enumerated() {
      let score = Double(row[item])
      // log(1 + e^score), without overflow.
      loss += max(score, 0) + log1p(exp(-score.magnitude)) - Double(label) * score
      row[item] = Float(1 / (1 + exp(-score)) - Double(label))
    }
    return loss
  }
}
