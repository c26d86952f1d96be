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
      Summarization.self, RunSuite.self, Agreement.self, Language.self, Arithmetic.self, Compare.self, Mean.self,
      Chart.self,
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

  static let vectorsGoAlone = "--vectors goes with neither --model, --precision nor --binarize."

  func validate() throws {
    if !vectors.isEmpty,
      encoder.model.name != ModelLibrary.defaultName || encoder.precision != nil || encoder.binarize
    {
      throw ValidationError(Self.vectorsGoAlone)
    }
  }

  /// Where the vectors of the tasks come from, one task after the other.
  ///
  /// - Parameter normalize: whether a model's vectors are scaled to length 1.
  func source(normalize: Bool = true) async throws -> any TextVectors {
    vectors.isEmpty
      ? EncodedVectors(try await encoder.load(), dimension: encoder.dimension, normalize: normalize)
      : FileVectors(vectors.map { URL(fileURLWithPath: $0) }, dimension: encoder.dimension)
  }
}

/// How results are printed.
struct EvaluationOutput: ParsableArguments {
  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print a Markdown table.")
  var markdown = false

  /// - Parameter members: what the JSON object also holds.
  func print(_ report: EvaluationReport, adding members: [String: JSONValue] = [:]) throws {
    let json = JSONValue.object((report.json.object ?? [:]).merging(members) { $1 })
    try print(report, json: json, table: ResultTable(report).text(form))
  }

  func print(_ report: SuiteReport) throws {
    try print(report.report, json: report.json, table: report.text(form))
  }

  private var form: ResultTable.Form { markdown ? .markdown : .plain }

  private func print(_ report: EvaluationReport, json object: JSONValue, table: String) throws {
    // The same is said once of all ways of searching one collection.
    var said: Set<String> = []
    for task in report.tasks {
      for warning in task.warnings.map({ "minke: \(task.name): \($0)" }) where said.insert(warning).inserted {
        say(Style.printable(warning))
      }
    }
    try print(json: object, tables: [table])
  }

  /// Prints tables that are no report's.
  func print(json object: JSONValue, tables: [ResultTable]) throws {
    try print(json: object, tables: tables.map { $0.text(form) })
  }

  private func print(json object: JSONValue, tables: [String]) throws {
    var output = FileWriter()
    try output.write(json ? object.text + "\n" : Style.printable(tables.joined(separator: "\n"), keepingLines: true))
    try output.finish()
  }
}
