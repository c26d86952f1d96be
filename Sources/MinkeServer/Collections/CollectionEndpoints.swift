import Hummingbird
import Minke
import MinkeCore
import MinkeStore

/// The endpoints of collections.
struct CollectionEndpoints: Sendable {
  let holdings: Holdings

  var routes: [Route] {
    [
      .get("/collections", list), .get("/collections/{name}", one), .post("/search", search),
      .post("/collections/{name}/search", searchOne), .get("/collections/{name}/passages/{id}", passage),
      .get("/collections/{name}/document", document), .get("/collections/{name}/documents", documents),
      .get("/collections/{name}/map", map), .post("/collections/{name}/add", add),
      .post("/collections/{name}/remove", remove),
    ]
  }

  private func named(_ exchange: Exchange) throws(Failure) -> NamedCollection {
    try holdings.collection(exchange.parameters["name"] ?? "")
  }

  // MARK: What there is

  private func list(_ exchange: Exchange) async throws -> Response {
    Response(json: ["collections": .array(try await holdings.descriptions())])
  }

  private func one(_ exchange: Exchange) async throws -> Response {
    Response(json: try await holdings.description(of: named(exchange)))
  }

  // MARK: Searching

  private func search(_ exchange: Exchange) async throws -> Response {
    let members = try await exchange.members()
    if members["documents"] != nil { return try await rank(members) }
    return try await search(members, in: holdings.collections(members.texts("collections", most: 1000)))
  }

  private func searchOne(_ exchange: Exchange) async throws -> Response {
    try await search(exchange.members(), in: [named(exchange)])
  }

  private func search(_ members: Members, in collections: [NamedCollection]) async throws -> Response {
    let query = try members.requiredText("query")
    var options = SearchOptions(k: try members.integer("k", in: 1...holdings.limits.results) ?? 10)
    options.mode = try members.choice("mode", SearchMode.self) ?? .both
    options.threshold = try members.number("threshold", in: -1e6...1e6).map { Float($0) }
    options.maximumPerDocument = try members.integer("max_per_document", in: 1...1000)
    let result = try await holdings.search(
      Holdings.Search(
        query: query, collections: collections, options: options, filter: try members.text("filter"),
        surroundings: try members.integer("surroundings", in: 0...50) ?? 0))
    let isShort = result.found.count <= Self.shortReply
    let text = isShort ? Self.text(of: result, query) : try await Workers.run { Self.text(of: result, query) }
    return Response(jsonText: text)
  }

  /// Responses with more results are written elsewhere than on the thread of the connection.
  private static let shortReply = 20

  private static func text(of result: Holdings.SearchResult, _ query: String) -> ByteBuffer {
    let words = QueryWords(query)
    let results = result.found.enumerated().map { rank, found -> JSONValue in
      var json = json(found.passage, in: found.collection)
      json["rank"] = .integer(rank + 1)
      json["score"] = .number(Double(found.passage.score))
      json["matches"] = matches(words, in: found.passage.text)
      return .object(json)
    }
    let reply: JSONValue = [
      "query": .string(query), "milliseconds": .number(result.milliseconds), "passages": .integer(result.passages),
      "results": .array(results),
    ]
    return ByteBuffer(string: reply.text)
  }

  /// The texts of a request, the most like its query first.
  private func rank(_ members: Members) async throws -> Response {
    let query = try members.requiredText("query")
    let documents = try members.texts("documents", most: holdings.limits.texts) ?? []
    if documents.isEmpty { throw members.wrong("documents", "one or more texts") }
    let k = try members.integer("k", in: 1...Int.max) ?? members.integer("top_k", in: 1...Int.max) ?? documents.count
    let scores = try await holdings.relevance(of: documents, to: query).scores
    let order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(k)
    let results = order.enumerated().map { rank, index -> JSONValue in
      [
        "rank": .integer(rank + 1), "index": .integer(index), "score": .number(Double(scores[index])),
        "text": .string(documents[index]),
      ]
    }
    return Response(json: ["query": .string(query), "results": .array(results)])
  }

  /// Where words stand in a text, in UTF-16 code units, as JavaScript counts.
  static func matches(_ words: QueryWords, in text: String) -> JSONValue {
    var ranges: [JSONValue] = []
    var (place, offset) = (text.startIndex, 0)
    for range in words.ranges(in: text) {
      offset += text.utf16.distance(from: place, to: range.lowerBound)
      let end = offset + text.utf16.distance(from: range.lowerBound, to: range.upperBound)
      ranges.append([.integer(offset), .integer(end)])
      (place, offset) = (range.upperBound, end)
    }
    return .array(ranges)
  }

  /// A passage as all endpoints give it.
  static func json(_ found: FoundPassage, in collection: String) -> [String: JSONValue] {
    var members: [String: JSONValue] = ["title": .null, "page": .null, "context": .null, "metadata": .object([:])]
    members.merge(found.json) { $1 }
    members["collection"] = .string(collection)
    members["id"] = found.id.map { .integer(Int($0)) } ?? .null
    return members
  }

