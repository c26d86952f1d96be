import GRDB
import MinkeCore
import MinkeSearch
import MinkeText

/// A condition on documents: their paths, titles, sizes and metadata.
///
/// It is written as in SQL: `path GLOB "src/*" AND year > 2020`. Names are `path` (or `document`), `file` (the last part
/// of the path), `title`, `size` (bytes), `modified` (seconds since 1970) and those of metadata, with full stops between
/// the names of objects within objects, and in backticks where they are no plain words. Values are numbers, texts in
/// single or double quotes, `true`, `false`. There are `=`, `!=`, `<`, `<=`, `>`, `>=`, `GLOB`, `LIKE`, `IN (...)`,
/// `IS NULL`, `NOT`, `AND`, `OR` and parentheses; `CONTAINS` asks for a text in a text, or a value in a list.
public struct DocumentFilter: Sendable {
  /// The condition in the database's words, with a question mark for each of `arguments`.
  let sql: (String, [DatabaseValue])

  /// Reads a condition.
  ///
  /// - Throws: `MinkeError` of kind `invalidArgument` saying where it is no condition.
  public init(_ text: String) throws(MinkeError) {
    var parser = ConditionParser(text)
    sql = try parser.parse()
  }

  /// The condition that every field of a query holds, or for those excluded does not.
  init(fields: [WordQuery.Field]) {
    var parts: [String] = []
    var arguments: [DatabaseValue] = []
    for field in fields {
      let (part, values) = Self.condition(on: field.name.lowercased(), field.name, field.value)
      parts.append(field.isExcluded ? "NOT ifnull(\(part), 0)" : part)
      arguments += values
    }
    sql = (parts.map { "(\($0))" }.joined(separator: " AND "), arguments)
  }

  private static func condition(
    on name: String, _ metadata: String, _ value: String
  ) -> (String, [DatabaseValue]) {
    let isGlob = value.contains { "*?[".contains($0) }
    switch name {
    case "path", "document", "file", "title":
      let column = ConditionParser.columns[name] ?? "d.name"
      if isGlob { return ("lower(\(column)) GLOB lower(?)", [value.databaseValue]) }
      return ("instr(lower(\(column)), lower(?)) > 0", [value.databaseValue])
    case "type":
      let globs = FileType.all.first { $0.name == value.lowercased() }?.globs ?? ["*.\(value)"]
      let column = ConditionParser.columns["file"] ?? "d.name"
      return (
        globs.map { _ in "lower(\(column)) GLOB lower(?)" }.joined(separator: " OR "), globs.map(\.databaseValue)
      )
    default:
      return (
        "EXISTS (SELECT 1 FROM json_each(d.metadata, ?) WHERE lower(value) \(isGlob ? "GLOB" : "=") lower(?))",
        [ConditionParser.jsonPath([metadata]).databaseValue, value.databaseValue]
      )
    }
  }
}

private enum ConditionToken: Equatable {
  case name(String)
  /// A name in backticks, which is no word of the language.
  case quotedName(String)
  case text(String)
  case number(Double)
  case sign(String)
}

/// Turns a condition into SQL, which holds nothing of what was typed but known words: all else is an argument.
private struct ConditionParser {
  static let columns = [
    "path": "d.name", "document": "d.name", "title": "d.title", "size": "d.size", "modified": "d.modified / 1000000000",
    // What is behind the last slash: the name without what remains when all but slashes is cut from its end.
    "file": "replace(d.name, rtrim(d.name, replace(d.name, '/', '')), '')",
  ]

  private let source: String
  private var tokens: [(token: ConditionToken, place: Int)] = []
  private var next = 0
  private var depth = 0
  private var arguments: [DatabaseValue] = []

  init(_ source: String) { self.source = source }

  static func jsonPath(_ names: [String]) -> String {
    "$" + names.map { ".\"" + $0.replacing("\"", with: "") + "\"" }.joined()
  }

  mutating func parse() throws(MinkeError) -> (String, [DatabaseValue]) {
    try scan()
    let sql = try disjunction()
    if next < tokens.count { throw error("AND, OR or the end") }
    return (sql, arguments)
  }

  private func error(_ expected: String) -> MinkeError {
    let found = next < tokens.count ? "\(tokens[next].token.asTyped) at character \(tokens[next].place + 1)" : "the end"
    return MinkeError(.invalidArgument, "filter \"\(source)\"", expected: expected, found: found)
  }

  private mutating func scan() throws(MinkeError) {
    let characters = Array(source)
    var index = 0
    func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" }
    while index < characters.count {
      let character = characters[index]
      let start = index
      if character.isWhitespace {
        index += 1
        continue
      }
      if character == "'" || character == "\"" || character == "`" {
        var text = ""
        index += 1
        while index < characters.count {
          if characters[index] == character {
            // Twice stands for itself.
            guard index + 1 < characters.count, characters[index + 1] == character else { break }
            index += 1
          }
          text.append(characters[index])
          index += 1
        }
        guard index < characters.count else {
          throw MinkeError(
            .invalidArgument, "filter \"\(source)\"",
            expected: "\(character) at the end of what begins at character \(start + 1)",
            found: "none")
        }
        index += 1
        tokens.append((character == "`" ? .quotedName(text) : .text(text), start))
      } else if character.isNumber || "-.".contains(character) {
        while index < characters.count, isWord(characters[index]) || "+-.".contains(characters[index]) { index += 1 }
        guard let number = Double(String(characters[start..<index])), number.isFinite else {
          throw MinkeError(
            .invalidArgument, "filter \"\(source)\"", expected: "a number at character \(start + 1)",
            found: String(characters[start..<index]))
        }
        tokens.append((.number(number), start))
      } else if isWord(character) {
        while index < characters.count, isWord(characters[index]) || characters[index] == "." { index += 1 }
        tokens.append((.name(String(characters[start..<index])), start))
      } else {
        let pair = String(characters[index..<min(index + 2, characters.count)])
        let sign = ["==", "!=", "<>", "<=", ">="].contains(pair) ? pair : String(character)
        index += sign.count
        tokens.append((.sign(sign), start))
      }
    }
  }

