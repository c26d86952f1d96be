import GRDB

/// A condition in SQLite's words, which hold nothing of what was typed: all of that is an argument.
struct SQLiteCondition {
  /// The condition on the row `d` of a document, with a question mark for each of ``arguments``.
  private(set) var sql = ""
  private(set) var arguments: [DatabaseValue] = []

  init(_ condition: DocumentCondition) { sql = render(condition) }

  private mutating func render(_ condition: DocumentCondition) -> String {
    switch condition {
    case .all(let parts): return "(" + parts.map { render($0) }.joined(separator: " AND ") + ")"
    case .any(let parts): return "(" + parts.map { render($0) }.joined(separator: " OR ") + ")"
    case .not(let inner): return "NOT ifnull(\(render(inner)), 0)"
    case .isNull(let operand): return "\(render(operand)) IS NULL"
    case .compare(let operand, let comparison, let value):
      return "\(render(operand)) \(comparison.rawValue) \(argument(value))"
    case .isOneOf(let operand, let values):
      return "\(render(operand)) IN (" + values.map { argument($0) }.joined(separator: ", ") + ")"
    case .glob(let operand, let value): return "\(render(operand)) GLOB \(argument(value))"
    case .like(let operand, let value): return "\(render(operand)) LIKE \(argument(value))"
    case .contains(let operand, let value):
      let isIn = "instr(lower(\(render(operand))), lower(\(argument(value)))) > 0"
      guard case .metadata(let names) = operand else { return isIn }
      return "(ifnull(\(isIn), 0) OR EXISTS (SELECT 1 FROM json_each(d.metadata, \(path(names))) "
        + "WHERE value = \(argument(value))))"
    case .columnMatches(let column, let pattern):
      return "lower(\(Self.sql(column))) GLOB lower(\(argument(.text(pattern))))"
    case .columnHolds(let column, let text):
      return "instr(lower(\(Self.sql(column))), lower(\(argument(.text(text))))) > 0"
    case .metadataIs(let name, let value, let isPattern):
      return "EXISTS (SELECT 1 FROM json_each(d.metadata, \(path([name]))) "
        + "WHERE lower(value) \(isPattern ? "GLOB" : "=") lower(\(argument(.text(value)))))"
    }
  }

  private mutating func render(_ operand: DocumentCondition.Operand) -> String {
    switch operand {
    case .column(let column): Self.sql(column)
    case .metadata(let names): "json_extract(d.metadata, \(path(names)))"
    }
  }

  private static func sql(_ column: DocumentCondition.Column) -> String {
    switch column {
    case .name: "d.name"
    case .title: "d.title"
    case .size: "d.size"
    case .modified: "d.modified / 1000000000"
    // What is behind the last slash: the name without what remains when all but slashes is cut from its end.
    case .file: "replace(d.name, rtrim(d.name, replace(d.name, '/', '')), '')"
    }
  }

  private mutating func path(_ names: [String]) -> String {
    argument(.text("$" + names.map { ".\"" + $0.replacing("\"", with: "") + "\"" }.joined()))
  }

  private mutating func argument(_ value: DocumentCondition.Value) -> String {
    switch value {
    case .text(let text): arguments.append(text.databaseValue)
    case .integer(let number): arguments.append(number.databaseValue)
    case .number(let number): arguments.append(number.databaseValue)
    }
    return "?"
  }
}
