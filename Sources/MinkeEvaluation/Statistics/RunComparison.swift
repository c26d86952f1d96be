import MinkeCore

/// Two runs side by side: what each reached on the tasks that both have, and how sure the difference is.
///
/// Tasks are one where name and settings are, items where their ids are. Where only the sizes of the vectors tell two
/// tasks apart, and no other of either run has their name and other settings, they are one too: two models at their own
/// full sizes.
public struct RunComparison: Sendable {
  /// An item's value in both runs.
  public struct Item: Sendable, Equatable {
    /// The id that both runs give it.
    public let id: String
    /// Its value in each run.
    public let first, second: Double
    /// What it asks; nil where neither run says.
    public var text: String?
  }

  /// A task that both runs have.
  public struct Task: Sendable {
    /// What the task is called.
    public let name: String
    /// What its figures depend on beside the model; what is not the same in both runs stands as `512 / 384`.
    public let settings: [String: String]
    /// The main metric, which is compared.
    public let metric: String
    /// What each run reached: over the items that both have where there are items, else on the whole task.
    public let first, second: Double
    /// The second's value less the first's.
    public let difference: Double
    /// What the items say; nil where fewer than two are in both runs.
    public let bootstrap: PairedBootstrap?
    /// The items of both runs, in the first's order.
    public let items: [Item]
    /// The ids of items that only one run has a value for.
    public let onlyInFirst, onlyInSecond: [String]

    /// The items in which the runs differ most, the largest difference first.
    public func mostDifferent(_ count: Int) -> [Item] {
      let ordered = items.enumerated().sorted { one, other in
        let (a, b) = (abs(one.element.second - one.element.first), abs(other.element.second - other.element.first))
        return a == b ? one.offset < other.offset : a > b
      }
      return ordered.lazy.map(\.element).filter { $0.first != $0.second }.prefix(max(0, count)).map(\.self)
    }
  }

  /// What was judged in each run.
  public let first, second: String
  /// The tasks of both runs, in the first's order.
  public let tasks: [Task]
  /// The tasks that only one run has, by name and settings.
  public let onlyInFirst, onlyInSecond: [String]

  /// Compares two runs.
  ///
  /// - Parameters:
  ///   - resamples: how many a bootstrap draws.
  ///   - seed: what it draws them with.
  /// - Throws: `MinkeError` when the main metrics of a task are not the same; `CancellationError` when the calling task
  ///   is cancelled.
  public init(
    _ first: EvaluationReport, _ second: EvaluationReport, resamples: Int = PairedBootstrap.defaultResamples,
    seed: UInt64 = 0
  ) throws {
    (self.first, self.second) = (first.model, second.model)
    let partners = Self.partners(of: first.tasks, in: second.tasks)
    func label(_ task: TaskResult) -> String { task.identity.joined(separator: " ") }
    tasks = try zip(first.tasks, partners).compactMap { task, partner in
      try partner.map { try Task(task, second.tasks[$0], resamples: resamples, seed: seed) }
    }
    onlyInFirst = zip(first.tasks, partners).filter { $0.1 == nil }.map { label($0.0) }
    let found = Set(partners)
    onlyInSecond = second.tasks.indices.filter { !found.contains($0) }.map { label(second.tasks[$0]) }
  }

  /// Which of `second` is the same task as each of `first`; nil for none.
  private static func partners(of first: [TaskResult], in second: [TaskResult]) -> [Int?] {
    let exact = Dictionary(second.enumerated().map { ($0.element.identity, $0.offset) }) { one, _ in one }
    func alone(_ tasks: [TaskResult]) -> [[String]: Int] {
      Dictionary(grouping: tasks.indices) { tasks[$0].identityWithoutSize }.compactMapValues {
        $0.count == 1 ? $0[0] : nil
      }
    }
    let (own, others) = (alone(first), alone(second))
    return first.map { task in
      exact[task.identity] ?? (own[task.identityWithoutSize] == nil ? nil : others[task.identityWithoutSize])
    }
  }

  /// What the tables and figures leave unsaid: tasks and items that only one run has.
  public var warnings: [String] {
    var warnings: [String] = []
    func say(_ place: String, _ what: String, _ names: [String]) {
      guard !names.isEmpty else { return }
      let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", ..." : "")
      warnings.append("\(names.count) \(names.count == 1 ? what : what + "s") only in \(place): \(shown)")
    }
    say("the first run", "task", onlyInFirst)
    say("the second run", "task", onlyInSecond)
    for task in tasks {
      say("the first run of \(task.name)", "item", task.onlyInFirst)
      say("the second run of \(task.name)", "item", task.onlyInSecond)
    }
    return warnings
  }
}

extension RunComparison.Task {
  fileprivate init(_ first: TaskResult, _ second: TaskResult, resamples: Int, seed: UInt64) throws {
    guard first.mainMetric == second.mainMetric else {
      throw MinkeError(
        .invalidArgument, first.name, expected: "the main metric \(first.mainMetric) in both runs",
        found: second.mainMetric)
    }
    func values(_ task: TaskResult) -> [String: TaskResult.Item] {
      Dictionary(task.items.lazy.filter(\.value.isFinite).map { ($0.id, $0) }) { one, _ in one }
    }
    let (own, others) = (values(first), values(second))
    (name, metric) = (first.name, first.mainMetric)
    settings = first.settings.merging(second.settings) { $0 == $1 ? $0 : "\($0) / \($1)" }
    items = first.items.compactMap { item in
      own[item.id].flatMap { item in
        others[item.id].map {
          RunComparison.Item(id: item.id, first: item.value, second: $0.value, text: item.text ?? $0.text)
        }
      }
    }
    onlyInFirst = first.items.map(\.id).filter { others[$0] == nil }
    onlyInSecond = second.items.map(\.id).filter { own[$0] == nil }
    self.first = items.isEmpty ? first.main : Summary(items.map(\.first)).mean
    self.second = items.isEmpty ? second.main : Summary(items.map(\.second)).mean
    difference = self.second - self.first
    bootstrap =
      items.count < 2
      ? nil : try PairedBootstrap(items.map(\.first), items.map(\.second), resamples: resamples, seed: seed)
  }
}
