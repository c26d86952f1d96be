import ArgumentParser
import Minke
import MinkeEvaluation

extension ResultChart.Abscissa: ExpressibleByArgument {}

extension EvalCommand {
  struct Chart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "chart",
      abstract: "Draw the results of runs as an SVG picture.",
      discussion: """
        Accuracy against the bytes of a vector or its dimension, a line for each model and storage, or bars of models \
        beside each other. Where there are several tasks, lines show their mean.

          minke eval chart small.json large.json --x model --output models.svg
        """)

    @OptionGroup var files: RunFiles

    @Option(
      name: .customLong("x"),
      help: "What results are set against: bytes, dimension or model. At first bytes where runs have a dimension.")
    var abscissa: ResultChart.Abscissa?

    @Option(help: "The metric to draw instead of each task's main one.")
    var metric: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
      let runs = try files.reports()
      let chart = try ResultChart(
        runs, against: abscissa ?? (ResultChart.hasSizes(runs) ? .bytes : .model), metric: metric)
      for warning in chart.warnings { say("minke: \(warning)") }
      var writer = try output.open()
      try writer.write(chart.chart.svg)
      try writer.finish()
    }
  }
}
