import Foundation
import MinkeCore

/// What a model reached on a suite: each task's main figure, the mean of each category, and of all.
public struct SuiteReport: Sendable {
  /// The suite's name.
  public let suite: String
  /// The results of the tasks whose data is there.
  public let report: EvaluationReport
  /// The category of each task of the report.
  public let categories: [String]
  /// The names of tasks whose data is not there.
  public let missing: [String]

  /// A report of a suite; `categories` has one a task of `report`.
  public init(suite: String, report: EvaluationReport, categories: [String], missing: [String]) {
    precondition(report.tasks.count == categories.count)
    (self.suite, self.report, self.categories, self.missing) = (suite, report, categories, missing)
  }

  /// The mean main figure of each category, in the order of the suite.
  public var categoryMeans: [(category: String, mean: Double, count: Int)] {
    var order: [String] = []
    for category in categories where !order.contains(category) { order.append(category) }
    return order.map { category in
      let values = zip(report.tasks, categories).filter { $1 == category }.map(\.0.main)
      return (category, Self.mean(values), values.count)
    }
  }

  /// The mean over tasks, and over the means of categories.
  public var means: (tasks: Double, categories: Double) {
    (Self.mean(report.tasks.map(\.main)), Self.mean(categoryMeans.map(\.mean)))
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// The report as JSON: that of the tasks, with `suite`, `categories`, `mean_of_tasks`, `mean_of_categories` and `missing`.
  public var json: JSONValue {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    var members = report.json.object ?? [:]
    members["suite"] = .string(suite)
    members["categories"] = .object(
      Dictionary(categoryMeans.map { ($0.category, number($0.mean)) }, uniquingKeysWith: { $1 }))
    members["mean_of_tasks"] = number(means.tasks)
    members["mean_of_categories"] = number(means.categories)
    members["missing"] = .array(missing.map { .string($0) })
    return .object(members)
  }

  /// A table of tasks, categories and means.
  public func text(_ form: ResultTable.Form) -> String {
    var rows = [["task", "category", "figure", "value"]]
    for (task, category) in zip(report.tasks, categories) {
      rows.append([task.name, category, task.mainMetric, Self.shown(task.main)])
    }
    for (category, mean, count) in categoryMeans where count > 1 {
      rows.append(["mean of \(count)", category, "", Self.shown(mean)])
    }
    if report.tasks.count > 1 {
      rows.append(["mean of \(report.tasks.count) tasks", "", "", Self.shown(means.tasks)])
      rows.append(["mean of \(categoryMeans.count) categories", "", "", Self.shown(means.categories)])
    }
    return ResultTable(cells: rows, leading: 3).text(form)
  }

  private static func shown(_ value: Double) -> String { value.isFinite ? String(format: "%.2f", 100 * value) : "-" }
}

/// The part of a model's card that holds its figures, between two marks, so that they can be written anew.
public enum ModelCard {
  private static let begin = "<!-- minke eval: begin -->"
  private static let end = "<!-- minke eval: end -->"

  /// `card` with `section` between the marks, which are put at the end where there are none.
  ///
  /// - Throws: `MinkeError` when only one of the marks is there.
  public static func writing(_ section: String, into card: String, subject: String) throws -> String {
    let whole = "\(begin)\n\(section)\(end)"
    switch (card.range(of: begin), card.range(of: end)) {
    case (let first?, let last?) where first.upperBound <= last.lowerBound:
      return card.replacingCharacters(in: first.lowerBound..<last.upperBound, with: whole)
    case (nil, nil): return card + (card.hasSuffix("\n") || card.isEmpty ? "" : "\n") + "\n" + whole + "\n"
    default:
      throw MinkeError(
        .malformedFile, subject, expected: "\(begin) and behind it \(end)", found: "one without the other")
    }
  }
}
