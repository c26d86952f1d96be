import Minke
import MinkeCore

/// The tools for texts that an agent brings itself.
extension AgentTool {
  /// Texts of a call, at most.
  private static let mostTexts = 256

  static let embedText = AgentTool(
    name: "embed_text", title: "Turn texts into vectors",
    description:
      "Gives the embedding of each text: a vector whose cosine with that of another text says how alike they are.",
    input: object(
      [
        "texts": list(stringType, "The texts.", most: 64),
        "dimension": ["type": "integer", "description": "How many leading numbers to keep; all without it."],
      ], required: ["texts"]),
    output: object(
      [
        "model": stringType, "dimension": integerType,
        "embeddings": list(["type": "array", "items": numberType], "A vector for each text."),
      ], required: ["model", "dimension", "embeddings"])
  ) { holdings, arguments in
    let texts = try arguments.texts("texts", most: 64) ?? []
    if texts.isEmpty { throw arguments.wrong("texts", "one or more texts") }
    let dimension = try arguments.integer("dimension", in: 1...65_536)
    let vectors = try await holdings.encoding.encode(texts, dimension: dimension)
    let rows = (0..<vectors.count).map { JSONValue.array(vectors[$0].map { .number(Double($0)) }) }
    let value: JSONValue = [
      "model": .string(holdings.encoder.identity.name), "dimension": .integer(vectors.dimension),
      "embeddings": .array(rows),
    ]
    return Result(value: value, text: value.text)
  }

  static let similarity = AgentTool(
    name: "similarity", title: "Compare texts",
    description: "Says how alike texts are in meaning: 1 is the same, 0 unrelated.",
    input: object(["texts": list(stringType, "Two or more texts.", most: mostTexts)], required: ["texts"]),
    output: object(
      ["similarities": list(["type": "array", "items": numberType], "A row for each text, with one number for each.")],
      required: ["similarities"])
  ) { holdings, arguments in
    let texts = try arguments.texts("texts", most: mostTexts) ?? []
    if texts.count < 2 { throw arguments.wrong("texts", "two or more texts") }
    let all = try await holdings.similarities(texts, texts, dimension: nil)
    let rows = texts.indices.map { row in
      JSONValue.array(all[row * texts.count..<(row + 1) * texts.count].map { .number(Double($0)) })
    }
    let value: JSONValue = ["similarities": .array(rows)]
    return Result(value: value, text: value.text)
  }

  // MARK: The index in memory

  static var indexTools: [AgentTool] { [indexAdd, indexQuery, indexStatistics, indexClear] }

  private static let counts = object(
    ["documents": integerType, "passages": integerType], required: ["documents", "passages"])

  private static let indexAdd = AgentTool(
    name: "index_add", title: "Remember texts",
    description: """
      Puts texts into an index in the server's memory, to be found with index_query as long as the server runs. A text of \
      the same id replaces the one before.
      """,
    input: object(
      [
        "texts": list(stringType, "The texts.", most: 1000),
        "ids": list(stringType, "A name for each text; without them each is called by what it says.", most: 1000),
      ], required: ["texts"]), output: counts, changes: true
  ) { holdings, arguments in
    let documents = try IndexEndpoints.documents(arguments, most: 1000)
    let (count, passages) = try await holdings.addToIndex(documents)
    return Result(
      value: ["documents": .integer(count), "passages": .integer(passages)],
      text: "\(documents.count) added; the index holds \(count) texts in \(passages) passages.")
  }

  private static let indexQuery = AgentTool(
    name: "index_query", title: "Find remembered texts",
    description: "Finds the texts of the index in memory that suit a query best, by meaning and by words.",
    input: object(
      ["query": text("What to look for."), "k": number("How many at most.", 1...100, default: 10)],
      required: ["query"]),
    output: object(
      [
        "results": list(
          object(
            [
              "rank": integerType, "score": numberType, "id": stringType, "text": stringType,
              "lines": list(integerType, "The first and the last line."),
            ], required: ["rank", "score", "id", "text", "lines"]), "The best first.")
      ], required: ["results"])
  ) { holdings, arguments in
    let found = try await holdings.queryIndex(
      try arguments.requiredText("query"), k: try arguments.integer("k", in: 1...100) ?? 10, threshold: nil, mode: .both
    )
    let texts = found.enumerated().map { "\($0 + 1). \($1.document)\n\($1.text)" }
    return Result(
      value: ["results": .array(IndexEndpoints.json(found))],
      text: texts.isEmpty ? "Nothing was found; index_add puts texts into the index." : texts.joined(separator: "\n\n"))
  }

  private static let indexStatistics = AgentTool(
    name: "index_stats", title: "What is remembered",
    description: "Says how many texts the index in memory holds, and which model it uses.",
    input: object([:], required: []),
    output: object(
      [
        "documents": integerType, "passages": integerType, "model": stringType, "dimension": integerType,
        "metric": stringType,
      ], required: ["documents", "passages", "model", "dimension", "metric"])
  ) { holdings, _ in
    let value = holdings.indexStatistics()
    return Result(value: value, text: value.text)
  }

  private static let indexClear = AgentTool(
    name: "index_clear", title: "Forget what is remembered",
    description: "Takes all texts out of the index in memory. The user's collections are not touched.",
    input: object([:], required: []), output: object(["removed": integerType], required: ["removed"]), changes: true,
    isDestructive: true
  ) { holdings, _ in
    let count = try holdings.clearIndex()
    return Result(value: ["removed": .integer(count)], text: "\(count) texts were taken out.")
  }
}
