import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

extension EvalCommand {
  struct Retrieval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retrieval",
      abstract: "Measure how well documents are found for queries.",
      discussion: """
        Each folder has the layout of BEIR: corpus.jsonl, queries.jsonl, qrels/*.tsv. The figures are those of \
        sentence-transformers' InformationRetrievalEvaluator. --dimension, --storage and --mode take several values, \
        divided by commas, and each combination is measured in the same run.

          minke eval retrieval scifact --mode meaning,words,both
          minke eval retrieval scifact --dimension all --storage float32,int8,binary,two-stage
          minke eval retrieval scifact --vectors queries.npy corpus.npy
        """)

    @Argument(help: "The folders.", completion: .directory)
    var folders: [String]

    @OptionGroup var model: ModelOption

    @Option(help: "float32, or int8 or 4bit for the layers of a BERT or Byrne-Embed model.")
    var precision: Precision?

    @Flag(help: "Keep one bit of each number, its sign, and compare by Hamming distance.")
    var binarize = false

    @Option(
      help: ArgumentHelp(
        "How many leading numbers of each vector to keep: one or more, or all the model allows.", valueName: "d,..."))
    var dimension: String?

    @Option(help: ArgumentHelp("float32, int8, binary or two-stage.", valueName: "s,..."))
    var storage = "float32"

    @Option(help: ArgumentHelp("meaning, words or both.", valueName: "m,..."))
    var mode = "meaning"

    @Option(help: ArgumentHelp("Which file of qrels; test without it, or the only one.", valueName: "name"))
    var split: String?

    @Option(name: .customLong("at"), help: ArgumentHelp("The places to cut rankings after.", valueName: "k,..."))
    var cutoffs: String?

    @Option(
      help: ArgumentHelp(
        "The figure that stands for the task in means and in eval compare, such as recall@10; ndcg without it.",
        valueName: "name"))
    var main: String?

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Vectors made elsewhere: for each folder, of the queries that are judged and of the documents.",
        valueName: "npy"))
    var vectors: [String] = []

    @Option(help: ArgumentHelp("Judge this TREC run instead of a model.", valueName: "file"), completion: .file())
    var run: String?

    @Option(help: ArgumentHelp("Write what was found as a TREC run.", valueName: "file"), completion: .file())
    var writeRun: String?

    @Option(help: ArgumentHelp("Show the queries that are answered worst.", valueName: "n"))
    var errors = 0

    @Option(
      help: ArgumentHelp(
        "With --errors, a TREC run to show beside: the queries come first that it answers better.", valueName: "file"),
      completion: .file())
    var beside: String?

    @OptionGroup var output: EvaluationOutput

    func validate() throws {
      if folders.isEmpty { throw ValidationError("Name a folder.") }
      if run != nil || writeRun != nil, folders.count > 1 {
        throw ValidationError("--run and --write-run go with one folder.")
      }
      if run != nil, !vectors.isEmpty || writeRun != nil {
        throw ValidationError("--run goes with neither --vectors nor --write-run.")
      }
      if beside != nil, errors == 0 || folders.count > 1 {
        throw ValidationError("--beside goes with --errors and one folder.")
      }
      if errors < 0 { throw ValidationError("--errors takes 0 or more.") }
      if !vectors.isEmpty, model.name != ModelLibrary.defaultName || precision != nil || binarize {
        throw ValidationError(EvaluatedModel.vectorsGoAlone)
      }
      _ = try evaluation(nil)
    }

    func run() async throws {
      var tasks: [TaskResult] = []
      var failures: [Failure] = []
      if try needsModel { try await model.fetchMissing() }
      let encoder = try needsModel ? await ModelLibrary.textEncoder(model.name, precision: precision) : nil
      let binarized = try encoder.map { binarize ? try BinarizedEncoder($0) : $0 }
      let files = vectors.isEmpty ? nil : FileVectors(vectors.map { URL(fileURLWithPath: $0) })
      let source: (any TextVectors)? = files ?? binarized.map { EncodedVectors($0) }
      let evaluation = try evaluation(binarized)
      for folder in folders {
        let dataset = try RetrievalDataset(contentsOf: URL(fileURLWithPath: folder), split: split)
        let bar = ProgressBar(dataset.name, unit: .bytes)
        let outcomes: [RetrievalEvaluation.Outcome]
        if let run {
          let ranked = try RankedRun(contentsOf: URL(fileURLWithPath: run))
          var result = evaluation.result(of: ranked, dataset)
          result.warnings += ranked.warnings(for: dataset)
          outcomes = [.init(result: result, run: ranked)]
        } else {
          outcomes = try evaluation.run(dataset, source, progress: bar.handler)
        }
        bar.finish()
        tasks += outcomes.map(\.result)
        if errors > 0 {
          let other = try beside.map { file in
            let run = try RankedRun(contentsOf: URL(fileURLWithPath: file))
            return RetrievalEvaluation.Outcome(result: evaluation.result(of: run, dataset), run: run)
          }
          for outcome in outcomes {
            failures += try RetrievalFailure.worst(errors, of: outcome, beside: other, dataset).map {
              (outcome.result, $0.failure, $0.other)
            }
          }
        }
        if let writeRun {
          guard outcomes.count == 1 else {
            throw MinkeError(
              .invalidArgument, "--write-run", expected: "one way of searching", found: "\(outcomes.count)")
          }
          var file = try FileWriter(toOption: writeRun)
          try file.write(outcomes[0].run.text(system: source?.name ?? "bm25"))
          try file.finish()
        }
      }
      try files?.checkAllUsed()
      let name = run.map { URL(fileURLWithPath: $0).lastPathComponent } ?? source?.name ?? "BM25"
      try output.print(
        EvaluationReport(model: name, tasks: tasks), adding: failures.isEmpty ? [:] : ["errors": json(failures)])
      if !output.json { try print(failures) }
    }

    private var modes: [SearchMode] {
      get throws {
        try mode.split(separator: ",").map { name in
          guard let mode = SearchMode(rawValue: String(name)) else {
            throw ValidationError("--mode takes meaning, words or both; found \(name).")
          }
          return mode
        }
      }
    }

    private var needsModel: Bool {
      get throws { try run == nil && vectors.isEmpty && modes.contains { $0 != .words } }
    }

    /// What is to be measured; the dimensions that all stands for are those of `encoder`.
    private func evaluation(_ encoder: (any TextEncoder)?) throws -> RetrievalEvaluation {
      var evaluation = RetrievalEvaluation()
      evaluation.modes = try modes
      evaluation.storages = try storage.split(separator: ",").map { name in
        guard let storage = RetrievalEvaluation.Storage(rawValue: String(name)) else {
          throw ValidationError("--storage takes float32, int8, binary or two-stage; found \(name).")
        }
        return storage
      }
      if dimension == "all" {
        evaluation.dimensions = encoder?.dimensions ?? []
      } else if let dimension {
        evaluation.dimensions = try numbers(dimension, of: "--dimension")
        for one in evaluation.dimensions {
          guard let encoder, !encoder.dimensions.contains(one) else { continue }
          throw MinkeError(
            .invalidArgument, "--dimension", expected: encoder.dimensions.map(String.init).joined(separator: ", "),
            found: "\(one)")
        }
      }
      if let cutoffs { evaluation.metrics = RetrievalMetrics(cutoffs: try numbers(cutoffs, of: "--at")) }
      if let main, !evaluation.metrics.names.contains(main) {
        throw ValidationError(
          "--main takes one of \(evaluation.metrics.names.joined(separator: ", ")); found \(main).")
      }
      evaluation.metrics.main = main
      guard !evaluation.modes.isEmpty, !evaluation.storages.isEmpty else {
        throw ValidationError("--mode and --storage take one value or more.")
      }
      return evaluation
    }

    private func numbers(_ text: String, of option: String) throws -> [Int] {
      let numbers = text.split(separator: ",").map { Int($0) }
      guard !numbers.isEmpty, numbers.allSatisfy({ ($0 ?? 0) > 0 && ($0 ?? 0) <= 100_000 }) else {
        throw ValidationError("\(option) takes whole numbers above 0, divided by commas; found \(text).")
      }
      return numbers.compactMap { $0 }
    }

    /// A query that was answered badly in a task, and what another run found for it.
    private typealias Failure = (task: TaskResult, failure: RetrievalFailure, other: RetrievalFailure?)

    private func json(_ failures: [Failure]) -> JSONValue {
      .array(
        failures.map { task, failure, other in
          var members = failure.json.object ?? [:]
          members["task"] = .string(task.name)
          members["settings"] = .object(task.settings.mapValues { .string($0) })
          if let other { members["beside"] = other.json }
          return .object(members)
        })
    }

    private func print(_ failures: [Failure]) throws {
      var writer = FileWriter()
      for (task, failure, other) in failures {
        let mode = task.settings["mode"].map { ", \($0)" } ?? ""
        let value = fixed(100 * failure.value, digits: 1)
        let otherValue = other.map { ", beside \(fixed(100 * $0.value, digits: 1))" } ?? ""
        try writer.write(
          "\n\(Style.printable(failure.query.id)) (\(task.name)\(mode), \(value)\(otherValue)): \(shown(failure.query.text))\n"
        )
        try write(failure.found, "found", to: &writer)
        if let other { try write(other.found, "beside", to: &writer) }
        for (place, document) in failure.wanted.enumerated() {
          let beside = other.map { " (beside: \(rank($0.wanted[place])))" } ?? ""
          try writer.write("  wanted, \(rank(document))\(beside): \(line(document))\n")
        }
      }
      try writer.finish()
    }

    private func write(_ found: [RetrievalFailure.Document], _ name: String, to writer: inout FileWriter) throws {
      for document in found {
        try writer.write("  \(name) \(document.rank ?? 0)\(document.gain > 0 ? ", right" : ""): \(line(document))\n")
      }
    }

    private func rank(_ document: RetrievalFailure.Document) -> String {
      document.rank.map { "found as \($0)" } ?? "not found"
    }

    private func line(_ document: RetrievalFailure.Document) -> String {
      "\(Style.printable(document.id)) \(shown(document.text))"
    }

    private func shown(_ text: String) -> String {
      Style.printable(shortened(text.split(whereSeparator: \.isWhitespace).joined(separator: " "), to: 140))
    }
  }
}