  /// Takes the next token if it is this word.
  private mutating func take(word: String) -> Bool {
    guard next < tokens.count, case .name(let name) = tokens[next].token, name.uppercased() == word else {
      return false
    }
    next += 1
    return true
  }

  private mutating func take(sign: String) -> Bool {
    guard next < tokens.count, tokens[next].token == .sign(sign) else { return false }
    next += 1
    return true
  }

  private mutating func disjunction() throws(MinkeError) -> String {
    var parts = [try conjunction()]
    while take(word: "OR") { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : "(" + parts.joined(separator: " OR ") + ")"
  }

  private mutating func conjunction() throws(MinkeError) -> String {
    var parts = [try negation()]
    while take(word: "AND") { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : "(" + parts.joined(separator: " AND ") + ")"
  }

  private mutating func negation() throws(MinkeError) -> String {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 100 else { throw error("a condition of at most 100 levels") }
    // What is unknown of a document does not hold of it; not to hold is then true.
    if take(word: "NOT") { return "NOT ifnull(\(try negation()), 0)" }
    if take(sign: "(") {
      let inner = try disjunction()
      guard take(sign: ")") else { throw error(")") }
      return "(\(inner))"
    }
    return try comparison()
  }

  private mutating func comparison() throws(MinkeError) -> String {
    let (operand, path) = try self.operand()
    if take(word: "IS") {
      let isNot = take(word: "NOT")
      guard take(word: "NULL") else { throw error("NULL") }
      return "\(operand) IS \(isNot ? "NOT " : "")NULL"
    }
    let isNot = take(word: "NOT")
    var sql: String
    if take(word: "GLOB") {
      sql = "\(operand) GLOB \(try value())"
    } else if take(word: "LIKE") {
      sql = "\(operand) LIKE \(try value())"
    } else if take(word: "CONTAINS") {
      let found = try value()
      if let path {
        // The path is asked for a second time: once as a text, once as a list.
        let wanted = arguments[arguments.count - 1]
        arguments += [path.databaseValue, wanted]
        sql =
          "(ifnull(instr(lower(\(operand)), lower(\(found))), 0) > 0 OR EXISTS "
          + "(SELECT 1 FROM json_each(d.metadata, ?) WHERE value = ?))"
      } else {
        sql = "instr(lower(\(operand)), lower(\(found))) > 0"
      }
    } else if take(word: "IN") {
      guard take(sign: "(") else { throw error("(") }
      var values = [try value()]
      while take(sign: ",") { values.append(try value()) }
      guard take(sign: ")") else { throw error(")") }
      sql = "\(operand) IN (\(values.joined(separator: ", ")))"
    } else {
      guard !isNot else { throw error("GLOB, LIKE, CONTAINS or IN") }
      let signs = ["=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="]
      guard next < tokens.count, case .sign(let sign) = tokens[next].token, let comparison = signs[sign] else {
        throw error("=, !=, <, >, GLOB, LIKE, CONTAINS, IN or IS NULL")
      }
      next += 1
      sql = "\(operand) \(comparison) \(try value())"
    }
    if isNot { sql = "NOT ifnull(\(sql), 0)" }
    return sql
  }

  /// What is compared, and for metadata its path.
  private mutating func operand() throws(MinkeError) -> (String, path: String?) {
    guard next < tokens.count else { throw error("the name of something known of documents") }
    let names: [String]
    switch tokens[next].token {
    case .name(let name):
      if let column = Self.columns[name.lowercased()] {
        next += 1
        return (column, nil)
      }
      if ["AND", "OR", "NOT", "GLOB", "LIKE", "IN", "IS", "NULL", "CONTAINS"].contains(name.uppercased()) {
        throw error("the name of something known of documents")
      }
      names = name.split(separator: ".").map(String.init)
    case .quotedName(let name): names = [name]
    default: throw error("the name of something known of documents")
    }
    next += 1
    let path = Self.jsonPath(names)
    arguments.append(path.databaseValue)
    return ("json_extract(d.metadata, ?)", path)
  }

  private mutating func value() throws(MinkeError) -> String {
    guard next < tokens.count else { throw error("a number or a text in quotes") }
    switch tokens[next].token {
    case .text(let text): arguments.append(text.databaseValue)
    case .number(let number): arguments.append((Int64(exactly: number)?.databaseValue) ?? number.databaseValue)
    case .name(let name) where ["TRUE", "FALSE"].contains(name.uppercased()):
      arguments.append((name.uppercased() == "TRUE" ? 1 : 0).databaseValue)
    default: throw error("a number or a text in quotes")
    }
    next += 1
    return "?"
  }
}

extension ConditionToken {
  fileprivate var asTyped: String {
    switch self {
    case .name(let name), .sign(let name): name
    case .quotedName(let name): "`\(name)`"
    case .text(let text): "\"\(text)\""
    case .number(let number): "\(number)"
    }
  }
}
