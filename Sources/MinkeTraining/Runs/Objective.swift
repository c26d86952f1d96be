import MinkeCore

/// What a training run makes smaller: a loss over rows of some data.
package protocol Objective: AnyObject {
  /// What is taught.
  var trainee: any Trainee { get }

  /// Adds to the gradients of the parameters `share` times those of the loss of `rows`, one batch.
  ///
  /// - Returns: the parts of the loss; where their sum is not finite, no gradient was added.
  func learn(_ rows: ArraySlice<Int32>, share: Float, on tape: Tape) throws -> [LossPart]

  /// The parts of the loss of `rows`, one batch.
  func measure(_ rows: ArraySlice<Int32>, on tape: Tape) throws -> [LossPart]
}

/// A part of a loss: its mean over a batch, and what it is multiplied with in the whole.
package struct LossPart: Sendable, Equatable {
  package var name: String
  package var value: Double
  package var weight: Double

  package init(_ name: String, _ value: Double, weight: Double = 1) {
    (self.name, self.value, self.weight) = (name, value, weight)
  }

  /// The part that is the sum of all numbers of `loss`.
  init(_ name: String, sumOf loss: Variable, weight: Double) {
    self.init(name, loss.value.read.copied().reduce(0) { $0 + Double($1) }, weight: weight)
  }
}

extension [LossPart] {
  /// The whole loss.
  package var total: Double { reduce(0) { $0 + $1.weight * $1.value } }

  /// The means of the parts of several batches.
  static func mean(_ batches: [[LossPart]]) -> [LossPart] {
    guard var mean = batches.first else { return [] }
    for index in mean.indices {
      mean[index].value = batches.reduce(0) { $0 + $1[index].value } / Double(batches.count)
    }
    return mean
  }
}

/// A loss that one computation on the tape gives.
package protocol TapeObjective: Objective {
  /// The parts of the loss of `rows`: numbers that are added up, and what each part is multiplied with.
  func losses(_ rows: ArraySlice<Int32>, on tape: Tape) throws -> [(name: String, loss: Variable, weight: Float)]
}

extension TapeObjective {
  package func learn(_ rows: ArraySlice<Int32>, share: Float, on tape: Tape) throws -> [LossPart] {
    tape.reset()
    let losses = try losses(rows, on: tape)
    let parts = parts(losses)
    guard parts.total.isFinite else { return parts }
    tape.backward(from: tape.sum(losses.map { ($0.loss, weight: $0.weight * share) }))
    return parts
  }

  package func measure(_ rows: ArraySlice<Int32>, on tape: Tape) throws -> [LossPart] {
    tape.reset()
    tape.isRecording = false
    defer { tape.isRecording = true }
    return parts(try losses(rows, on: tape))
  }

  private func parts(_ losses: [(name: String, loss: Variable, weight: Float)]) -> [LossPart] {
    losses.map { LossPart($0.name, sumOf: $0.loss, weight: Double($0.weight)) }
  }
}
