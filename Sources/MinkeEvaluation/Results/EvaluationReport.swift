import MinkeCore

/// What a model, or vectors made elsewhere, reached on some tasks.
public struct EvaluationReport: Sendable, Equatable {
  /// What was judged: a model's name, or the files of vectors.
  public var model: String
  /// What it reached, in the order in which the tasks were run.
  public var tasks: [TaskResult]

  /// A report of what `model` reached.
  public init(model: String, tasks: [TaskResult]) { (self.model, self.tasks) = (model, tasks) }

  /// The report as JSON: `{"model": ..., "tasks": [{"name": ..., "metrics": {"ndcg@10": ...}, ...}, ...]}`.
  public var json: JSONValue {
    var members: [String: JSONValue] = ["model": .string(model), "tasks": .array(tasks.map(\.json))]
    if !means.isEmpty { members["means"] = .array(means.map(\.json)) }
    return .object(members)
  }

  /// The means over tasks of one kind that were measured with the same settings, where there are several; none over
  /// those of language models, whose metrics are not of one sort.
  public var means: [TaskResult] {
    var groups: [[TaskResult]] = []
    for task in tasks where task.kind != .languageModel {
      if let index = groups.firstIndex(where: { $0[0].kind == task.kind && $0[0].settings == task.settings }) {
        groups[index].append(task)
      } else {
        groups.append([task])
      }
    }
    return groups.filter { $0.count > 1 }.map { tasks in
      // What not all of them have has no mean.
      let shared = tasks[0].metrics.map(\.name).filter { name in tasks.allSatisfy { $0[name] != nil } }
      return TaskResult(
        name: "mean of \(tasks.count)", kind: tasks[0].kind, settings: tasks[0].settings,
        metrics: shared.map { name in
          TaskResult.Metric(name, tasks.reduce(0) { $0 + ($1[name] ?? .nan) } / Double(tasks.count))
        }, mainMetric: tasks[0].mainMetric)
    }
  }
}

extension TaskResult {
  /// The result as a JSON object. A figure that is not a number is null.
  public var json: JSONValue {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    var members: [String: JSONValue] = [
      "name": .string(name), "kind": .string(kind.rawValue), "main": .string(mainMetric),
      "metrics": .object(Dictionary(metrics.map { ($0.name, number($0.value)) }, uniquingKeysWith: { $1 })),
    ]
    if !settings.isEmpty { members["settings"] = .object(settings.mapValues { .string($0) }) }
    if !items.isEmpty {
      members["items"] = .array(
        items.map { item in
          var members: [String: JSONValue] = ["id": .string(item.id), "value": number(item.value)]
          if let text = item.text { members["text"] = .string(text) }
          return .object(members)
        })
    }
    if !warnings.isEmpty { members["warnings"] = .array(warnings.map { .string($0) }) }
    return .object(members)
  }
}
