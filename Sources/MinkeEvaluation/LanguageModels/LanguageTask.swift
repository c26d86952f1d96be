import Foundation
import MinkeCore
import MinkeModels
import MinkeText

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

  /// What log-likelihoods made elsewhere come to: of the choices of one item after the other, or of a good sentence and its
  /// bad one by turns.
  ///
  /// - Throws: `MinkeError` when one is NaN or there are not as many as texts to judge; for a task of another sort.
  func result(logLikelihoods: [Double]) throws -> TaskResult
}

extension LanguageTask {
  public func result(logLikelihoods: [Double]) throws -> TaskResult {
    throw MinkeError(
      .invalidArgument, name, expected: "multiple choice or minimal pairs of one file", found: "another sort of task")
  }
}

/// Numbers that another program wrote, one a line.
public enum LogLikelihoodFile {
  /// The numbers of the file at `url`; empty lines are passed over.
  ///
  /// - Throws: `MinkeError` when it cannot be read, or a line is no number.
  public static func read(_ url: URL) throws -> [Double] {
    var lines = try FileLines(contentsOf: FilePath(url.relativePath))
    var numbers: [Double] = []
    while let line = try lines.next() {
      if line.isBlank { continue }
      let text = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespaces)
      guard let number = Double(text), !number.isNaN else {
        throw MinkeError(.malformedFile, lines.subject, expected: "a number", found: String(text.prefix(40)))
      }
      numbers.append(number)
    }
    return numbers
  }
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
