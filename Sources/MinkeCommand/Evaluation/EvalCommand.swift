import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

struct EvalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure how good a model is.",
    subcommands: [
      Retrieval.self, Similarity.self, Classification.self, Clustering.self, Pairs.self, Reranking.self,
      Summarization.self, Agreement.self,
    ])
}

/// The options of every evaluation of an encoder.
struct EvaluatedModel: ParsableArguments {
  @OptionGroup var encoder: EncoderOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Vectors made elsewhere instead of a model's: a .npy file for each group of texts, in the order of the task.",
      valueName: "npy"))
  var vectors: [String] = []

  /// Where the vectors of the tasks come from, one task after the other.
  ///
  /// - Parameter normalize: whether a model's vectors are scaled to length 1.
  func source(normalize: Bool = true) throws -> any TextVectors {
    vectors.isEmpty
      ? EncodedVectors(try encoder.load(), dimension: encoder.dimension, normalize: normalize)
      : FileVectors(vectors.map { URL(fileURLWithPath: $0) })
  }
}

/// How results are printed.
struct EvaluationOutput: ParsableArguments {
  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print a Markdown table.")
  var markdown = false

  func print(_ report: EvaluationReport) throws {
    for task in report.tasks { for warning in task.warnings { say("minke: \(task.name): \(warning)") } }
    var output = FileWriter()
    try output.write(
      json ? report.json.text + "\n" : ResultTable(report).text(markdown ? .markdown : .plain))
    try output.finish()
  }
}
