import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

extension EvalCommand {
  struct Language: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "lm",
      abstract: "Measure a language model: multiple choice, minimal pairs, byte perplexity.",
      discussion: """
        The kind of a file is seen from its form. A .jsonl file holds an item a line: \
        {"context": ..., "choices": [...], "gold": 2} or {"contexts": [...], "continuation": ..., "gold": 0} for \
        multiple choice, {"sentence_good": ..., "sentence_bad": ...} for minimal pairs. Any other file is a text, \
        whose perplexity is measured. In a folder all .jsonl and .txt files count, and its minimal pairs also as one task, \
        by their mean.

        acc and acc_norm are those of lm-evaluation-harness: the answer of the highest log-likelihood, and of the \
        highest for each byte.

        --log-likelihoods judges what another program's model says: a file for each task, a number a line, of each choice \
        of each item, or of the good and the bad sentence.

          minke eval lm arc_easy.jsonl blimp --model byrne-86m
          minke eval lm arc_easy.jsonl --log-likelihoods scores.txt
          minke eval arithmetic --count 500 --output sums.jsonl && minke eval lm sums.jsonl --model byrne-86m
        """)

    @Argument(help: "Files and folders of tasks.", completion: .file())
    var paths: [String]

    @Option(
      name: [.customShort("m"), .customLong("model")],
      help: "The path of a language model's folder, or ORG/NAME[@REVISION] of a fetched one.",
      completion: .directory)
    var model: String?

    @OptionGroup var source: PullOption

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Log-likelihoods made elsewhere instead of a model's: a file for each task.", valueName: "file"),
      completion: .file())
    var logLikelihoods: [String] = []

    @Option(help: "Take only the first items of each file; a text is read to its end.")
    var limit: Int?

    @OptionGroup var output: EvaluationOutput

    func validate() throws {
      if paths.isEmpty { throw ValidationError("Give a file or folder of tasks.") }
      if let limit, limit < 1 { throw ValidationError("--limit is 1 or more.") }
      if (model == nil) == logLikelihoods.isEmpty { throw ValidationError("Give --model or --log-likelihoods.") }
      if !logLikelihoods.isEmpty, limit != nil { throw ValidationError("--limit goes with --model.") }
    }

    func run() async throws {
      // Files before the model: a mistake in one is said at once.
      let tasks = try paths.flatMap { try LanguageTaskFiles.tasks(at: URL(fileURLWithPath: $0)) }
      guard let model else { return try output.print(judged(tasks)) }
      try await source.fetchMissing(model)
      let (language, limit) = (try LanguageModelOption.load(model), limit)
      var results: [TaskResult] = []
      for task in tasks {
        let progress = ProgressBar(task.name)
        results += try await Workers.run { try task.evaluate(language, limit: limit, progress: progress.handler) }
        progress.finish()
      }
      try output.print(EvaluationReport(model: language.identity.name, tasks: results))
    }

    private func judged(_ tasks: [any LanguageTask]) throws -> EvaluationReport {
      guard tasks.count == logLikelihoods.count else {
        throw MinkeError(
          .invalidArgument, "--log-likelihoods", expected: "a file for each of \(tasks.count) tasks",
          found: "\(logLikelihoods.count)")
      }
      let results = try zip(tasks, logLikelihoods).map {
        try $0.result(logLikelihoods: LogLikelihoodFile.read(URL(fileURLWithPath: $1)))
      }
      let names = logLikelihoods.map { URL(fileURLWithPath: $0).lastPathComponent }
      return EvaluationReport(model: names.joined(separator: ", "), tasks: results)
    }
  }
}
