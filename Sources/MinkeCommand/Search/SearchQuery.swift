import Minke

/// What is looked for, and how the results of several queries are told apart.
struct SearchQuery {
  let text: String
  /// Its `id` in the file of queries.
  var id: JSONValue?

  init(text: String) { self.text = text }

  /// The query of the command line, or those of a file.
  ///
  /// - Throws: `MinkeError` when there is none, or one says nothing.
  static func read(query: String?, file: String?) throws -> [SearchQuery] {
    guard let file else {
      guard let query, !query.allSatisfy(\.isWhitespace) else {
        throw MinkeError(.invalidArgument, "query", expected: "words to look for", found: "\"\(query ?? "")\"")
      }
      return [SearchQuery(text: query)]
    }
    var queries: [SearchQuery] = []
    var reader =
      file.hasSuffix(".jsonl")
      ? try RecordReader(InputFile(file), .automatic, skippingInvalid: false, json: SearchQuery.init(reading:))
      : try RecordReader(InputFile(file), .automatic, SearchQuery.init(text:))
    while let batch = try reader.next() { queries += batch.filter { !$0.text.allSatisfy(\.isWhitespace) } }
    if queries.isEmpty {
      throw MinkeError(.invalidArgument, InputFile.name(of: file), expected: "a query a line", found: "none")
    }
    return queries
  }

  private init(reading reader: inout JSONReader) throws {
    guard try reader.peek() == .object else {
      throw reader.error("a JSON object with a string \"text\"", found: try reader.peek().rawValue)
    }
    var (text, id): (String?, JSONValue?) = (nil, nil)
    try reader.readObject { reader, name in
      switch name {
      case "text" where try reader.peek() == .string: text = try reader.readString()
      case "id", "_id":
        id = try Array(reader.readText().utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "id") }
      default: try reader.skipValue()
      }
    }
    guard let text else { throw reader.error("a JSON object with a string \"text\"", found: "no such member") }
    self.text = text
    self.id = id
  }
}
