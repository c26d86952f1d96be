import Hummingbird
import Minke
import MinkeCore
import MinkeModels

/// The endpoints of the text encoder.
struct EmbeddingEndpoints: Sendable {
  let holdings: Holdings

  var routes: [Route] {
    [
      .post("/v1/embeddings", embeddings), .get("/v1/models", models), .get("/v1/models/{model}", model),
      .post("/v1/rerank", rerank), .post("/similarity", similarity),
    ]
  }

  /// Responses to more texts are written elsewhere than on the thread of the connection, as are packed signs, which are
  /// worked out on all cores.
  private static let shortReply = 16

  private func embeddings(_ exchange: Exchange) async throws -> Response {
    let limits = holdings.limits
    let encoder = holdings.encoder
    let request = try await exchange.read { try EmbeddingsRequest($0, limits: limits) }
    if let model = request.model { try requireEncoder(model) }
    try request.check(encoder)
    let encoded = try await holdings.encoding.encode(request.inputs, request.form(encoder))
    let reply = EmbeddingsReply(
      vectors: encoded.vectors, tokens: encoded.tokens, model: encoder.identity.name, encoding: request.encoding,
      type: request.type)
    let isShort = request.inputs.count <= Self.shortReply && request.type != .binary && request.type != .ubinary
    let text = isShort ? try reply.text() : try await Workers.run { try reply.text() }
    return Response(jsonText: text)
  }

  /// - Throws: `Failure` unless `name` is that of the encoder.
  private func requireEncoder(_ name: String) throws(Failure) {
    let own = holdings.encoder.identity.name
    guard name == own || name.isEmpty else {
      throw Failure(
        .notFound, "model: expected \"\(own)\", which this server has, found \"\(name.prefix(100))\"",
        code: "model_not_found", parameter: "model")
    }
  }

  // MARK: Models

  private var list: [JSONValue] {
    var models = [Self.description(of: holdings.encoder.identity.name, "embedding")]
    if let chat = holdings.chat { models.append(Self.description(of: chat.language.identity.name, "chat")) }
    return models
  }

  private static func description(of name: String, _ type: String) -> JSONValue {
    ["id": .string(name), "object": "model", "created": 0, "owned_by": "minke", "type": .string(type)]
  }

  private func models(_ exchange: Exchange) -> Response {
    Response(json: ["object": "list", "data": .array(list)])
  }

  private func model(_ exchange: Exchange) throws -> Response {
    let name = exchange.parameters["model"] ?? ""
    guard let found = list.first(where: { $0["id"]?.string == name }) else {
      throw Failure.notFound("model: expected one of /v1/models, found another", code: "model_not_found")
    }
    return Response(json: found)
  }

  // MARK: Reranking

  /// The request and response of Cohere's and Jina's rerankers.
  private func rerank(_ exchange: Exchange) async throws -> Response {
    let members = try await exchange.members()
    if let model = try members.text("model") { try requireEncoder(model) }
    let query = try members.requiredText("query")
    var documents: [String] = []
    for document in try members.objects("documents", most: holdings.limits.texts) ?? [] {
      guard let text = document.string ?? document["text"]?.string else {
        throw members.wrong("documents", "texts, or objects with a text \"text\"")
      }
      documents.append(text)
    }
    if documents.isEmpty { throw members.wrong("documents", "one or more") }
    let count = try members.integer("top_n", in: 1...Int.max) ?? documents.count
    let isReturned = try members.boolean("return_documents") ?? false
    let (scores, tokens) = try await holdings.relevance(of: documents, to: query)
    let order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(count)
    let results = order.map { index -> JSONValue in
      var result: [String: JSONValue] = [
        "index": .integer(index), "relevance_score": .number(Double(scores[index])),
      ]
      if isReturned { result["document"] = ["text": .string(documents[index])] }
      return .object(result)
    }
    return Response(
      json: [
        "id": .string(Self.newID("rerank")), "model": .string(holdings.encoder.identity.name),
        "results": .array(results),
        "usage": ["prompt_tokens": .integer(tokens), "total_tokens": .integer(tokens)],
      ])
  }

  /// A name that no other response has.
  static func newID(_ kind: String) -> String {
    "\(kind)-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
      + String(UInt32.random(in: 0...UInt32.max), radix: 36)
  }

  // MARK: Similarity

  /// Texts that are all compared with each other, at most: the response grows with the square.
  static let comparedTexts = 256

  private func similarity(_ exchange: Exchange) async throws -> Response {
    let members = try await exchange.members()
    let encoder = holdings.encoder
    let dimension = try members.integer("dimension", in: 1...65_536)
    if let dimension, !encoder.dimensions.contains(dimension) {
      throw members.wrong("dimension", "one of " + encoder.dimensions.map(String.init).joined(separator: ", "))
    }
    var reply: [String: JSONValue] = [
      "model": .string(encoder.identity.name), "dimension": .integer(dimension ?? encoder.dimension),
    ]
    if members["text1"] != nil || members["text2"] != nil {
      let (one, other) = (try members.requiredText("text1"), try members.requiredText("text2"))
      let similarity = try await holdings.similarities([one], [other], dimension: dimension)[0]
      reply["similarity"] = .number(Double(similarity))
      return Response(json: .object(reply))
    }
    if let query = try members.text("query") {
      let texts = try members.texts("texts", most: holdings.limits.texts) ?? []
      if texts.isEmpty { throw members.wrong("texts", "one or more texts") }
      let similarities = try await holdings.similarities([query], texts, dimension: dimension)
      reply["similarities"] = .array(similarities.map { .number(Double($0)) })
      return Response(json: .object(reply))
    }
    let texts = try members.texts("texts", most: Self.comparedTexts) ?? []
    guard texts.count > 1 else { throw members.wrong("texts", "two or more texts") }
    let similarities = try await holdings.similarities(texts, texts, dimension: dimension)
    reply["similarities"] = .array(
      texts.indices.map { row in
        .array(similarities[row * texts.count..<(row + 1) * texts.count].map { .number(Double($0)) })
      })
    return Response(json: .object(reply))
  }
}
