import ArgumentParser
import Minke
import MinkeEvaluation

extension EvalCommand {
  struct Mean: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "mean",
      abstract: "Take several runs of a model together: mean and standard deviation.",
      discussion: """
        Runs are of one model where its name is the same, such as those of several seeds. Tasks are one where name and \
        settings are; a setting called seed does not count.
        """)

    @OptionGroup var files: RunFiles
    @OptionGroup var output: EvaluationOutput

    func run() async throws {
      let means = RunMeans(try files.reports())
      for warning in means.warnings { say("minke: \(warning)") }
      try output.print(json: means.json, tables: [means.table])
    }
  }
}
