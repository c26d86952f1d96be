import ArgumentParser
import Foundation
import Minke
import MinkeTraining
import Synchronization

/// The options of every kind of training that are no part of its recipe, and what they have in common.
struct TrainingOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The folder of the run.", valueName: "folder"), completion: .directory)
  var output: String

  @Option(
    help: ArgumentHelp(
      "A recipe, such as the recipe.json of a run; what is given here goes before it.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "Keep a teacher's vectors here, for other runs too, and not in the run's folder.", valueName: "folder"),
    completion: .directory)
  var teacherCache: String?

  @Flag(help: "Go on with the run in the folder from its last checkpoint.")
  var resume = false

  @OptionGroup var source: PullOption

  @Flag(help: "Only say what the run would take: memory, steps, texts and time.")
  var dryRun = false

  func validate() throws {
    if resume, dryRun { throw ValidationError("--dry-run is for a run that is not begun.") }
  }

  /// - Parameter members: what the command line says of the recipe.
  func run(_ kind: Recipe.Kind, _ members: [String: JSONValue]) async throws {
    let folder = RunFolder(URL(fileURLWithPath: output))
    let recipe = try recipe(kind, members, folder)
    let teacher = recipe.teacher.flatMap { $0.hasSuffix(".npy") ? nil : $0 }
    try await source.fetchMissing(recipe.start, recipe.tokenizer, teacher)
    try await Workers.run {
      let isReplaced = resume && FileManager.default.fileExists(atPath: folder.checkpoint.path)
      let setup = try TrainingSetup(recipe, isReplaced: isReplaced, progress: Self.bar)
      ProgressBar.wipe()
      for note in setup.run.notes { say("minke: \(note)") }
      if dryRun { return try print(setup.estimate()) }
      if resume { try setup.run.resume(folder) } else { try folder.create(recipe) }
      let cache = teacherCache.map { URL(fileURLWithPath: $0) } ?? folder.teacher
      try setup.loadTeacher(cache: cache, progress: Self.bar)
      ProgressBar.wipe()
      try train(setup.run, in: folder)
    }
  }

  /// A bar for a job that lasts, or a count where its end is not known.
  private static func bar(_ name: String) -> ProgressHandler? {
    let bar = ProgressBar(name)
    let handler = bar.handler
    return { done, total in total > 0 ? handler(done, total) : bar.count(done, "rows") }
  }

  private func recipe(_ kind: Recipe.Kind, _ members: [String: JSONValue], _ folder: RunFolder) throws -> Recipe {
    let begun = resume ? try folder.begunRecipe() : nil
    var recipe =
      try config.map { try Recipe(contentsOf: URL(fileURLWithPath: $0), kind: kind) } ?? begun ?? Recipe(kind)
    try recipe.set(members, subject: "command line")
    guard recipe.kind == kind else {
      throw MinkeError(
        .invalidArgument, output, expected: "a run of \(kind.rawValue)", found: "one of \(recipe.kind.rawValue)")
    }
    if let begun { try RunFolder.check(recipe, against: begun) }
    return recipe
  }

  private func train(_ run: TrainingRun, in folder: RunFolder) throws {
    let bar = ProgressBar("training")
    let stopping = Atomic(false)
    let isRunning = run.stepsDone < run.steps
    // The first ctrl-C asks for a checkpoint, a second does not wait for it.
    Signals.onEnd { !stopping.exchange(true, ordering: .relaxed) }
    defer { Signals.onEnd(nil) }
    let name = folder.url.lastPathComponent
    let ending = try run.run(
      in: folder, card: { $0.text(name: name, command: typed) },
      shouldStop: { stopping.load(ordering: .relaxed) },
      progress: { bar.training($0) })
    bar.finish()
    switch ending {
    case .finished:
      say(isRunning ? "minke: \(output)/model: trained in \(run.steps) steps" : "minke: \(output): all steps were made")
      sayHeldOut(run)
    case .noBetter:
      sayHeldOut(run)
      say("minke: \(output): no better than \(run.recipe.start ?? "before"), which stays; no model was written")
    case .stopped(let step):
      let command = "minke train \(run.recipe.kind.rawValue) --output \(output) --resume"
      say("minke: stopped after step \(step) of \(run.steps); go on with: \(command)")
      throw CommandStatus.interrupted
    }
  }

  private func sayHeldOut(_ run: TrainingRun) {
    guard let (before, after) = run.heldOutLosses else { return }
    let share = 100 * (before - after) / before
    say(String(format: "minke: loss of rows held out: %.4f before, %.4f after (%+.1f%%)", before, after, -share))
  }

  /// The command line, as a person would type it.
  private var typed: String {
    (["minke"] + CommandLine.arguments.dropFirst()).map { word in
      let isPlain = word.utf8.allSatisfy { $0 < 0x80 && Self.plain.contains(Unicode.Scalar($0)) }
      return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }

  /// What a shell takes as it is.
  private static let plain = CharacterSet(charactersIn: "a"..."z").union(CharacterSet(charactersIn: "A"..."Z"))
    .union(CharacterSet(charactersIn: "0123456789-_=+./,:@%"))

  private func print(_ estimate: TrainingRun.Estimate) throws {
    var report = FigureReport()
    report.add("parameters", "\(estimate.parameters)")
    report.add("memory", byteSize(estimate.totalBytes))
    report.add("of_it_parameters_x_4", byteSize(estimate.parameterBytes))
    report.add("of_it_activations", byteSize(estimate.activationBytes))
    report.add("of_it_data", byteSize(estimate.dataBytes))
    report.add("steps", "\(estimate.steps)")
    report.add("texts", "\(estimate.texts)")
    report.add("time", ProgressBar.time(estimate.seconds))
    try report.print(json: false)
  }
}

extension CommandStatus {
  /// Ended by ctrl-C, as a shell says it.
  static let interrupted = ExitCode(130)
}