  // MARK: Reading

  private func id(_ text: String?) throws(Failure) -> Int64 {
    guard let text, let id = Int64(text) else {
      throw .wrong("passage", expected: "the number of a passage", found: (text ?? "none").prefix(60) + "")
    }
    return id
  }

  private func passage(_ exchange: Exchange) async throws -> Response {
    let named = try named(exchange)
    let id = try id(exchange.parameters["id"])
    let around = try exchange.queryNumber("around", in: 0...50, default: 2)
    let (before, found, after) = try await holdings.surroundings(of: id, in: named, count: around)
    return Response(
      json: [
        "passage": .object(Self.json(found, in: named.name)),
        "before": .array(before.map { .object(Self.json($0, in: named.name)) }),
        "after": .array(after.map { .object(Self.json($0, in: named.name)) }),
      ])
  }

  /// Passages before and behind the one asked for that a document is given with.
  private static let documentReach = 2500

  private func document(_ exchange: Exchange) async throws -> Response {
    let named = try named(exchange)
    let id: Int64
    if let name = try exchange.queryItem("name") {
      guard let first = try await Workers.run({ try named.collection.firstPassage(of: name) }) else {
        throw Failure.notFound("document: expected one of the collection with text, found another")
      }
      id = first
    } else {
      id = try self.id(exchange.queryItem("passage"))
    }
    let (before, found, after) = try await holdings.surroundings(of: id, in: named, count: Self.documentReach)
    let passages = (before + [found] + after).map { passage -> JSONValue in
      var json = Self.json(passage, in: named.name)
      for name in ["collection", "document", "title", "metadata"] { json[name] = nil }
      return .object(json)
    }
    let isTruncated = before.count == Self.documentReach || after.count == Self.documentReach
    return Response(
      json: [
        "collection": .string(named.name), "document": .string(found.document),
        "title": found.title.map { .string($0) } ?? .null, "metadata": .object(found.metadata),
        "passages": .array(passages), "truncated": .boolean(isTruncated),
      ])
  }

  private func documents(_ exchange: Exchange) async throws -> Response {
    let collection = try named(exchange).collection
    let offset = try exchange.queryNumber("offset", in: 0...Int(Int32.max), default: 0)
    let limit = try exchange.queryNumber("limit", in: 1...10_000, default: 100)
    let (total, names) = try await Workers.run {
      (try collection.documentCount, try collection.documents(from: offset, count: limit))
    }
    return Response(json: ["total": .integer(total), "documents": .array(names.map { .string($0) })])
  }

  private func map(_ exchange: Exchange) async throws -> Response {
    switch try await holdings.maps.map(of: named(exchange)) {
    case .making(let share):
      var response = Response(json: ["progress": .number(share)], status: .accepted)
      response.headers[.retryAfter] = "1"
      return response
    case .ready(let text, let tag):
      if exchange.head.headerFields[.ifNoneMatch] == tag {
        return Response(status: .notModified, headers: [.eTag: tag])
      }
      var response = Response(jsonText: text)
      response.headers[.eTag] = tag
      response.headers[.cacheControl] = "private, no-cache"
      return response
    }
  }

  // MARK: Changing

  private func add(_ exchange: Exchange) async throws -> Response {
    let named = try named(exchange)
    let records = try Self.records(await exchange.members(), most: holdings.limits.texts)
    let report = try await holdings.add(records, to: named)
    return Response(
      json: [
        "added": .integer(report.added), "changed": .integer(report.changed), "unchanged": .integer(report.unchanged),
        "passages": .integer(report.passages),
      ])
  }

  private func remove(_ exchange: Exchange) async throws -> Response {
    let named = try named(exchange)
    let members = try await exchange.members()
    let documents = try members.texts("documents", most: holdings.limits.texts) ?? []
    if documents.isEmpty { throw members.wrong("documents", "one or more names") }
    let removed = try await holdings.remove(documents, from: named)
    return Response(json: ["removed": .array(removed.map { .string($0) })])
  }

  /// The documents of a request: objects with an id, a text, perhaps a title and metadata.
  static func records(_ members: Members, most: Int) throws(Failure) -> [TextRecord] {
    guard let list = try members.objects("documents", most: most), !list.isEmpty else {
      throw members.wrong("documents", "one or more documents")
    }
    var records: [TextRecord] = []
    for (index, value) in list.enumerated() {
      let document = try Members(value, at: "documents[\(index)].")
      var metadata: [String: JSONValue] = [:]
      if let given = document["metadata"] {
        guard let object = given.object else { throw document.wrong("metadata", "an object") }
        metadata = object
      }
      records.append(
        TextRecord(
          id: try document.requiredText("id"), text: try document.requiredText("text"),
          title: try document.text("title"),
          metadata: metadata))
    }
    return records
  }
}
