import MinkeCore

/// What a model, or vectors made elsewhere, reached on some tasks.
public struct EvaluationReport: Sendable, Equatable {
  /// What was judged: a model's name, or the files of vectors.
  public var model: String
  public var tasks: [TaskResult]

  public init(model: String, tasks: [TaskResult]) { (self.model, self.tasks) = (model, tasks) }

  /// The report as JSON: `{"model": ..., "tasks": [{"name": ..., "metrics": {"ndcg@10": ...}, ...}, ...]}`.
  public var json: JSONValue {
    [
      "model": .string(model),
      "tasks": .array(tasks.map(\.json)),
    ]
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
    if !items.isEmpty { members["items"] = .array(items.map { ["id": .string($0.id), "value": number($0.value)] }) }
    if !warnings.isEmpty { members["warnings"] = .array(warnings.map { .string($0) }) }
    return .object(members)
  }
}
