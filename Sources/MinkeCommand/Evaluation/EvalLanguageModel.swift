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

          minke eval lm arc_easy.jsonl blimp --model byrne-86m
          minke eval arithmetic --count 500 --output sums.jsonl && minke eval lm sums.jsonl --model byrne-86m
        """)

    @Argument(help: "Files and folders of tasks.", completion: .file())
    var paths: [String]

    @OptionGroup var model: LanguageModelOption

    @Option(help: "Take only the first items of each file; a text is read to its end.")
    var limit: Int?

    @OptionGroup var output: EvaluationOutput

    func validate() throws {
      if paths.isEmpty { throw ValidationError("Give a file or folder of tasks.") }
      if let limit, limit < 1 { throw ValidationError("--limit is 1 or more.") }
    }

    func run() async throws {
      // Files before the model: a mistake in one is said at once.
      let tasks = try paths.flatMap { try LanguageTaskFiles.tasks(at: URL(fileURLWithPath: $0)) }
      let (language, limit) = (try model.load(), limit)
      var results: [TaskResult] = []
      for task in tasks {
        let progress = ProgressBar(task.name)
        results += try await Workers.run { try task.evaluate(language, limit: limit, progress: progress.handler) }
        progress.finish()
      }
      try output.print(EvaluationReport(model: language.identity.name, tasks: results))
    }
  }
}
