import Foundation
import Hummingbird
import Minke
import MinkeCore
import MinkeModels

/// The endpoints of the language model.
struct ChatEndpoints: Sendable {
  let holdings: Holdings
  let clients: Clients

  var routes: [Route] { [.post("/v1/chat/completions", chat), .post("/v1/completions", complete)] }

  /// - Throws: `Failure` when the server has no language model, or the request names another.
  private func desk(_ members: Members) throws(Failure) -> ChatDesk {
    guard let desk = holdings.chat else {
      throw Failure(
        .notFound, "model: this server was started without a language model (--chat-model)", code: "model_not_found",
        parameter: "model")
    }
    let own = desk.language.identity.name
    if let name = try members.text("model"), !name.isEmpty, name != own {
      throw Failure(
        .notFound, "model: expected \"\(own)\", which this server has, found \"\(name.prefix(100))\"",
        code: "model_not_found", parameter: "model")
    }
    return desk
  }

  // MARK: Chat

  private func chat(_ exchange: Exchange) async throws -> Response {
    let members = try await exchange.members()
    let desk = try desk(members)
    let wantsProbabilities = try members.boolean("logprobs") ?? false
    let likeliest = try members.integer("top_logprobs", in: 0...20)
    let request = try GenerationRequest(members, likeliest: wantsProbabilities ? likeliest ?? 0 : nil)
    var messages = try Self.messages(members)
    var sources: JSONValue?
    if let names = try members.texts("collections", most: 100), !names.isEmpty {
      let grounded = try await ground(messages, in: names, desk, request.options, exchange)
      sources = .array(grounded.sources.map(Self.json))
      if grounded.sources.isEmpty { return reply(saying: GroundedQuestion.nothingFound, desk, request) }
      messages = grounded.messages
    }
    let head = Head(kind: "chat.completion", id: EmbeddingEndpoints.newID("chatcmpl"), desk)
    let (conversation, language) = (messages, desk.language)
    let stream = GenerationStream(for: exchange.channel, clients) { emit in
      _ = try await desk.answer(conversation, request.options, emit)
    }
    if request.isStreamed {
      return try await stream.response(
        first: head.chunk(delta: ["role": "assistant", "content": ""], sources: sources),
        event: { piece in
          let probabilities = language.chatProbabilities(piece)
          if piece.text.isEmpty, probabilities == nil { return [] }
          return [head.chunk(delta: ["content": .string(piece.text)], probabilities: probabilities)]
        },
        last: { outcome in
          let end = head.chunk(delta: [:], end: outcome.end?.finishReason ?? "stop")
          return request.includesUsage ? [end, head.chunk(usage: outcome.usage)] : [end]
        })
    }
    let (outcome, pieces) = try await stream.whole()
    var choice: [String: JSONValue] = [
      "index": 0, "message": ["role": "assistant", "content": .string(outcome.text)],
      "finish_reason": outcome.end?.finishReason ?? "stop", "logprobs": .null,
    ]
    if wantsProbabilities { choice["logprobs"] = ["content": .array(pieces.compactMap(language.chatProbabilities))] }
    return Response(json: head.whole(.object(choice), usage: outcome.usage, sources: sources))
  }

