import Foundation

/// The figures of a report as a table for people: a row a task and a column a metric, or the other way round where that
/// is narrower.
public struct ResultTable {
  /// In columns for a terminal, or as a table of Markdown.
  public enum Form: Sendable { case plain, markdown }

  private let cells: [[String]]
  /// Columns of words, which begin at their left edge; the others are numbers.
  private let leading: Int

  /// A table of its own, whose first row names the columns.
  init(cells: [[String]], leading: Int) { (self.cells, self.leading) = (cells, leading) }

  /// Fractions are shown times 100, as the field prints them; perplexities as they are.
  public init(_ report: EvaluationReport) {
    let tasks = report.tasks + report.means
    func all(_ names: (TaskResult) -> [String]) -> [String] {
      var found: [String] = []
      for name in tasks.flatMap(names) where !found.contains(name) { found.append(name) }
      return found
    }
    let (settings, metrics) = (all { $0.settings.keys.sorted() }, all { $0.metrics.map(\.name) })
    let rows = tasks.map { task in
      [task.name] + settings.map { task.settings[$0] ?? "" }
        + metrics.map { name in task[name].map { Self.shown($0, name) } ?? "" }
    }
    let upright = [["task"] + settings + metrics] + rows
    let turned = upright[0].indices.map { column in upright.map { $0[column] } }
    leading = 1
    cells = Self.width(turned) < Self.width(upright) && Self.width(upright) > 100 ? turned : upright
  }

  /// What a figure of this name is multiplied with where it is shown: fractions with 100.
  static func scale(_ name: String) -> Double {
    name.contains("perplexity") || name.contains("bits") || name.contains("count") ? 1 : 100
  }

  /// A figure of the metric `name` as it is shown.
  static func shown(_ value: Double, _ name: String) -> String {
    value.isFinite ? String(format: name.contains("count") ? "%.0f" : "%.2f", scale(name) * value) : "-"
  }

  private static func widths(_ cells: [[String]]) -> [Int] {
    cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
  }

  private static func width(_ cells: [[String]]) -> Int { widths(cells).reduce(0) { $0 + $1 + 2 } }

  /// The table, a line a row, each with its end.
  public func text(_ form: Form) -> String {
    // A bar in a name would begin a column.
    let cells = form == .markdown ? cells.map { row in row.map { $0.replacing("|", with: "\\|") } } : cells
    let widths = Self.widths(cells)
    func line(_ row: [String]) -> String {
      let padded = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column < leading ? cell + space : space + cell
      }
      switch form {
      case .plain: return padded.joined(separator: "  ") + "\n"
      case .markdown: return "| " + padded.joined(separator: " | ") + " |\n"
      }
    }
    let rule = form == .markdown ? "|" + cells[0].map { _ in "---|" }.joined() + "\n" : ""
    return line(cells[0]) + rule + cells.dropFirst().map(line).joined()
  }
}
