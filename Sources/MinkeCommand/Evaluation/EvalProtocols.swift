import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

/// The options of every command that measures one of MTEB's protocols, and what it does.
struct ProtocolArguments: ParsableArguments {
  @Argument(help: "The tasks' folders.", completion: .directory)
  var folders: [String]

  @Option(help: ArgumentHelp("Make the same random draws as mteb does with this seed.", valueName: "n"))
  var seed: UInt32 = 42

  @OptionGroup var model: EvaluatedModel
  @OptionGroup var output: EvaluationOutput

  /// - Parameter samplesPerLabel: how many texts of each class train a classifier; nil for what the task says.
  func run<Task: ProtocolTask>(_: Task.Type, samplesPerLabel: Int? = nil) async throws {
    let tasks = try folders.map { path in
      var folder = try TaskFolder(URL(fileURLWithPath: path, isDirectory: true))
      if let samplesPerLabel { folder.setSamplesPerLabel(samplesPerLabel) }
      return try Task(folder)
    }
    let source = try await model.source(normalize: false)
    let results = try tasks.map { task in
      let bar = ProgressBar(task.name)
      defer { bar.finish() }
      return try task.run(source, seed: seed, progress: bar.handler)
    }
    try (source as? FileVectors)?.checkAllUsed()
    try output.print(EvaluationReport(model: source.name, tasks: results))
  }
}

extension EvalCommand {
  struct Classification: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "classification",
      abstract: "Measure how well classes are told from a few examples of each.",
      discussion: """
        Each folder holds train.jsonl and test.jsonl, whose lines have "text" and "label". --vectors takes two files for \
        each: of all of train and of test.

          minke eval classification banking77
        """)

    @OptionGroup var arguments: ProtocolArguments

    @Option(help: ArgumentHelp("Train on so many texts of each class; 8 where the task says nothing.", valueName: "n"))
    var samplesPerLabel: Int?

    func validate() throws {
      if let samplesPerLabel, samplesPerLabel < 1 {
        throw ValidationError("--samples-per-label is 1 or more.")
      }
    }

    func run() async throws { try await arguments.run(ClassificationTask.self, samplesPerLabel: samplesPerLabel) }
  }

  struct Clustering: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "clustering",
      abstract: "Measure how well k-means on the vectors finds classes.",
      discussion: """
        Each folder holds a .jsonl file: lines with "text" and "label", or sets, with lists "sentences" and "labels". \
        --vectors takes a file for each folder: of all its texts.

          minke eval clustering twenty-newsgroups
        """)

    @OptionGroup var arguments: ProtocolArguments

    func run() async throws { try await arguments.run(ClusteringTask.self) }
  }

  struct Pairs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pairs",
      abstract: "Measure how well similarity tells pairs that belong together from others.",
      discussion: """
        Each folder holds a .jsonl file, whose lines have "sentence1", "sentence2" and "label", 0 or 1. --vectors takes \
        two files for each: of the first texts and of the second ones.

          minke eval pairs twitter-urls
        """)

    @OptionGroup var arguments: ProtocolArguments

    func run() async throws { try await arguments.run(PairClassificationTask.self) }
  }

  struct Reranking: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reranking",
      abstract: "Measure how well similarity puts candidates for a query in order.",
      discussion: """
        Each folder holds a .jsonl file, whose lines have "query", and the lists "positive" and "negative". --vectors \
        takes two files for each: of the queries, and of the candidates, of each line the positive ones first.

          minke eval reranking ask-ubuntu
        """)

    @OptionGroup var arguments: ProtocolArguments

    func run() async throws { try await arguments.run(RerankingTask.self) }
  }

  struct Summarization: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "summarization",
      abstract: "Measure whether good summaries are close to those that people wrote.",
      discussion: """
        Each folder holds a .jsonl file, whose lines have the lists "human_summaries", "machine_summaries" and \
        "relevance". --vectors takes two files for each: of all human and of all machine summaries.

          minke eval summarization summeval
        """)

    @OptionGroup var arguments: ProtocolArguments

    func run() async throws { try await arguments.run(SummarizationTask.self) }
  }
}
