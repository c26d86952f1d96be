import Minke

/// What is looked for, and how the results of several queries are told apart.
struct SearchQuery {
  let text: String
  /// Its `id` in the file of queries.
  var id: JSONValue?

  /// The query of the command line, or those of a file.
  ///
  /// - Throws: ``MinkeError`` when there is none, or one says nothing.
  static func read(query: String?, file: String?) throws -> [SearchQuery] {
    var queries = query.map { [SearchQuery(text: $0)] } ?? []
    if let file {
      let name = file == "-" ? "standard input" : file
      for (number, line) in try lines(of: file).enumerated() where !line.allSatisfy(\.isWhitespace) {
        do {
          queries.append(file.hasSuffix(".jsonl") ? try SearchQuery(json: line) : SearchQuery(text: line))
        } catch let error as MinkeError {
          throw error.inside("\(name), line \(number + 1)")
        }
      }
      if queries.isEmpty { throw MinkeError(.invalidArgument, name, expected: "a query a line", found: "none") }
    }
    if let query, query.allSatisfy(\.isWhitespace) {
      throw MinkeError(.invalidArgument, "query", expected: "words to look for", found: "\"\(query)\"")
    }
    return queries
  }

  init(text: String) { self.text = text }

  private init(json line: String) throws {
    let value = try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "JSON") }
    guard let text = value["text"]?.string else {
      throw MinkeError(
        .malformedFile, "query", expected: "a JSON object with a string \"text\"",
        found: value.object == nil ? "another value" : "no such member")
    }
    self.text = text
    id = value["id"]
  }

  private static func lines(of file: String) throws -> [String] {
    var reader: TextFileReader
    var text: [UInt8] = []
    do throws(SkipReason) {
      reader = file == "-" ? TextFileReader(standardInputAs: nil) : try TextFileReader(FilePath(file))
      while !reader.isAtEnd { try reader.read(1 << 20, into: &text) }
    } catch {
      throw MinkeError(
        error == .gone ? .notFound : .inputOutput, file, expected: "a file with a query a line", found: "\(error)")
    }
    if text.starts(with: [0xef, 0xbb, 0xbf]) { text.removeFirst(3) }
    return text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
  }
}
