import Minke
import MinkeCore

/// A tool that an agent may call (Model Context Protocol).
struct AgentTool: Sendable {
  /// What a call gives: values for programs, and words for the model.
  struct Result: Sendable {
    let value: JSONValue
    let text: String
  }

  typealias Call = @Sendable (Holdings, Members) async throws -> Result

  let name: String
  let title: String
  let description: String
  let input: JSONValue
  let output: JSONValue
  /// Whether it changes anything.
  var changes = false
  /// Whether what it changes may be lost for good.
  var isDestructive = false
  let call: Call

  /// The tool as a list of tools describes it.
  var json: JSONValue {
    [
      "name": .string(name), "title": .string(title), "description": .string(description), "inputSchema": input,
      "outputSchema": output,
      "annotations": [
        "title": .string(title), "readOnlyHint": .boolean(!changes), "destructiveHint": .boolean(isDestructive),
        "idempotentHint": true, "openWorldHint": false,
      ],
    ]
  }

  /// The tools of a server: those for collections where it has some, those that change where it may be changed.
  static func tools(of holdings: Holdings) -> [AgentTool] {
    let names = holdings.collections.map(\.name)
    let all = (names.isEmpty ? [] : [search(names), read(names)]) + [embedText, similarity] + indexTools
    return all.filter { !($0.changes && holdings.isReadOnly) }
  }

  // MARK: Schemas

  static func object(_ properties: [String: JSONValue], required: [String]) -> JSONValue {
    [
      "type": "object", "properties": .object(properties), "required": .array(required.map { .string($0) }),
      "additionalProperties": false,
    ]
  }

  static func text(_ description: String) -> JSONValue { ["type": "string", "description": .string(description)] }

  static func number(_ description: String, _ range: ClosedRange<Int>, default value: Int) -> JSONValue {
    [
      "type": "integer", "description": .string(description), "minimum": .integer(range.lowerBound),
      "maximum": .integer(range.upperBound), "default": .integer(value),
    ]
  }

  static func list(_ items: JSONValue, _ description: String, most: Int? = nil) -> JSONValue {
    var list: [String: JSONValue] = ["type": "array", "items": items, "description": .string(description)]
    if let most { list["maxItems"] = .integer(most) }
    return .object(list)
  }

  static let numberType: JSONValue = ["type": "number"]
  static let integerType: JSONValue = ["type": "integer"]
  static let stringType: JSONValue = ["type": "string"]

  // MARK: Collections

  private static let passage: JSONValue = object(
    [
      "collection": stringType, "passage": integerType, "document": stringType,
      "lines": list(integerType, "The first and the last line."), "text": stringType, "score": numberType,
      "context": stringType,
    ], required: ["collection", "passage", "document", "lines", "text"])

  private static func json(_ found: FoundPassage, in collection: String, score: Bool) -> JSONValue {
    var members: [String: JSONValue] = [
      "collection": .string(collection), "passage": found.id.map { .integer(Int($0)) } ?? .integer(0),
      "document": .string(found.document), "text": .string(found.text),
      "lines": [.integer(found.passage.lines.lowerBound), .integer(found.passage.lines.upperBound)],
    ]
    if score { members["score"] = .number(Double(found.score)) }
    if let context = found.passage.context { members["context"] = .string(context) }
    return .object(members)
  }

  private static func words(_ found: FoundPassage, in collection: String) -> String {
    let place = GroundedQuestion.place(found) + (found.passage.page.map { " (page \($0))" } ?? "")
    return "\(place) [collection \(collection), passage \(found.id ?? 0)]\n\(found.text)"
  }

  private static func choice(_ names: [String]) -> JSONValue {
    ["type": "string", "enum": .array(names.map { .string($0) })]
  }

  private static func search(_ names: [String]) -> AgentTool {
    AgentTool(
      name: "search", title: "Search the user's documents",
      description: """
        Finds passages in the user's own documents by meaning and by words, and says in which file and on which lines each \
        stands. "Quoted words" must occur as they are, -word must not, path:, title: and type: narrow it down. Use read to \
        see what stands around a passage.
        """,
      input: object(
        [
          "query": text("What to look for: a question, or words."),
          "collections": list(choice(names), "Where to look; everywhere without it."),
          "k": number("How many passages at most.", 1...50, default: 8),
          "mode": [
            "type": "string", "enum": ["both", "meaning", "words"], "default": "both",
            "description": "By meaning, by words, or by both.",
          ],
          "filter": text("A condition on documents, such as: path GLOB \"*.md\" AND year > 2020"),
        ], required: ["query"]),
      output: object(
        [
          "results": list(passage, "The passages, the best first."),
          "searched": ["type": "integer", "description": "How many passages there are."],
        ], required: ["results", "searched"])
    ) { holdings, arguments in
      var options = SearchOptions(k: try arguments.integer("k", in: 1...50) ?? 8)
      options.mode = try arguments.choice("mode", SearchMode.self) ?? .both
      let result = try await holdings.search(
        Holdings.Search(
          query: try arguments.requiredText("query"),
          collections: try holdings.collections(arguments.texts("collections", most: 1000)), options: options,
          filter: try arguments.text("filter")))
      let texts = result.found.enumerated().map { "\($0 + 1). " + words($1.passage, in: $1.collection) }
      return Result(
        value: [
          "results": .array(result.found.map { json($0.passage, in: $0.collection, score: true) }),
          "searched": .integer(result.passages),
        ],
        text: texts.isEmpty ? "Nothing was found among \(result.passages) passages." : texts.joined(separator: "\n\n"))
    }
  }

  private static func read(_ names: [String]) -> AgentTool {
    AgentTool(
      name: "read", title: "Read around a passage",
      description: "Gives a passage that search found, with the passages of its document before and behind it.",
      input: object(
        [
          "collection": choice(names), "passage": ["type": "integer", "description": "The number that search gave."],
          "around": number("How many passages before and behind it.", 0...20, default: 2),
        ], required: names.count == 1 ? ["passage"] : ["collection", "passage"]),
      output: object(
        ["passages": list(passage, "In the order of the document.")], required: ["passages"])
    ) { holdings, arguments in
      let named = try holdings.collection(arguments.text("collection") ?? names[0])
      guard let id = try arguments.integer("passage", in: 0...Int.max) else {
        throw arguments.wrong("passage", "the number of a passage, as search gives it")
      }
      let (before, found, after) = try await holdings.surroundings(
        of: Int64(id), in: named, count: try arguments.integer("around", in: 0...20) ?? 2)
      let all = before + [found] + after
      return Result(
        value: ["passages": .array(all.map { json($0, in: named.name, score: false) })],
        text: all.map { words($0, in: named.name) }.joined(separator: "\n\n"))
    }
  }
}
