import Hummingbird
import Minke
import MinkeCore
import MinkeText

/// The endpoints of the index in memory.
struct IndexEndpoints: Sendable {
  let holdings: Holdings

  var routes: [Route] {
    [
      .post("/index/add", add), .post("/index/query", query), .get("/index/stats", statistics),
      .post("/index/clear", clear),
    ]
  }

  private func add(_ exchange: Exchange) async throws -> Response {
    let documents = try Self.documents(await exchange.members(), most: holdings.limits.texts)
    let (count, passages) = try await holdings.addToIndex(documents)
    return Response(
      json: ["added": .integer(documents.count), "documents": .integer(count), "passages": .integer(passages)])
  }

  /// `texts` with perhaps `ids` of their own, or `documents` with an id and a text each.
  static func documents(_ members: Members, most: Int) throws(Failure) -> [Document] {
    if members["documents"] != nil {
      return try CollectionEndpoints.records(members, most: most).map {
        Document(id: $0.id, text: $0.wholeText)
      }
    }
    let texts = try members.texts("texts", most: most) ?? []
    if texts.isEmpty { throw members.wrong("texts", "one or more texts") }
    guard let ids = try members.texts("ids", most: most) else {
      // The same text has the same name, so that adding it again adds nothing.
      return texts.map { Document(id: TextName.of($0), text: $0) }
    }
    guard ids.count == texts.count, !ids.contains("") else {
      throw members.wrong("ids", "\(texts.count) names, one for each text")
    }
    return zip(ids, texts).map { Document(id: $0, text: $1) }
  }

  private func query(_ exchange: Exchange) async throws -> Response {
    let members = try await exchange.members()
    let query = try members.requiredText("query")
    let k =
      try members.integer("k", in: 1...holdings.limits.results)
      ?? members.integer(
        "top_k", in: 1...holdings.limits.results)
    let found = try await holdings.queryIndex(
      query, k: k ?? 10, threshold: try members.number("threshold", in: -1e6...1e6).map { Float($0) },
      mode: try members.choice("mode", SearchMode.self) ?? .both)
    return Response(json: ["query": .string(query), "results": .array(Self.json(found))])
  }

  static func json(_ found: [FoundPassage]) -> [JSONValue] {
    found.enumerated().map { rank, passage in
      [
        "rank": .integer(rank + 1), "score": .number(Double(passage.score)), "id": .string(passage.document),
        "lines": [.integer(passage.passage.lines.lowerBound), .integer(passage.passage.lines.upperBound)],
        "text": .string(passage.text),
      ]
    }
  }

  private func statistics(_ exchange: Exchange) -> Response { Response(json: holdings.indexStatistics()) }

  private func clear(_ exchange: Exchange) throws -> Response {
    Response(json: ["removed": .integer(try holdings.clearIndex())])
  }
}

/// A name made of a text.
enum TextName {
  static func of(_ text: String) -> String {
    let hash = Array(text.utf8).withUnsafeBytes { BLAKE2b.hash($0, length: 16) }
    return hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
