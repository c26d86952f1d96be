import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

/// Files that `minke eval ... --json` wrote.
struct RunFiles: ParsableArguments {
  @Argument(help: "Files that 'minke eval ... --json' wrote.", completion: .file(extensions: ["json"]))
  var runs: [String]

  func reports() throws -> [EvaluationReport] {
    try runs.map { try EvaluationReport(contentsOf: URL(fileURLWithPath: $0)) }
  }
}

extension EvalCommand {
  struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "compare",
      abstract: "Say how sure it is that runs differ.",
      discussion: """
        The first run is set against each of the others. Tasks are one where name and settings are, \
        but for the size of the vectors where nothing else tells them apart. For each its main \
        metric is shown in both runs, with the difference, its 95% interval and p of a paired bootstrap over the items \
        that both have.

          minke eval lm arc_easy.jsonl --model small --json > small.json
          minke eval lm arc_easy.jsonl --model large --json > large.json
          minke eval compare small.json large.json --errors 5
        """)

    @OptionGroup var files: RunFiles

    @Option(help: "Resamples that a bootstrap draws.")
    var resamples = PairedBootstrap.defaultResamples

    @Option(help: "What the resamples are drawn with.")
    var seed: UInt64 = 0

    @Option(help: "Also show as many items of each task in which the runs differ most.")
    var errors = 0

    @OptionGroup var output: EvaluationOutput

    func validate() throws {
      if files.runs.count < 2 { throw ValidationError("Give two runs or more.") }
      if errors < 0 { throw ValidationError("--errors is 0 or more.") }
      if !(1...10_000_000).contains(resamples) { throw ValidationError("--resamples is 1 to 10000000.") }
    }

    func run() async throws {
      let (reports, resamples, seed) = (try files.reports(), resamples, seed)
      let comparisons = try await Workers.run {
        try reports.dropFirst().map {
          try RunComparison(reports[0], $0, resamples: resamples, seed: seed)
        }
      }
      for (path, comparison) in zip(files.runs.dropFirst(), comparisons) {
        for warning in comparison.warnings { say("minke: \(path): \(warning)") }
        if comparison.tasks.isEmpty {
          throw MinkeError(
            .invalidArgument, path, expected: "a task that is also in \(files.runs[0])", found: "none of the same name")
        }
      }
      let tables = comparisons.flatMap { comparison in
        [comparison.table] + (errors > 0 ? [comparison.itemTable(mostDifferent: errors)] : [])
      }
      try output.print(
        json: ["comparisons": .array(comparisons.map { $0.json(mostDifferent: errors) })], tables: tables)
    }
  }
}