  /// A response that says `text` without asking the model.
  private func reply(saying text: String, _ desk: ChatDesk, _ request: GenerationRequest) -> Response {
    let head = Head(kind: "chat.completion", id: EmbeddingEndpoints.newID("chatcmpl"), desk)
    let outcome = ChatDesk.Outcome(text: text, end: .endOfText)
    guard request.isStreamed else {
      let choice: JSONValue = [
        "index": 0, "message": ["role": "assistant", "content": .string(text)], "finish_reason": "stop",
        "logprobs": .null,
      ]
      return Response(json: head.whole(choice, usage: outcome.usage, sources: []))
    }
    var buffer = ByteBuffer()
    buffer.writeEvent(head.chunk(delta: ["role": "assistant", "content": ""], sources: []))
    buffer.writeEvent(head.chunk(delta: ["content": .string(text)]))
    buffer.writeEvent(head.chunk(delta: [:], end: "stop"))
    if request.includesUsage { buffer.writeEvent(head.chunk(usage: outcome.usage)) }
    buffer.writeString("data: [DONE]\n\n")
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
      body: ResponseBody(byteBuffer: buffer))
  }

  /// The messages of a conversation, those of the system at its beginning as one.
  static func messages(_ members: Members) throws(Failure) -> [ChatMessage] {
    guard let list = try members.objects("messages", most: 10_000), !list.isEmpty else {
      throw members.wrong("messages", "one or more messages")
    }
    var messages: [ChatMessage] = []
    for (index, value) in list.enumerated() {
      let message = try Members(value, at: "messages[\(index)].")
      let role: ChatMessage.Role
      switch try message.requiredText("role") {
      case "system", "developer": role = .system
      case "user": role = .user
      case "assistant": role = .assistant
      default: throw message.wrong("role", "system, user or assistant")
      }
      let text: String
      if let content = message["content"]?.string {
        text = content
      } else if let parts = message["content"]?.array {
        var joined = ""
        for part in parts {
          guard part["type"]?.string == "text", let piece = part["text"]?.string else {
            throw message.wrong("content", "text")
          }
          joined += piece
        }
        text = joined
      } else {
        throw message.wrong("content", "text")
      }
      if role == .system, let last = messages.last {
        guard messages.count == 1, last.role == .system else {
          throw message.wrong("role", "messages of the system before all others")
        }
        messages[0] = ChatMessage(.system, last.text + "\n\n" + text)
      } else {
        messages.append(ChatMessage(role, text))
      }
    }
    guard messages.last?.role == .user else { throw members.wrong("messages", "one of the user at the end") }
    return messages
  }

  // MARK: Answers out of collections

  private func ground(
    _ messages: [ChatMessage], in names: [String], _ desk: ChatDesk, _ options: GenerationOptions, _ exchange: Exchange
  ) async throws -> GroundedQuestion {
    let chosen = try holdings.collections(names)
    guard !chosen.isEmpty else { throw Failure.wrong("collections", expected: "a collection", found: "none") }
    let question = messages.last?.text ?? ""
    let room = GroundedQuestion.room(options.maximumTokens, desk.language)
    return try await clients.whileHere(exchange.channel) {
      try await Workers.run {
        try GroundedQuestion(
          question, in: chosen.map { ($0.name, $0.collection) }, options: GroundedQuestion.search, for: desk.language,
          room: room)
      }
    }
  }

  private static func json(_ source: GroundedQuestion.Source) -> JSONValue {
    var members = CollectionEndpoints.json(source.passage, in: source.collection)
    members["number"] = .integer(source.number)
    members["score"] = .number(Double(source.passage.score))
    return .object(members)
  }

  // MARK: Completions

  private func complete(_ exchange: Exchange) async throws -> Response {
    let members = try await exchange.members()
    let desk = try desk(members)
    let likeliest = try members.integer("logprobs", in: 0...20)
    let request = try GenerationRequest(members, likeliest: likeliest)
    guard let prompts = try members.texts("prompt", most: 1), let prompt = prompts.first else {
      throw members.wrong("prompt", "a text")
    }
    let isEchoed = try members.boolean("echo") ?? false
    let head = Head(kind: "text_completion", id: EmbeddingEndpoints.newID("cmpl"), desk)
    let language = desk.language
    let stream = GenerationStream(for: exchange.channel, clients) { emit in
      _ = try await desk.complete(prompt, request.options, emit)
    }
    if request.isStreamed {
      return try await stream.response(
        first: isEchoed ? head.chunk(text: prompt) : nil,
        event: { $0.text.isEmpty ? [] : [head.chunk(text: $0.text)] },
        last: { outcome in
          let end = head.chunk(text: "", end: outcome.end?.finishReason ?? "stop")
          return request.includesUsage ? [end, head.chunk(usage: outcome.usage)] : [end]
        })
    }
    let (outcome, pieces) = try await stream.whole()
    var choice: [String: JSONValue] = [
      "index": 0, "text": .string((isEchoed ? prompt : "") + outcome.text),
      "finish_reason": outcome.end?.finishReason ?? "stop", "logprobs": .null,
    ]
    if likeliest != nil { choice["logprobs"] = Self.probabilities(pieces, language, from: isEchoed ? prompt.count : 0) }
    return Response(json: head.whole(.object(choice), usage: outcome.usage, sources: nil))
  }

  /// The probabilities of all tokens in OpenAI's form for completions.
  private static func probabilities(
    _ pieces: [GeneratedPiece], _ language: LanguageModel, from offset: Int
  ) -> JSONValue {
    func text(_ probability: TokenProbability) -> String {
      String(decoding: language.tokenizer.bytes(of: probability.token) ?? [], as: UTF8.self)
    }
    var (tokens, chosen, top, offsets): ([JSONValue], [JSONValue], [JSONValue], [JSONValue]) = ([], [], [], [])
    var place = offset
    for piece in pieces {
      guard let probability = piece.probability else { continue }
      tokens.append(.string(text(probability)))
      chosen.append(.number(probability.logProbability))
      top.append(
        .object(
          Dictionary(piece.likeliest.map { (text($0), .number($0.logProbability)) }) { first, _ in first }))
      offsets.append(.integer(place))
      place += text(probability).count
    }
    return [
      "tokens": .array(tokens), "token_logprobs": .array(chosen), "top_logprobs": .array(top),
      "text_offset": .array(offsets),
    ]
  }
}

/// What all parts of a response have in common.
private struct Head: Sendable {
  let kind: String
  let id: String
  let created: Int
  let model: String

  init(kind: String, id: String, _ desk: ChatDesk) {
    (self.kind, self.id) = (kind, id)
    created = Int(Date().timeIntervalSince1970)
    model = desk.language.identity.name
  }

  private func members(_ kind: String, _ choices: [JSONValue]) -> [String: JSONValue] {
    [
      "id": .string(id), "object": .string(kind), "created": .integer(created), "model": .string(model),
      "choices": .array(choices),
    ]
  }

  private var chunkKind: String { kind == "chat.completion" ? "chat.completion.chunk" : kind }

  func chunk(
    delta: JSONValue, end: JSONValue = .null, probabilities: JSONValue? = nil, sources: JSONValue? = nil
  ) -> JSONValue {
    var choice: [String: JSONValue] = ["index": 0, "delta": delta, "finish_reason": end]
    if let probabilities { choice["logprobs"] = ["content": [probabilities]] }
    var members = members(chunkKind, [.object(choice)])
    if let sources { members["sources"] = sources }
    return .object(members)
  }

  func chunk(text: String, end: JSONValue = .null) -> JSONValue {
    .object(members(kind, [["index": 0, "text": .string(text), "finish_reason": end, "logprobs": .null]]))
  }

  func chunk(usage: JSONValue) -> JSONValue {
    var members = members(chunkKind, [])
    members["usage"] = usage
    return .object(members)
  }

  func whole(_ choice: JSONValue, usage: JSONValue, sources: JSONValue?) -> JSONValue {
    var members = members(kind, [choice])
    members["usage"] = usage
    if let sources { members["sources"] = sources }
    return .object(members)
  }
}
