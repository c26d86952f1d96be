import MinkeCheckpoints
import MinkeCore
import MinkeKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adam (Kingma and Ba 2015), with decoupled weight decay AdamW (Loshchilov and Hutter 2019), with PyTorch's numbers.
///
/// A row of a table without a gradient still moves by its moments. Such rows are left until the next step that touches
/// them, which then takes all the steps that they missed one after the other: the weights are, to the bit, those of an
/// optimiser that goes through the whole table in every step, and a step reads what its batch reads.
package final class Adam {
  /// What makes one Adam another.
  package struct Configuration: Sendable, Equatable {
    /// How much of the mean gradient is kept from step to step.
    package var beta1: Double
    /// How much of the mean square of the gradient is kept.
    package var beta2: Double
    /// Added to the root of the mean square.
    package var epsilon: Double
    /// The share of the weights, times the rate, that each step takes away.
    package var decay: Double

    package init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, decay: Double = 0) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.decay = decay
    }
  }

  package let parameters: [Parameter]
  package let configuration: Configuration
  /// Steps taken.
  package private(set) var stepCount = 0
  /// The mean of the gradients and of their squares, a pair of matrices for each parameter.
  private let moments: [(first: Matrix, second: Matrix)]
  /// For each table, the steps that each row has taken; empty for other parameters.
  private var taken: [[Int32]]
  /// For each table, the numbers of every step since all rows were last brought up, from step `historyStart` on.
  private var history: [[minke_adam_step]]
  private var historyStart = 0
  private let kernels: minke_training_kernels

  package init(
    _ parameters: [Parameter], _ configuration: Configuration = Configuration(), kernels level: KernelLevel = .active
  ) {
    self.parameters = parameters
    self.configuration = configuration
    kernels = minke_training(level.rawLevel).pointee
    moments = parameters.map { parameter in
      let pair = (
        first: Matrix(rows: parameter.rows, columns: parameter.columns),
        second: Matrix(rows: parameter.rows, columns: parameter.columns)
      )
      pair.first.view.fillAll(0)
      pair.second.view.fillAll(0)
      return pair
    }
    taken = parameters.map { $0.touched == nil ? [] : [Int32](repeating: 0, count: $0.rows) }
    history = parameters.map { _ in [] }
    for (index, parameter) in parameters.enumerated() where parameter.touched != nil {
      parameter.onRead = { [weak self] rows in
        guard let self else { return }
        bringUp(index, rows: rows, to: stepCount)
      }
    }
  }

  /// Changes all parameters by their gradients, which are 0 afterwards.
  package func step(rate: Double) {
    for (index, parameter) in parameters.enumerated() {
      let settings = settings(parameter, rate)
      if let touched = parameter.touched {
        bringUp(index, rows: touched, to: stepCount)
        history[index].append(settings)
        apply(settings, index, rows: touched)
        for row in touched { taken[index][Int(row)] = Int32(stepCount + 1) }
      } else {
        apply(settings, index)
      }
      parameter.clearGradient()
    }
    stepCount += 1
  }

  /// Brings every row of every table up to date: before weights are read as a whole.
  package func catchUp() {
    for index in parameters.indices where parameters[index].touched != nil {
      bringUp(index, rows: (0..<Int32(parameters[index].rows)).map { $0 }, to: stepCount)
    }
    history = history.map { _ in [] }
    historyStart = stepCount
  }

  /// The numbers of the next step.
  private func settings(_ parameter: Parameter, _ rate: Double) -> minke_adam_step {
    let c = configuration
    let rate = rate * parameter.treatment.rateFactor
    let count = Double(stepCount + 1)
    return minke_adam_step(
      rest1: Float(1 - c.beta1), beta2: Float(c.beta2), rest2: Float(1 - c.beta2), epsilon: Float(c.epsilon),
      step_size: Float(rate / (1 - pow(c.beta1, count))),
      root_correction: Float((1 - pow(c.beta2, count)).squareRoot()),
      keep: parameter.treatment.decays ? Float(1 - rate * c.decay) : 1)
  }

  /// One step with the gradient.
  private func apply(_ settings: minke_adam_step, _ index: Int, rows: [Int32]? = nil) {
    let parameter = parameters[index]
    let (value, gradient) = (parameter.value, parameter.gradient)
    let (first, second) = (moments[index].first.view, moments[index].second.view)
    let kernels = kernels
    // SAFETY: every piece changes numbers of its own.
    if let rows {
      Workers.forEachPieceUninterrupted(of: rows.count, grain: 64) { piece, _ in
        var settings = settings
        for place in piece {
          let row = Int(rows[place])
          kernels.adam(
            &settings, value.row(row).start, gradient.row(row).start, first.row(row).start, second.row(row).start,
            value.columns)
        }
      }
    } else {
      Workers.forEachPieceUninterrupted(of: value.rows * value.columns, grain: 1 << 15) { piece, _ in
        var settings = settings
        let from = piece.lowerBound
        kernels.adam(
          &settings, value.start + from, gradient.start + from, first.start + from, second.start + from, piece.count)
      }
    }
  }

  /// The steps that `rows` missed before the step `end`, each with gradient 0.
  private func bringUp(_ index: Int, rows: [Int32], to end: Int) {
    let parameter = parameters[index]
    let late = rows.filter { taken[index][Int($0)] < end }
    guard !late.isEmpty else { return }
    let (value, first, second) = (parameter.value, moments[index].first.view, moments[index].second.view)
    let (kernels, stepsOfRow, all, start) = (kernels, taken[index], history[index], historyStart)
    // Moments of a row that never had a gradient are 0 and move nothing.
    let decays = parameter.treatment.decays && configuration.decay != 0
    // SAFETY: every piece changes rows of its own.
    Workers.forEachPieceUninterrupted(of: late.count, grain: 64) { piece, _ in
      for place in piece {
        let row = Int(late[place])
        guard stepsOfRow[row] > 0 || decays else { continue }
        for step in max(start, Int(stepsOfRow[row]))..<end {
          var settings = all[step - start]
          kernels.adam(&settings, value.row(row).start, nil, first.row(row).start, second.row(row).start, value.columns)
        }
      }
    }
    for row in late { self.taken[index][Int(row)] = Int32(end) }
  }
}

// MARK: State

extension Adam {
  /// All that a later run needs to go on, once all rows are up to date: the moments of each parameter.
  package func state() throws -> [Tensor] {
    catchUp()
    return try zip(parameters, moments).flatMap { parameter, moments in
      try [("first", moments.first), ("second", moments.second)].map { part, matrix in
        try Tensor(name: "\(part).\(parameter.name)", shape: parameter.shape, floats: matrix.copied())
      }
    }
  }

  /// Goes on after `steps` steps with the moments in `checkpoint`.
  ///
  /// - Throws: `MinkeError` naming a tensor that is missing or of another shape.
  package func restore(_ checkpoint: Checkpoint, steps: Int) throws {
    for (parameter, moments) in zip(parameters, moments) {
      for (part, matrix) in [("first", moments.first), ("second", moments.second)] {
        let floats = try checkpoint.tensor("\(part).\(parameter.name)")
          .floats(shape: parameter.shape, requiringFinite: true)
        matrix.view.copy(floats.rows(of: matrix.columns))
      }
    }
    stepCount = steps
    historyStart = steps
    history = history.map { _ in [] }
    // Whether a row was ever touched is not kept: what has moments of 0 stays as it is either way.
    taken = taken.map { $0.map { _ in Int32(steps) } }
  }
}
