import Foundation
import MinkeCore

/// What several runs of a model come to, such as those of different seeds: the mean and the scatter of each metric.
///
/// Runs are of one model where its name is the same, and tasks are one where name and settings are; a setting called
/// `seed` does not count.
public struct RunMeans: Sendable {
  /// A metric over the runs.
  public struct Metric: Sendable, Equatable {
    /// What the metric is called.
    public let name: String
    /// Its mean and scatter.
    public let summary: Summary
  }

  /// A task over the runs.
  public struct Task: Sendable, Equatable {
    /// Whose runs they are.
    public let model: String
    /// What the task is called.
    public let name: String
    /// What its figures depend on beside the model and the seed.
    public let settings: [String: String]
    /// How many results there are.
    public let count: Int
    /// Every metric that a result has.
    public let metrics: [Metric]
  }

  /// Each model's tasks, both in the order in which they first come.
  public let tasks: [Task]
  /// Tasks that not all runs of a model have.
  public let warnings: [String]

  /// Takes the runs together.
  public init(_ runs: [EvaluationReport]) {
    var order: [[String]] = []
    var groups: [[String]: [TaskResult]] = [:]
    var runCounts: [String: Int] = [:]
    for run in runs {
      runCounts[run.model, default: 0] += 1
      for var task in run.tasks {
        task.settings["seed"] = nil
        let key = [run.model] + task.identity
        if groups[key] == nil { order.append(key) }
        groups[key, default: []].append(task)
      }
    }
    var tasks: [Task] = []
    var warnings: [String] = []
    // A model's tasks stay together, also those that only a later run has.
    var models: [String] = []
    for key in order where !models.contains(key[0]) { models.append(key[0]) }
    for model in models {
      for key in order where key[0] == model {
        let results = groups[key] ?? []
        guard let first = results.first else { continue }
        var names: [String] = []
        for metric in results.flatMap(\.metrics) where !names.contains(metric.name) { names.append(metric.name) }
        tasks.append(
          Task(
            model: model, name: first.name, settings: first.settings, count: results.count,
            metrics: names.map { name in Metric(name: name, summary: Summary(results.compactMap { $0[name] })) }))
        let expected = runCounts[model] ?? 0
        if results.count < expected {
          warnings.append(
            "\(model): \(key.dropFirst().joined(separator: " ")) is in \(results.count) of \(expected) runs")
        }
      }
    }
    (self.tasks, self.warnings) = (tasks, warnings)
  }

  /// The means as a JSON object.
  public var json: JSONValue {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    let tasks = tasks.map { task -> JSONValue in
      let metrics = task.metrics.map { metric -> (String, JSONValue) in
        let summary = metric.summary
        return (
          metric.name,
          [
            "mean": number(summary.mean), "standard_deviation": number(summary.standardDeviation),
            "standard_error": number(summary.standardError), "runs": .integer(summary.count),
          ]
        )
      }
      return [
        "model": .string(task.model), "name": .string(task.name), "runs": .integer(task.count),
        "settings": .object(task.settings.mapValues { .string($0) }),
        "metrics": .object(Dictionary(metrics) { one, _ in one }),
      ]
    }
    return ["tasks": .array(tasks)]
  }

  /// The means as a table: a row a task, each metric as mean ± standard deviation.
  public var table: ResultTable {
    let settings = Set(tasks.flatMap(\.settings.keys)).sorted()
    var names: [String] = []
    for metric in tasks.flatMap(\.metrics) where !names.contains(metric.name) { names.append(metric.name) }
    let rows = tasks.map { task in
      [task.model, task.name] + settings.map { task.settings[$0] ?? "" } + [String(task.count)]
        + names.map { name in
          guard let summary = task.metrics.first(where: { $0.name == name })?.summary else { return "" }
          let mean = ResultTable.shown(summary.mean, name)
          return summary.count < 2 ? mean : "\(mean) ± \(ResultTable.shown(summary.standardDeviation, name))"
        }
    }
    return ResultTable(
      cells: [["model", "task"] + settings + ["runs"] + names] + rows, leading: 2 + settings.count)
  }
}
