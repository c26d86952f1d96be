import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeEvaluation

/// A run of training: steps of an optimiser over batches, with what is measured, kept and said on the way.
///
/// A run that was interrupted goes on from its last checkpoint to the same bits.
package final class TrainingRun {
  /// How far a run has come.
  package struct Progress: Sendable {
    package var step: Int
    package var steps: Int
    /// The mean loss of the last steps.
    package var loss: Double
    package var rate: Double
    package var textsPerSecond: Double
    package var secondsLeft: Double
  }

  /// How a run ended.
  package enum Ending: Sendable, Equatable {
    /// All steps were made, and the model is written.
    case finished
    /// All steps were made, and rows held out are told no better than by the model that was begun with: none is
    /// written, and that one stays.
    case noBetter
    /// It was asked to stop, and a checkpoint is written.
    case stopped(step: Int)
  }

  package let recipe: Recipe
  /// Steps in all.
  package let steps: Int
  private let objective: any Objective
  private let data: TrainingSet
  private var sampler: BatchSampler
  private let heldOut: BatchSampler?
  private let evaluation: RunEvaluation
  private let optimizer: Adam
  private let tape = Tape()
  private var state = RunCheckpoint.State()
  /// The loss of rows held out at the first measurement and at the last, once all steps are made; nil without such rows.
  package private(set) var heldOutLosses: (before: Double, after: Double)?

  /// Held-out batches that a measurement takes at most.
  private static let heldOutBatches = 32

  /// - Throws: `MinkeError` when the data does not fill a batch, or too much is held out.
  package init(
    _ recipe: Recipe, _ objective: any Objective, _ data: TrainingSet, _ evaluation: RunEvaluation
  ) throws(MinkeError) {
    (self.recipe, self.objective, self.data, self.evaluation) = (recipe, objective, data, evaluation)
    let rows = try data.split(heldOut: recipe.heldOut, seed: recipe.seed)
    sampler = try BatchSampler(
      data, rows: rows.learnt, batchSize: recipe.batch, oneSource: recipe.oneSource, block: recipe.block,
      seed: recipe.seed)
    heldOut = Self.heldOutSampler(data, rows.heldOut, recipe)
    steps = recipe.stepCount(batchesPerEpoch: sampler.batchesPerEpoch)
    optimizer = Adam(objective.trainee.parameters, recipe.adam)
  }

  /// What was left out of the data, for people.
  package var notes: [String] { data.notes + sampler.notes }
  private var parameters: [Parameter] { optimizer.parameters }
  /// Numbers that training changes.
  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.rows * $1.columns } }
  /// Steps made.
  package var stepsDone: Int { state.step }
  private var textsPerStep: Int { recipe.batch * recipe.accumulation * data.columns.count }

  /// Goes on from the checkpoint in `folder`; from the beginning where there is none.
  ///
  /// - Throws: `MinkeError` when the checkpoint is of another recipe or malformed.
  package func resume(_ folder: RunFolder) throws {
    guard FileManager.default.fileExists(atPath: folder.checkpoint.path) else { return }
    let found = try RunCheckpoint.restore(folder.checkpoint, into: parameters, optimizer, recipe)
    guard found.step <= steps else {
      throw MinkeError(
        .malformedFile, folder.checkpoint.relativePath, expected: "at most \(steps) steps", found: "\(found.step)")
    }
    state = found
    sampler.position = found.position
  }

  /// Makes the steps that are left, and writes the model.
  ///
  /// - Parameters:
  ///   - card: the text of the model's card, given its figures.
  ///   - shouldStop: asked after every step.
  ///   - progress: hears of every step.
  /// - Throws: `MinkeError` when a loss is not finite, naming the batch, or something cannot be written; the last
  ///   checkpoint then stays.
  package func run(
    in folder: RunFolder, card: (RunCard) -> String, shouldStop: () -> Bool = { false },
    progress: ((Progress) -> Void)? = nil
  ) throws -> Ending {
    var metrics = try RunMetrics(folder.metrics, upTo: state.step)
    let checkpointEvery = recipe.checkpointEvery ?? max(1, (steps + 9) / 10)
    var recent: [(loss: Double, seconds: Double)] = []
    // What a model that is gone on with can do already.
    if state.step == 0, recipe.start != nil { try measure(&metrics) }
    while state.step < steps {
      let start = ContinuousClock.now
      let report = try learn()
      state.step += 1
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      state.seconds += seconds
      var line = report
      line["step"] = .integer(state.step)
      line["epoch"] = .integer(sampler.position.epoch)
      line["seconds"] = .number(seconds)
      try metrics.add(line)
      recent.append((line["loss"]?.double ?? .nan, seconds))
      if recent.count > 20 { recent.removeFirst() }
      let mean = recent.reduce((0.0, 0.0)) { ($0.0 + $1.loss, $0.1 + $1.seconds) }
      let (loss, time) = (mean.0 / Double(recent.count), max(1e-9, mean.1 / Double(recent.count)))
      progress?(
        Progress(
          step: state.step, steps: steps, loss: loss, rate: line["rate"]?.double ?? 0,
          textsPerSecond: Double(textsPerStep) / time, secondsLeft: Double(steps - state.step) * time))
      let isLast = state.step == steps
      if recipe.evaluateEvery.map({ state.step.isMultiple(of: $0) }) ?? false || isLast {
        try measure(&metrics)
        try draw(metrics, folder)
      }
      let isStopped = !isLast && shouldStop()
      if isStopped || isLast || state.step.isMultiple(of: checkpointEvery) { try keep(folder) }
      if isStopped {
        try draw(metrics, folder)
        return .stopped(step: state.step)
      }
    }
    heldOutLosses = metrics.heldOutLosses
    if recipe.start != nil, let (before, after) = heldOutLosses, !(after < before) { return .noBetter }
    try writeModel(folder, metrics, card)
    return .finished
  }

  // MARK: A step

  /// One step of the optimiser; gives what is noted of it.
  private func learn() throws -> [String: JSONValue] {
    let rate = recipe.rate * recipe.schedule.factor(at: state.step, of: steps, warmUp: recipe.warmUpSteps(of: steps))
    var batches: [[LossPart]] = []
    for _ in 0..<recipe.accumulation {
      let rows = sampler.next()
      let parts = try objective.learn(rows, share: 1 / Float(recipe.accumulation), on: tape)
      guard parts.total.isFinite else {
        throw MinkeError(
          .notFinite, "loss of step \(state.step + 1), epoch \(sampler.position.epoch + 1)",
          expected: "a finite number",
          found: "\(parts.map { "\($0.name) \($0.value)" }.joined(separator: ", ")) in the batch of "
            + data.names(of: rows))
      }
      batches.append(parts)
    }
    let norm = recipe.clip.map { clipGradients(of: parameters, to: $0) }
    if let norm, !norm.isFinite {
      throw MinkeError(
        .notFinite, "gradient of step \(state.step + 1)", expected: "a finite length", found: "\(norm)")
    }
    optimizer.step(rate: rate)
    let parts = [LossPart].mean(batches)
    var line: [String: JSONValue] = ["loss": .number(parts.total), "rate": .number(rate)]
    if parts.count > 1 {
      line["parts"] = .object(Dictionary(parts.map { ($0.name, .number($0.value)) }, uniquingKeysWith: { $1 }))
    }
    if let norm { line["gradient_norm"] = .number(norm) }
    return line
  }

  // MARK: Measuring

  /// Batches of held-out rows, as large as those that are learnt, or as rows without a common text allow.
  private static func heldOutSampler(_ data: TrainingSet, _ rows: [Int32], _ recipe: Recipe) -> BatchSampler? {
    var size = min(recipe.batch, rows.count)
    while size > 0 {
      if let sampler = try? BatchSampler(data, rows: rows, batchSize: size, seed: 0) { return sampler }
      size = size * 9 / 10
    }
    return nil
  }

  private func measure(_ metrics: inout RunMetrics) throws {
    optimizer.catchUp()
    var figures: [String: JSONValue] = [:]
    if var heldOut {
      let batches = try (0..<min(heldOut.batchesPerEpoch, Self.heldOutBatches)).map { _ in
        try objective.measure(heldOut.next(), on: tape)
      }
      figures[RunMetrics.heldOut] = .number([LossPart].mean(batches).total)
    }
    for result in try evaluation(objective.trainee) {
      figures["\(result.name) \(result.mainMetric)"] = .number(result.main)
    }
    if !figures.isEmpty { try metrics.add(["step": .integer(state.step), "measured": .object(figures)]) }
  }

  private func draw(_ metrics: RunMetrics, _ folder: RunFolder) throws {
    guard !metrics.losses.isEmpty else { return }
    let title = folder.url.lastPathComponent
    var file = try FileWriter(folder.curves)
    try file.write(try metrics.lossChart(title: title).svg)
    try file.finish()
    if let figures = try metrics.figureChart(title: title) {
      var file = try FileWriter(folder.figures)
      try file.write(figures.svg)
      try file.finish()
    }
  }

  // MARK: Keeping

  private func keep(_ folder: RunFolder) throws {
    state.position = sampler.position
    try RunCheckpoint.write(state, parameters, optimizer, recipe, to: folder.checkpoint)
  }

  private func writeModel(_ folder: RunFolder, _ metrics: RunMetrics, _ card: (RunCard) -> String) throws {
    if FileManager.default.fileExists(atPath: folder.model.path) { return }
    optimizer.catchUp()
    let facts = RunCard(
      recipe: recipe, rows: data.count, tokens: data.tokenCount, notes: notes, parameters: parameterCount,
      steps: steps, seconds: state.seconds, loss: metrics.losses.last?.y ?? .nan, figures: metrics.last)
    try FolderWriter.write(to: folder.model) { draft in
      try objective.trainee.write(to: draft)
      var file = try FileWriter(draft.appendingPathComponent("README.md"))
      try file.write(card(facts))
      try file.finish()
    }
  }
}

// MARK: What a run will take

extension TrainingRun {
  /// What a run takes, measured by its first steps.
  package struct Estimate: Sendable {
    package var parameters: Int
    /// Bytes of the weights, their gradients and both moments.
    package var parameterBytes: Int
    /// Bytes that one batch's computation takes beside them.
    package var activationBytes: Int
    package var dataBytes: Int
    package var steps: Int
    package var texts: Int
    package var seconds: Double

    package var totalBytes: Int { parameterBytes + activationBytes + dataBytes }
  }

  /// Makes two steps, the second of which is measured. The run is of no more use behind it.
  package func estimate() throws -> Estimate {
    _ = try learn()
    let start = ContinuousClock.now
    _ = try learn()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return Estimate(
      parameters: parameterCount, parameterBytes: parameterCount * 16, activationBytes: tape.byteCount,
      dataBytes: data.byteCount, steps: steps, texts: steps * textsPerStep, seconds: Double(steps) * seconds)
  }
}

extension TrainingSet {
  /// Bytes that the set takes in memory.
  package var byteCount: Int {
    columns.reduce(0) { $0 + 4 * $1.ids.count + 8 * ($1.ends.count + $1.hashes.count) } + 16 * count
  }
}
