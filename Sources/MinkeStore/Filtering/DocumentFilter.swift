import MinkeCore
import MinkeSearch

/// A condition on documents: their paths, titles, sizes and metadata.
///
/// It is written as in SQL: `path GLOB "src/*" AND year > 2020`. Names are `path` (or `document`), `file` (the last part
/// of the path), `title`, `size` (bytes), `modified` (seconds since 1970) and those of metadata, with full stops between
/// the names of objects within objects, and in backticks where they are no plain words. Values are numbers, texts in
/// single or double quotes, `true`, `false`. There are `=`, `!=`, `<`, `<=`, `>`, `>=`, `GLOB`, `LIKE`, `IN (...)`,
/// `IS NULL`, `NOT`, `AND`, `OR` and parentheses; `CONTAINS` asks for a text in a text, or a value in a list.
public struct DocumentFilter: Sendable {
  package let condition: DocumentCondition

  /// Reads a condition.
  ///
  /// - Throws: `MinkeError` of kind `invalidArgument` saying where it is no condition.
  public init(_ text: String) throws(MinkeError) {
    var parser = ConditionParser(text)
    condition = try parser.parse()
  }

  /// The condition that every field of a query holds, or for those excluded does not.
  package init(fields: [WordQuery.Field]) {
    condition = .all(
      fields.map { field in
        let holds = DocumentCondition(field: field.name, value: field.value)
        return field.isExcluded ? .not(holds) : holds
      })
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

private struct ConditionParser {
  private let source: String
  private var tokens: [(token: ConditionToken, place: Int)] = []
  private var next = 0
  private var depth = 0

  init(_ source: String) { self.source = source }

  mutating func parse() throws(MinkeError) -> DocumentCondition {
    try scan()
    let condition = try disjunction()
    if next < tokens.count { throw error("AND, OR or the end") }
    return condition
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

  private mutating func disjunction() throws(MinkeError) -> DocumentCondition {
    var parts = [try conjunction()]
    while take(word: "OR") { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func conjunction() throws(MinkeError) -> DocumentCondition {
    var parts = [try negation()]
    while take(word: "AND") { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func negation() throws(MinkeError) -> DocumentCondition {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 100 else { throw error("a condition of at most 100 levels") }
    if take(word: "NOT") { return .not(try negation()) }
    if take(sign: "(") {
      let inner = try disjunction()
      guard take(sign: ")") else { throw error(")") }
      return inner
    }
    return try comparison()
  }

  private mutating func comparison() throws(MinkeError) -> DocumentCondition {
    let operand = try operand()
    if take(word: "IS") {
      let isNot = take(word: "NOT")
      guard take(word: "NULL") else { throw error("NULL") }
      return isNot ? .not(.isNull(operand)) : .isNull(operand)
    }
    let isNot = take(word: "NOT")
    let condition: DocumentCondition
    if take(word: "GLOB") {
      condition = .glob(operand, try value())
    } else if take(word: "LIKE") {
      condition = .like(operand, try value())
    } else if take(word: "CONTAINS") {
      condition = .contains(operand, try value())
    } else if take(word: "IN") {
      guard take(sign: "(") else { throw error("(") }
      var values = [try value()]
      while take(sign: ",") { values.append(try value()) }
      guard take(sign: ")") else { throw error(")") }
      condition = .isOneOf(operand, values)
    } else {
      guard !isNot else { throw error("GLOB, LIKE, CONTAINS or IN") }
      let signs: [String: DocumentCondition.Comparison] = [
        "=": .equal, "==": .equal, "!=": .unequal, "<>": .unequal, "<": .below, "<=": .atMost, ">": .above,
        ">=": .atLeast,
      ]
      guard next < tokens.count, case .sign(let sign) = tokens[next].token, let comparison = signs[sign] else {
        throw error("=, !=, <, >, GLOB, LIKE, CONTAINS, IN or IS NULL")
      }
      next += 1
      condition = .compare(operand, comparison, try value())
    }
    return isNot ? .not(condition) : condition
  }

  private mutating func operand() throws(MinkeError) -> DocumentCondition.Operand {
    guard next < tokens.count else { throw error("the name of something known of documents") }
    let operand: DocumentCondition.Operand
    switch tokens[next].token {
    case .name(let name):
      if let column = DocumentCondition.Column(typed: name) {
        operand = .column(column)
      } else if ["AND", "OR", "NOT", "GLOB", "LIKE", "IN", "IS", "NULL", "CONTAINS"].contains(name.uppercased()) {
        throw error("the name of something known of documents")
      } else {
        operand = .metadata(name.split(separator: ".").map(String.init))
      }
    case .quotedName(let name): operand = .metadata([name])
    default: throw error("the name of something known of documents")
    }
    next += 1
    return operand
  }

  private mutating func value() throws(MinkeError) -> DocumentCondition.Value {
    guard next < tokens.count else { throw error("a number or a text in quotes") }
    let value: DocumentCondition.Value
    switch tokens[next].token {
    case .text(let text): value = .text(text)
    case .number(let number): value = Int64(exactly: number).map { .integer($0) } ?? .number(number)
    case .name(let name) where ["TRUE", "FALSE"].contains(name.uppercased()):
      value = .integer(name.uppercased() == "TRUE" ? 1 : 0)
    default: throw error("a number or a text in quotes")
    }
    next += 1
    return value
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
