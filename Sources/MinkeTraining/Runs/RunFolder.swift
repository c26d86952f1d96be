import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeEvaluation

/// The folder of a training run: `recipe.json`, `metrics.jsonl`, `curves.svg` of the losses, `figures.svg` of
/// evaluations, `checkpoint.safetensors`, a teacher's vectors, and in the end `model`.
package struct RunFolder: Sendable {
  package let url: URL
  package var recipe: URL { url.appendingPathComponent("recipe.json") }
  package var metrics: URL { url.appendingPathComponent("metrics.jsonl") }
  package var curves: URL { url.appendingPathComponent("curves.svg") }
  package var figures: URL { url.appendingPathComponent("figures.svg") }
  package var checkpoint: URL { url.appendingPathComponent("checkpoint.safetensors") }
  /// The folder of a teacher's vectors, which making takes long.
  package var teacher: URL { url.appendingPathComponent("teacher") }
  package var model: URL { url.appendingPathComponent("model") }

  package init(_ url: URL) { self.url = url }

  /// Makes the folder and writes `recipe` into it.
  ///
  /// - Throws: `MinkeError` when there is something at its place that is not an empty folder.
  package func create(_ recipe: Recipe) throws {
    let contents = try? FileManager.default.contentsOfDirectory(atPath: url.path)
    guard contents?.isEmpty ?? !FileManager.default.fileExists(atPath: url.path) else {
      let isRun = FileManager.default.fileExists(atPath: self.recipe.path)
      throw MinkeError(
        .inputOutput, url.relativePath, expected: "a folder that is empty or not there yet",
        found: isRun ? "a run; --resume goes on with it" : "something else")
    }
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw MinkeError(
        .inputOutput, url.relativePath, expected: "a place to write a folder", found: error.localizedDescription)
    }
    var file = try FileWriter(self.recipe)
    try file.write(recipe.text)
    try file.finish()
  }

  /// The recipe of a run that was begun.
  ///
  /// - Throws: `MinkeError` when there is none.
  package func begunRecipe() throws -> Recipe {
    guard FileManager.default.fileExists(atPath: recipe.path) else {
      throw MinkeError(.notFound, url.relativePath, expected: "a run to go on with", found: "no recipe.json")
    }
    return try Recipe(contentsOf: recipe)
  }

  /// Throws unless `recipe` is that of the run, naming what differs.
  package static func check(_ recipe: Recipe, against begun: Recipe) throws(MinkeError) {
    let differences = recipe.differences(from: begun, "now", "in the run")
    guard differences.isEmpty else {
      throw MinkeError(
        .invalidArgument, "--resume", expected: "the recipe of the run", found: differences.joined(separator: "; "))
    }
  }
}

/// What a run needs to go on to the same bits: weights, moments, steps taken, and where the sampler is.
struct RunCheckpoint {
  /// What beside the tensors.
  struct State: Equatable {
    var step = 0
    var position = BatchSampler.Position()
    /// Seconds that the run has worked.
    var seconds = 0.0
  }

  /// Writes the checkpoint whole, or leaves the one that is there.
  static func write(_ state: State, _ parameters: [Parameter], _ optimizer: Adam, _ recipe: Recipe, to url: URL) throws
  {
    // The optimiser brings all rows up to date first.
    let moments = try optimizer.state()
    let weights = try parameters.map {
      try Tensor(name: "weights.\($0.name)", shape: $0.shape, floats: $0.copied())
    }
    let metadata = [
      "step": "\(state.step)", "epoch": "\(state.position.epoch)", "batch": "\(state.position.batch)",
      "seconds": "\(state.seconds)", "recipe": recipe.json.text,
    ]
    try Safetensors.write(weights + moments, metadata: metadata, to: url)
  }

  /// Takes over what is in the checkpoint at `url`.
  ///
  /// - Throws: `MinkeError` when there is none, it is of another recipe, or it does not fit the model.
  static func restore(
    _ url: URL, into parameters: [Parameter], _ optimizer: Adam, _ recipe: Recipe
  ) throws -> State {
    let checkpoint = try Checkpoint(contentsOf: url)
    func number(_ name: String) throws(MinkeError) -> Int {
      guard let value = checkpoint.metadata[name].flatMap({ Int($0) }), value >= 0 else {
        throw MinkeError(
          .malformedFile, checkpoint.path, expected: "a number \"\(name)\"", found: checkpoint.metadata[name] ?? "none")
      }
      return value
    }
    let json = try Array((checkpoint.metadata["recipe"] ?? "").utf8).withUnsafeBytes {
      try JSONValue(parsing: $0, subject: "\(checkpoint.path): recipe")
    }
    try RunFolder.check(recipe, against: Recipe(json.object ?? [:], subject: "\(checkpoint.path): recipe"))
    var state = State()
    state.step = try number("step")
    state.position = BatchSampler.Position(epoch: try number("epoch"), batch: try number("batch"))
    state.seconds = checkpoint.metadata["seconds"].flatMap { Double($0) } ?? 0
    // All of them before any is changed.
    let weights = try parameters.map {
      try checkpoint.tensor("weights.\($0.name)").floats(shape: $0.shape, requiringFinite: true)
    }
    for (parameter, weights) in zip(parameters, weights) { parameter.value.copy(weights.rows(of: parameter.columns)) }
    try optimizer.restore(checkpoint, steps: state.step)
    return state
  }
}
