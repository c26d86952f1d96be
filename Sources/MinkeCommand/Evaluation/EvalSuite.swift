import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

extension EvalCommand {
  struct RunSuite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "suite",
      abstract: "Measure a model on many tasks, with a mean of each category and of all.",
      discussion: """
        The suite is a JSON file that lists tasks, {"tasks": [{"type": "retrieval", "path": "scifact"}, ...]}, or one of \
        \(Suite.known.map(\.name).joined(separator: ", ")), whose tasks are looked for by their names. What is not there is \
        said, and left out of the means.

          minke eval suite quality.json --data data --card my-model/README.md
        """)

    @Argument(help: "A JSON file, or the name of a suite.", completion: .file(extensions: ["json"]))
    var suite: String

    @Option(
      help: ArgumentHelp("Where the tasks' folders and files are; without it, beside the suite.", valueName: "folder"),
      completion: .directory)
    var data: String?

    @OptionGroup var encoder: EncoderOptions

    @Option(
      help: ArgumentHelp(
        "Write the figures into this model card, between two marks that are put there.", valueName: "file.md"),
      completion: .file())
    var card: String?

    @OptionGroup var output: EvaluationOutput

    func run() async throws {
      // Before the work: a mistake in the card is said at once.
      if let card { _ = try self.card("", in: card) }
      let known = Suite.known.first { $0.name == self.suite }
      let suite = try known ?? Suite(contentsOf: URL(fileURLWithPath: self.suite))
      let folder =
        data.map { URL(fileURLWithPath: $0) }
        ?? (known == nil ? URL(fileURLWithPath: self.suite).deletingLastPathComponent() : URL(fileURLWithPath: "."))
      var runner = SuiteRunner(options: encoder)
      var tasks: [TaskResult] = []
      var categories: [String] = []
      var missing: [String] = []
      for task in suite.tasks {
        guard let place = suite.location(of: task, in: folder) else {
          missing.append(task.name)
          continue
        }
        for var result in try await runner.run(task, place) {
          if task.kind != .languageModel { result.name = task.name }
          tasks.append(result)
          categories.append(task.category)
        }
      }
      for name in missing { say("minke: \(Style.printable(name)): no data in \(folder.relativePath); left out") }
      guard !tasks.isEmpty else {
        throw MinkeError(.notFound, folder.relativePath, expected: "the data of a task", found: "none")
      }
      let report = SuiteReport(
        suite: suite.name, report: EvaluationReport(model: runner.name, tasks: tasks), categories: categories,
        missing: missing)
      try output.print(report)
      if let card { try write(report, to: card) }
    }

    private func write(_ report: SuiteReport, to card: String) throws {
      let text = try self.card(report.text(.markdown) + "\n" + provenance(report) + "\n", in: card)
      var file = try FileWriter(URL(fileURLWithPath: card))
      try file.write(text)
      try file.finish()
      say("minke: wrote \(tasksText(report)) into \(card)")
    }

    /// The card at `path` with `section` in it; a new one where there is none.
    private func card(_ section: String, in path: String) throws -> String {
      let url = URL(fileURLWithPath: path)
      guard FileManager.default.fileExists(atPath: url.deletingLastPathComponent().path) else {
        throw MinkeError(.notFound, path, expected: "a folder to write into", found: "none")
      }
      var before = ""
      if FileManager.default.fileExists(atPath: url.path) {
        guard let bytes = FileManager.default.contents(atPath: url.path),
          let text = String(validating: bytes, as: UTF8.self)
        else { throw MinkeError(.inputOutput, path, expected: "a card of UTF-8 text that can be read", found: "none") }
        before = text
      }
      return try ModelCard.writing(section, into: before, subject: path)
    }

    private func tasksText(_ report: SuiteReport) -> String {
      let count = report.report.tasks.count
      return "\(count) \(count == 1 ? "figure" : "figures")"
    }

    /// The command that gives the figures again, and the machine that they were taken on.
    private func provenance(_ report: SuiteReport) -> String {
      var command = "minke eval suite \(suite)"
      if data != nil { command += " --data DATA" }
      if encoder.model.name != ModelLibrary.defaultName { command += " --model \(encoder.model.name)" }
      if let dimension = encoder.dimension { command += " --dimension \(dimension)" }
      if let precision = encoder.precision { command += " --precision \(precision.rawValue)" }
      if encoder.binarize { command += " --binarize" }
      return "Figures times 100, by `\(command)` of Minke \(MinkeVersion.current) on \(Machine.description)."
    }
  }
}

/// Runs the tasks of a suite; a model is loaded when the first task needs it.
private struct SuiteRunner {
  let options: EncoderOptions
  private var vectors: (any TextVectors)?
  private var rawVectors: (any TextVectors)?
  private var language: LanguageModel?

  init(options: EncoderOptions) { self.options = options }

  var name: String { vectors?.name ?? rawVectors?.name ?? options.model.name }

  mutating func run(_ task: Suite.Task, _ place: URL) async throws -> [TaskResult] {
    let kind = task.kind
    let bar = ProgressBar(place.lastPathComponent, unit: kind == .retrieval ? .bytes : .pieces)
    defer { bar.finish() }
    if kind == .languageModel {
      if language == nil {
        try await options.model.fetchMissing()
        language = try await ModelLibrary.languageModel(options.model.name)
      }
      guard let model = language else { preconditionFailure("it was loaded") }
      // Of a task in parts, such as the paradigms of BLiMP, the mean comes last.
      return try LanguageTaskFiles.tasks(at: place).compactMap {
        try $0.evaluate(model, limit: nil, progress: bar.handler).last
      }
    }
    if vectors == nil {
      let encoder = try await options.load()
      vectors = EncodedVectors(encoder, dimension: options.dimension)
      rawVectors = EncodedVectors(encoder, dimension: options.dimension, normalize: false)
    }
    guard let vectors, let rawVectors else { preconditionFailure("both were made") }
    switch kind {
    case .retrieval:
      let dataset = try RetrievalDataset(contentsOf: place)
      return try RetrievalEvaluation(settings: task.settings).run(dataset, vectors, progress: bar.handler).map(\.result)
    case .sts:
      return [try SimilarityEvaluation().run(ScoredPairs(contentsOf: place), rawVectors, progress: bar.handler)]
    default:
      guard let protocolTask = kind.protocolTask else { preconditionFailure("no suite has a task of kind \(kind)") }
      var folder = try TaskFolder(place)
      try folder.settings.set(task.settings, subject: task.name)
      return [try protocolTask.init(folder).run(rawVectors, progress: bar.handler)]
    }
  }
}
