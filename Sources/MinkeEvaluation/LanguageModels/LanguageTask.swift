import MinkeCore
import MinkeModels

/// A test that a language model takes.
public protocol LanguageTask: Sendable {
  /// What the task is called in reports.
  var name: String { get }

  /// How well `model` does: a result, or one for each part and their mean.
  ///
  /// - Parameter limit: how many items of each file to take, from its beginning; nil for all.
  /// - Throws: `MinkeError` when a continuation is longer than the model's context length, or a likelihood is not a
  ///   number; `CancellationError` when the calling task is cancelled.
  func evaluate(_ model: LanguageModel, limit: Int?, progress: ProgressHandler?) throws -> [TaskResult]
}

/// How likely a model finds the continuations of a task.
struct ScoredContinuations {
  /// The logarithm of each one's probability, in the order of the pairs.
  let logLikelihoods: [Double]
  let warnings: [String]

  /// As lm-evaluation-harness scores: a context that is too long loses its beginning, and the white space at its end
  /// belongs to the continuation, for tokens begin with it.
  init(
    of pairs: [(context: String, continuation: String)], by model: LanguageModel, task: String,
    progress: ProgressHandler?
  ) throws {
    let moved = pairs.map { pair in
      let space = pair.context.reversed().prefix { $0.isWhitespace }.count
      let continuation = String(pair.context.suffix(space)) + pair.continuation
      return (context: String(pair.context.dropLast(space)), continuation: continuation)
    }
    let scores: [ContinuationScore]
    do {
      scores = try model.score(moved, shorteningContexts: true, progress: progress)
    } catch let error as MinkeError {
      throw error.inside(task)
    }
    logLikelihoods = scores.map(\.logLikelihood)
    let shortened = scores.count { $0.tokensLeftOut > 0 }
    warnings =
      shortened == 0
      ? []
      : ["\(shortened) of \(scores.count) contexts lost their beginning: the model sees \(model.contextLength) tokens"]
  }
}

extension TaskResult {
  /// The share of items done right and its standard error, as lm-evaluation-harness names them.
  static func accuracy(_ name: String, of values: [Double]) -> [Metric] {
    let summary = Summary(values)
    return [Metric(name, summary.mean), Metric("\(name)_stderr", summary.standardError)]
  }
}
