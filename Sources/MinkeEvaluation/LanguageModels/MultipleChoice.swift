import MinkeCore
import MinkeModels

/// Questions with several answers, of which the model should find the right one the likeliest.
///
/// `acc` takes the answer with the highest log-likelihood, `acc_norm` the one with the highest for each of its bytes,
/// without the one space that parts it from its context. The first of several equals counts. Where only the contexts
/// differ, as in WinoGrande, there is only `acc`. The standard errors are those of a mean over a sample, the sample's
/// standard deviation over the root of its size.
public struct MultipleChoice: LanguageTask {
  /// One question.
  public struct Item: Sendable, Equatable {
    /// What tells the item from the others of its task.
    public let id: String
    /// What stands before each choice.
    public let contexts: [String]
    /// What is judged after each context.
    public let continuations: [String]
    /// The number of the right choice.
    public let gold: Int

    /// A question with several answers.
    ///
    /// - Throws: `MinkeError` when there are fewer than two choices, an empty one, or `gold` is not one of them.
    public init(id: String, context: String, choices: [String], gold: Int) throws(MinkeError) {
      try self.init(id: id, Array(repeating: context, count: choices.count), choices, gold)
    }

    /// A text that goes on after the right one of several beginnings.
    ///
    /// - Throws: `MinkeError` when there are fewer than two contexts, nothing goes on, or `gold` is not one of them.
    public init(id: String, contexts: [String], continuation: String, gold: Int) throws(MinkeError) {
      try self.init(id: id, contexts, Array(repeating: continuation, count: contexts.count), gold)
    }

    private init(id: String, _ contexts: [String], _ continuations: [String], _ gold: Int) throws(MinkeError) {
      guard continuations.count >= 2 else {
        throw MinkeError(.malformedFile, "item \(id)", expected: "two choices or more", found: "\(continuations.count)")
      }
      guard continuations.indices.contains(gold) else {
        throw MinkeError(
          .malformedFile, "item \(id)", expected: "a gold from 0 to \(continuations.count - 1)", found: "\(gold)")
      }
      if let empty = continuations.firstIndex(of: "") {
        throw MinkeError(.malformedFile, "item \(id)", expected: "text in each choice", found: "none in \(empty)")
      }
      (self.id, self.contexts, self.continuations, self.gold) = (id, contexts, continuations, gold)
    }

    /// Bytes of each choice, without the space that parts it from its context.
    var lengths: [Int] {
      continuations.map { $0.utf8.count > 1 && $0.utf8.first == UInt8(ascii: " ") ? $0.utf8.count - 1 : $0.utf8.count }
    }

    var pairs: [(context: String, continuation: String)] {
      zip(contexts, continuations).map { (context: $0, continuation: $1) }
    }

    /// Whether the choices are one text after several contexts.
    var hasOneContinuation: Bool { Set(continuations).count == 1 }
  }

  public let name: String
  /// The questions.
  public let items: [Item]

  /// A task called `name`.
  public init(name: String, items: [Item]) { (self.name, self.items) = (name, items) }

  public func evaluate(
    _ model: LanguageModel, limit: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> [TaskResult] {
    let task = MultipleChoice(name: name, items: Array(items.prefix(limit ?? items.count)))
    let scored = try ScoredContinuations(of: task.items.flatMap(\.pairs), by: model, task: name, progress: progress)
    var result = try task.result(logLikelihoods: scored.logLikelihoods)
    result.warnings = scored.warnings
    return [result]
  }

  /// What the log-likelihoods of all choices, one item after the other, come to.
  ///
  /// - Throws: `MinkeError` when one is NaN or there are not as many as choices.
  public func result(logLikelihoods: [Double]) throws(MinkeError) -> TaskResult {
    let count = items.reduce(0) { $0 + $1.continuations.count }
    guard logLikelihoods.count == count else {
      throw MinkeError(.shapeMismatch, name, expected: "\(count) log-likelihoods", found: "\(logLikelihoods.count)")
    }
    var next = 0
    var (sums, perByte): ([Double], [Double]) = ([], [])
    for item in items {
      let values = Array(logLikelihoods[next..<next + item.continuations.count])
      next += values.count
      guard !values.contains(where: \.isNaN) else {
        throw MinkeError(.notFinite, "\(name): item \(item.id)", expected: "log-likelihoods", found: "NaN")
      }
      sums.append(Self.firstOfHighest(values) == item.gold ? 1 : 0)
      let normalized = zip(values, item.lengths).map { $0 / Double($1) }
      perByte.append(Self.firstOfHighest(normalized) == item.gold ? 1 : 0)
    }
    var metrics = TaskResult.accuracy("acc", of: sums)
    if !items.allSatisfy(\.hasOneContinuation) { metrics += TaskResult.accuracy("acc_norm", of: perByte) }
    metrics.append(TaskResult.Metric("item_count", Double(items.count)))
    return TaskResult(
      name: name, kind: .languageModel, metrics: metrics, mainMetric: "acc",
      items: zip(items, sums).map { item, value in
        TaskResult.Item(id: item.id, value: value, text: item.contexts[item.gold] + item.continuations[item.gold])
      })
  }

  private static func firstOfHighest(_ values: [Double]) -> Int {
    var best = 0
    for (index, value) in values.enumerated() where value > values[best] { best = index }
    return best
  }
}
