import Foundation

/// The figures of a report as a table for people: a row a task, a column a metric.
public struct ResultTable {
  public enum Form: Sendable { case plain, markdown }

  private let header: [String]
  private let rows: [[String]]

  /// Fractions are shown times 100, as the field prints them; perplexities as they are.
  public init(_ report: EvaluationReport) {
    var names: [String] = []
    for task in report.tasks {
      for metric in task.metrics where !names.contains(metric.name) { names.append(metric.name) }
    }
    var settings: [String] = []
    for task in report.tasks {
      for name in task.settings.keys.sorted() where !settings.contains(name) { settings.append(name) }
    }
    header = ["task"] + settings + names
    rows = report.tasks.map { task in
      [task.name] + settings.map { task.settings[$0] ?? "" }
        + names.map { name in task[name].map { Self.shown($0, name) } ?? "" }
    }
  }

  /// A table of any cells, each row as long as the header.
  init(header: [String], rows: [[String]]) { (self.header, self.rows) = (header, rows) }

  /// What a figure of this name is multiplied with where it is shown: fractions with 100.
  static func scale(_ name: String) -> Double {
    name.contains("perplexity") || name.contains("count") || name.contains("bits") ? 1 : 100
  }

  /// A figure of the metric `name` as it is shown.
  static func shown(_ value: Double, _ name: String) -> String {
    value.isFinite ? String(format: name.contains("count") ? "%.0f" : "%.2f", scale(name) * value) : "-"
  }

  public func text(_ form: Form) -> String {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      let padded = zip(cells, widths).enumerated().map { index, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 ? cell.0 + space : space + cell.0
      }
      switch form {
      case .plain: return padded.joined(separator: "  ") + "\n"
      case .markdown: return "| " + padded.joined(separator: " | ") + " |\n"
      }
    }
    let rule = form == .markdown ? "|" + header.map { _ in "---|" }.joined() + "\n" : ""
    return line(header) + rule + rows.map(line).joined()
  }
}
