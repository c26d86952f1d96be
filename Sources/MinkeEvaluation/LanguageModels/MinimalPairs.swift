import MinkeCore
import MinkeModels

/// Sentences that differ in one point of grammar, as in BLiMP, of which the model should find the right one likelier.
public struct MinimalPairs: LanguageTask {
  /// A sentence and its ungrammatical twin.
  public struct Pair: Sendable, Equatable {
    /// What tells the pair from the others of its task.
    public var id: String
    /// The sentence as it should be.
    public var good: String
    /// The sentence as it should not be.
    public var bad: String

    /// A pair called `id`.
    public init(id: String, good: String, bad: String) { (self.id, self.good, self.bad) = (id, good, bad) }
  }

  public let name: String
  /// The pairs.
  public let pairs: [Pair]

  /// A task called `name`.
  public init(name: String, pairs: [Pair]) { (self.name, self.pairs) = (name, pairs) }

  /// Compares the log-likelihoods of whole sentences, each after the start token.
  public func evaluate(
    _ model: LanguageModel, limit: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> [TaskResult] {
    let task = MinimalPairs(name: name, pairs: Array(pairs.prefix(limit ?? pairs.count)))
    let sentences = task.pairs.flatMap { [(context: "", continuation: $0.good), (context: "", continuation: $0.bad)] }
    let scored = try ScoredContinuations(of: sentences, by: model, task: name, progress: progress)
    var result = try task.result(logLikelihoods: scored.logLikelihoods)
    result.warnings = scored.warnings
    return [result]
  }

  /// What the log-likelihoods of the sentences, a good one and its bad one by turns, come to.
  ///
  /// - Throws: `MinkeError` when one is NaN or there are not two for each pair.
  public func result(logLikelihoods: [Double]) throws(MinkeError) -> TaskResult {
    guard logLikelihoods.count == 2 * pairs.count else {
      throw MinkeError(
        .shapeMismatch, name, expected: "\(2 * pairs.count) log-likelihoods", found: "\(logLikelihoods.count)")
    }
    var values: [Double] = []
    for (index, pair) in pairs.enumerated() {
      let (good, bad) = (logLikelihoods[2 * index], logLikelihoods[2 * index + 1])
      guard !good.isNaN, !bad.isNaN else {
        throw MinkeError(.notFinite, "\(name): item \(pair.id)", expected: "log-likelihoods", found: "NaN")
      }
      // Of two equals the first counts, as in lm-evaluation-harness.
      values.append(good >= bad ? 1 : 0)
    }
    return TaskResult(
      name: name, kind: .languageModel,
      metrics: TaskResult.accuracy("acc", of: values) + [TaskResult.Metric("item_count", Double(pairs.count))],
      mainMetric: "acc", items: zip(pairs, values).map { TaskResult.Item(id: $0.id, value: $1, text: $0.good) })
  }
}

/// Minimal pairs of several paradigms, whose accuracies are averaged with equal weights.
public struct Paradigms: LanguageTask {
  public let name: String
  /// The pairs of each paradigm.
  public let paradigms: [MinimalPairs]

  /// A task called `name`.
  public init(name: String, paradigms: [MinimalPairs]) { (self.name, self.paradigms) = (name, paradigms) }

  /// The result of each paradigm, and last their mean.
  public func evaluate(
    _ model: LanguageModel, limit: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> [TaskResult] {
    let counts = paradigms.map { 2 * min($0.pairs.count, limit ?? .max) }
    let total = counts.reduce(0, +)
    var done = 0
    var results: [TaskResult] = []
    for (paradigm, count) in zip(paradigms, counts) {
      let before = done
      results += try paradigm.evaluate(model, limit: limit) { completed, _ in progress?(before + completed, total) }
      done += count
    }
    return results + [Self.mean(of: results, name: name)]
  }

  /// The mean accuracy of paradigms, and its standard error as lm-evaluation-harness gives it: the root of the sum of
  /// their squared standard errors, over their number.
  package static func mean(of results: [TaskResult], name: String) -> TaskResult {
    let squares = results.reduce(0) { $0 + ($1["acc_stderr"] ?? .nan) * ($1["acc_stderr"] ?? .nan) }
    return TaskResult(
      name: name, kind: .languageModel,
      metrics: [
        TaskResult.Metric("acc", Summary(results.map(\.main)).mean),
        TaskResult.Metric("acc_stderr", squares.squareRoot() / Double(results.count)),
        TaskResult.Metric("item_count", Double(results.reduce(0) { $0 + $1.items.count })),
      ],
      mainMetric: "acc", items: results.map { TaskResult.Item(id: $0.name, value: $0.main) })
  }
}
