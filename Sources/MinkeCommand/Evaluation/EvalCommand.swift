import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

struct EvalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure how good a model is.",
    subcommands: [Language.self, Arithmetic.self, Compare.self, Mean.self, Chart.self])
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

  /// Where the vectors of a task come from; a new one for each task.
  func source() throws -> any TextVectors {
    vectors.isEmpty
      ? EncodedVectors(try encoder.load(), dimension: encoder.dimension)
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
    try print(json: report.json, tables: [ResultTable(report)])
  }

  /// Prints `object` for programs or `tables` for people, an empty line between them.
  func print(json object: JSONValue, tables: [ResultTable]) throws {
    let texts = json ? [object.text + "\n"] : tables.map { $0.text(markdown ? .markdown : .plain) }
    var output = FileWriter()
    try output.write(texts.joined(separator: "\n"))
    try output.finish()
  }
}
