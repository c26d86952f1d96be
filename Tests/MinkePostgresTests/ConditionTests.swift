#if PostgreSQL
  import MinkeCore
  import MinkeSearch
  import MinkeStore
  import Testing

  @testable import MinkePostgres

  @Suite struct ConditionTests {
    @Test(arguments: [
      ("*.swift", "^.*\\.swift$"), ("a?b", "^a.b$"), ("[a-c]x", "^[a-c]x$"), ("[^]a]", "^[^\\]a]$"), ("[]]", "^[\\]]$"),
      ("a+(b)", "^a\\+\\(b\\)$"), ("[a\\d]", "^[a\\\\d]$"), ("ü*", "^ü.*$"),
    ])
    func patternsBecomeRegularExpressions(glob: String, expression: String) {
      #expect(GlobPattern(glob).regularExpression == expression)
    }

    @Test(arguments: ["[abc", "[", "[]", "x[z-a]"])
    func patternsThatMatchNothingAreNone(glob: String) { #expect(GlobPattern(glob).regularExpression == nil) }

    @Test(arguments: [
      "path = 'evil'", "evil = 'evil'", "`evil''; DROP` GLOB 'evil*'", "title LIKE 'evil' OR size < 5",
      "evil IN ('evil', 2)", "NOT (evil CONTAINS 'evil')", "modified > 'evil'", "evil.evil IS NOT NULL",
    ])
    func nothingThatIsTypedIsInTheStatement(text: String) throws {
      let condition = PostgresCondition(try DocumentFilter(text).condition, after: [.integer(1)])
      #expect(!condition.sql.contains("evil"))
      #expect(!condition.sql.contains("$1 ") && !condition.sql.contains("$1)"))
      // Each parameter stands in the statement, the last one as well.
      for number in 2..<condition.parameters.count + 1 { #expect(condition.sql.contains("$\(number)")) }
      #expect(!condition.sql.contains("$\(condition.parameters.count + 1)"))
    }

    @Test func fieldsOfQueriesAreConditions() {
      let query = WordQuery(parsing: "roof path:src/* -title:draft type:swift author:Ann")
      let condition = PostgresCondition(DocumentFilter(fields: query.fields).condition, after: [])
      #expect(condition.sql.contains("NOT coalesce"))
      #expect(condition.parameters.contains(.text("^.*\\.swift$")))
    }
  }
#endif
