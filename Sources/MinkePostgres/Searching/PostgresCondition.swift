#if PostgreSQL
  import MinkeStore

  /// A condition in PostgreSQL's words, which hold nothing of what was typed: all of that is a parameter.
  ///
  /// It holds for the documents for which it holds in a file, but that letters are the same whatever their case in all
  /// scripts, not in English alone.
  struct PostgresCondition {
    /// The condition on the row `d` of a document.
    private(set) var sql = ""
    /// Those of the whole statement.
    private(set) var parameters: [PostgresParameter]

    /// - Parameter parameters: those that the statement has before it.
    init(_ condition: DocumentCondition, after parameters: [PostgresParameter]) {
      self.parameters = parameters
      sql = render(condition)
    }

    private mutating func bind(_ value: PostgresParameter) -> String {
      parameters.append(value)
      return "$\(parameters.count)"
    }

    private mutating func render(_ condition: DocumentCondition) -> String {
      switch condition {
      case .all(let parts): return "(" + parts.map { render($0) }.joined(separator: " AND ") + ")"
      case .any(let parts): return "(" + parts.map { render($0) }.joined(separator: " OR ") + ")"
      case .not(let inner): return "(NOT coalesce(\(render(inner)), false))"
      case .isNull(.column(let column)): return "(\(Self.sql(column)) IS NULL)"
      case .isNull(.metadata(let names)): return "(coalesce(jsonb_typeof(\(json(names))), 'null') = 'null')"
      case .compare(let operand, let comparison, let value): return compare(operand, comparison, value)
      case .isOneOf(let operand, let values):
        return "(" + values.map { compare(operand, .equal, $0) }.joined(separator: " OR ") + ")"
      case .glob(let operand, let value):
        return matches(text(operand), GlobPattern(Self.text(value)), operator: "~")
      case .like(let operand, let value):
        return "(\(text(operand)) ILIKE \(bind(.text(Self.text(value)))) ESCAPE '')"
      case .contains(let operand, let value):
        let isIn = holds(text(operand), Self.text(value))
        guard case .metadata(let names) = operand else { return isIn }
        return "(coalesce(\(isIn), false) OR EXISTS (SELECT 1 FROM \(elements(json(names))) "
          + "WHERE \(compare(json: "e.value", .equal, value))))"
      case .columnMatches(let column, let pattern):
        return matches(Self.sql(column), GlobPattern(pattern), operator: "~*")
      case .columnHolds(let column, let value): return holds(Self.sql(column), value)
      case .metadataIs(let name, let value, let isPattern):
        let element = Self.text(ofJSON: "e.value")
        let isSame =
          isPattern
          ? matches(element, GlobPattern(value), operator: "~*")
          : "(lower(\(element)) = lower(\(bind(.text(value)))))"
        return "EXISTS (SELECT 1 FROM \(elements(json([name]))) WHERE \(isSame))"
      }
    }

    // MARK: Operands

    private static func sql(_ column: DocumentCondition.Column) -> String {
      switch column {
      case .name: "d.name"
      case .title: "d.title"
      case .size: "d.size"
      case .modified: "(d.modified / 1000000000)"
      case .file: "regexp_replace(d.name, '^.*/', '')"
      }
    }

    private static func isNumber(_ column: DocumentCondition.Column) -> Bool { column == .size || column == .modified }

    /// A value of the metadata; a name in a list is none.
    private mutating func json(_ names: [String]) -> String {
      "(d.metadata" + names.map { " -> \(bind(.text($0)))" }.joined() + ")"
    }

    /// What a value is as text: true and false are numbers.
    private static func text(ofJSON json: String) -> String {
      "(CASE jsonb_typeof(\(json)) WHEN 'boolean' THEN (CASE WHEN \(json) = 'true' THEN '1' ELSE '0' END) "
        + "ELSE \(json) #>> '{}' END)"
    }

    private mutating func text(_ operand: DocumentCondition.Operand) -> String {
      switch operand {
      case .column(let column): Self.isNumber(column) ? "\(Self.sql(column))::text" : Self.sql(column)
      case .metadata(let names): Self.text(ofJSON: json(names))
      }
    }

    private static func text(_ value: DocumentCondition.Value) -> String {
      switch value {
      case .text(let text): text
      case .integer(let number): String(number)
      case .number(let number): String(number)
      }
    }

    /// The elements of a list, the values of an object, or a value itself, as `e.value`.
    private func elements(_ json: String) -> String {
      "jsonb_path_query(\(json), (CASE jsonb_typeof(\(json)) WHEN 'array' THEN '$[*]' WHEN 'object' THEN '$.*' "
        + "ELSE '$' END)::jsonpath) AS e (value)"
    }

    // MARK: Comparisons

    private mutating func holds(_ text: String, _ part: String) -> String {
      "(position(lower(\(bind(.text(part)))) in lower(\(text))) > 0)"
    }

    private mutating func matches(_ text: String, _ pattern: GlobPattern, operator sign: String) -> String {
      guard let regular = pattern.regularExpression else { return "(\(text) IS NULL AND NULL)" }
      return "(\(text) \(sign) \(bind(.text(regular))))"
    }

    private mutating func parameter(_ value: DocumentCondition.Value) -> String {
      switch value {
      case .text(let text): bind(.text(text))
      case .integer(let number): bind(.integer(number))
      case .number(let number): bind(.number(number))
      }
    }

    /// What comparing a number with a text gives: any number is below any text.
    private static func constant(_ comparison: DocumentCondition.Comparison, numberFirst: Bool) -> String {
      switch comparison {
      case .equal: "false"
      case .unequal: "true"
      case .below, .atMost: numberFirst ? "true" : "false"
      case .above, .atLeast: numberFirst ? "false" : "true"
      }
    }

    private mutating func compare(
      _ operand: DocumentCondition.Operand, _ comparison: DocumentCondition.Comparison, _ value: DocumentCondition.Value
    ) -> String {
      switch (operand, value) {
      case (.metadata(let names), _): return compare(json: json(names), comparison, value)
      case (.column(let column), .text(let text)) where Self.isNumber(column):
        guard let number = Double(text), number.isFinite else {
          return "(\(Self.sql(column)) IS NOT NULL AND \(Self.constant(comparison, numberFirst: true)))"
        }
        return "(\(Self.sql(column)) \(comparison.rawValue) \(bind(.number(number))))"
      case (.column(let column), _) where Self.isNumber(column):
        return "(\(Self.sql(column)) \(comparison.rawValue) \(parameter(value)))"
      case (.column(let column), _):
        return "(\(Self.sql(column)) COLLATE \"C\" \(comparison.rawValue) \(bind(.text(Self.text(value)))))"
      }
    }

    private mutating func compare(
      json: String, _ comparison: DocumentCondition.Comparison, _ value: DocumentCondition.Value
    ) -> String {
      let kind = "jsonb_typeof(\(json))"
      let isNull = "CASE WHEN coalesce(\(kind), 'null') = 'null' THEN NULL"
      let (sign, given) = (comparison.rawValue, parameter(value))
      if case .text = value {
        return "(\(isNull) WHEN \(kind) IN ('number', 'boolean') THEN \(Self.constant(comparison, numberFirst: true)) "
          + "ELSE (\(json) #>> '{}') COLLATE \"C\" \(sign) \(given) END)"
      }
      return "(\(isNull) WHEN \(kind) = 'number' THEN (\(json))::numeric \(sign) \(given) "
        + "WHEN \(kind) = 'boolean' THEN (CASE WHEN \(json) = 'true' THEN 1 ELSE 0 END) \(sign) \(given) "
        + "ELSE \(Self.constant(comparison, numberFirst: false)) END)"
    }
  }

  /// A pattern with `*`, `?` and `[...]`.
  struct GlobPattern {
    /// The regular expression of PostgreSQL that says the same; nil where nothing can match.
    let regularExpression: String?

    init(_ pattern: String) {
      var expression = "^"
      var rest = Array(pattern.unicodeScalars)[...]
      while let scalar = rest.popFirst() {
        switch scalar {
        case "*": expression += ".*"
        case "?": expression += "."
        case "[":
          guard let members = Self.members(&rest) else {
            regularExpression = nil
            return
          }
          expression += members
        default: expression += Self.escaped(scalar)
        }
      }
      regularExpression = expression + "$"
    }

    /// Takes a class of characters off, whose first bracket is taken; nil where it has no end or nothing in it.
    private static func members(_ rest: inout ArraySlice<Unicode.Scalar>) -> String? {
      let isNegated = rest.first == "^"
      if isNegated { rest.removeFirst() }
      var members = ""
      var isFirst = true
      while let scalar = rest.popFirst() {
        if scalar == "]", !isFirst { return members.isEmpty ? nil : "[\(isNegated ? "^" : "")\(members)]" }
        isFirst = false
        if rest.first == "-", let end = rest.dropFirst().first, end != "]" {
          rest.removeFirst(2)
          // From a later one to an earlier one there is nothing.
          if scalar.value <= end.value { members += "\(escaped(scalar))-\(escaped(end))" }
        } else {
          members += escaped(scalar)
        }
      }
      return nil
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
      // Letters and digits behind a backslash would mean something else.
      scalar.isASCII && !scalar.properties.isAlphabetic && scalar.properties.numericType == nil
        ? "\\\(scalar)" : String(scalar)
    }
  }
#endif
