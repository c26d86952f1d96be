import Foundation
import Minke
import MinkeCore
import MinkeModels
import MinkeStore
import MinkeTestSupport
import Testing

@testable import MinkeServer

private func content(_ events: [JSONValue]) -> String {
  events.compactMap { $0["choices"]?.array?.first?["delta"]?["content"]?.string }.joined()
}

@Suite(.serialized) struct ChatEndpointTests {
  private static let messages: JSONValue = [
    ["role": "system", "content": "Be brief."], ["role": "user", "content": [["type": "text", "text": "Hi"]]],
  ]

  /// What the library says to the same.
  private func answer(_ language: LanguageModel, _ options: GenerationOptions) async throws -> (String, Int) {
    let session = try ChatSession(language, system: "Be brief.")
    var (text, tokens) = ("", 0)
    for try await piece in session.reply(to: "Hi", options: options) {
      text += piece.text
      if piece.token != nil { tokens += 1 }
    }
    return (text, tokens)
  }

  @Test func `An answer is that of the library, whole and in a stream`() async throws {
    let language = try TestServer.language.get()
    let (text, tokens) = try await answer(language, GenerationOptions(maximumTokens: 12))
    try await TestServer.with(language: language) { server in
      let request: [String: JSONValue] = ["messages": Self.messages, "temperature": 0, "max_tokens": 12]
      let whole = try await server.post("/v1/chat/completions", .object(request)).json
      let choice = try #require(whole["choices"]?.array?.first)
      #expect(whole["object"]?.string == "chat.completion")
      #expect(choice["message"]?["content"]?.string == text)
      #expect(choice["finish_reason"]?.string == (tokens == 12 ? "length" : "stop"))
      #expect(whole["usage"]?["completion_tokens"]?.integer == tokens)
      let prompt = whole["usage"]?["prompt_tokens"]?.integer ?? 0
      #expect(prompt > 10 && whole["usage"]?["total_tokens"]?.integer == prompt + tokens)

      var streamed = request
      streamed["stream"] = true
      streamed["stream_options"] = ["include_usage": true]
      let reply = try await server.post("/v1/chat/completions", .object(streamed))
      #expect(reply.headers["content-type"]?.hasPrefix("text/event-stream") == true)
      #expect(reply.text.hasSuffix("data: [DONE]\n\n"))
      let events = try reply.events
      #expect(events[0]["choices"]?.array?.first?["delta"]?["role"]?.string == "assistant")
      #expect(content(events) == text)
      #expect(events.allSatisfy { $0["object"]?.string == "chat.completion.chunk" })
      #expect(events.last?["usage"] == whole["usage"] && events.last?["choices"]?.array == [])
      #expect(events.dropLast().last?["choices"]?.array?.first?["finish_reason"] == choice["finish_reason"])
    }
  }

  @Test func `A conversation goes on from what was read of it`() async throws {
    let language = try TestServer.language.get()
    try await TestServer.with(language: language) { server in
      let first = try await server.post(
        "/v1/chat/completions", ["messages": [["role": "user", "content": "Hi"]], "temperature": 0, "max_tokens": 4]
      ).json["choices"]?.array?.first?["message"]?["content"]?.string
      let said = try #require(first)
      let second: JSONValue = [
        "messages": [
          ["role": "user", "content": "Hi"], ["role": "assistant", "content": .string(said)],
          ["role": "user", "content": "And?"],
        ], "temperature": 0, "max_tokens": 4,
      ]
      let one = try await server.post("/v1/chat/completions", second).json["choices"]
      // What the library says second, having said the first itself.
      let session = try ChatSession(language)
      var texts = ["", ""]
      for (turn, message) in ["Hi", "And?"].enumerated() {
        for try await piece in session.reply(to: message, options: GenerationOptions(maximumTokens: 4)) {
          texts[turn] += piece.text
        }
      }
      #expect(said == texts[0])
      #expect(one?.array?.first?["message"]?["content"]?.string == texts[1])
    }
  }

  @Test func `The same seed says the same, and a text to stop at ends it`() async throws {
    let language = try TestServer.language.get()
    try await TestServer.with(language: language) { server in
      func say(_ more: [String: JSONValue]) async throws -> (String, String) {
        var request: [String: JSONValue] = ["prompt": "The whale", "max_tokens": 16, "temperature": .number(1.5)]
        request.merge(more) { $1 }
        let choice = try await server.post("/v1/completions", .object(request)).json["choices"]?.array?.first
        return (choice?["text"]?.string ?? "", choice?["finish_reason"]?.string ?? "")
      }
      let one = try await say(["seed": 7])
      #expect(try await say(["seed": 7]) == one)
      #expect(try await say(["seed": 8]) != one)
      let stop = try #require(one.0.dropFirst(3).first)
      let stopped = try await say(["seed": 7, "stop": .string(String(stop))])
      #expect(stopped.1 == "stop" && !stopped.0.contains(stop) && one.0.hasPrefix(stopped.0))
      let echoed = try await say(["seed": 7, "echo": true])
      #expect(echoed.0 == "The whale" + one.0)
    }
  }

  @Test func `Probabilities are those of the model`() async throws {
    let language = try TestServer.language.get()
    try await TestServer.with(language: language) { server in
      let reply = try await server.post(
        "/v1/completions", ["prompt": "The whale", "max_tokens": 3, "temperature": 0, "logprobs": 2]
      ).json
      let probabilities = try #require(reply["choices"]?.array?.first?["logprobs"])
      let given = try #require(probabilities["token_logprobs"]?.array).compactMap(\.double)
      let tokens = try language.generate("The whale", options: GenerationOptions(maximumTokens: 3)) { _ in }
      var context = language.makeContext()
      var logits = try context.append(language.tokenizer.encode("The whale"))
      for (place, token) in tokens.enumerated() {
        let top = Double(logits.max() ?? 0)
        let sum = top + log(logits.reduce(0.0) { $0 + exp(Double($1) - top) })
        #expect(abs(given[place] - (Double(logits[Int(token)]) - sum)) < 1e-9)
        // The likeliest is the one chosen.
        #expect(probabilities["top_logprobs"]?.array?[place].object?.values.compactMap(\.double).max() == given[place])
        logits = try context.append([token])
      }
      let chat = try await server.post(
        "/v1/chat/completions",
        ["messages": Self.messages, "max_tokens": 2, "temperature": 0, "logprobs": true, "top_logprobs": 3]
      ).json
      let entries = try #require(chat["choices"]?.array?.first?["logprobs"]?["content"]?.array)
      #expect(entries.count == 2 && entries.allSatisfy { $0["top_logprobs"]?.array?.count == 3 })
      #expect(entries[0]["top_logprobs"]?.array?.first?["logprob"] == entries[0]["logprob"])
    }
  }

  @Test(arguments: [
    #"{"messages": []}"#, #"{}"#, #"{"messages": [{"role": "tool", "content": "a"}]}"#,
    #"{"messages": [{"role": "assistant", "content": "a"}]}"#,
    #"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#,
    #"{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "a"}, {"role": "user", "content": "a"}]}"#,
    #"{"messages": [{"role": "user", "content": "a"}], "temperature": 3}"#,
    #"{"messages": [{"role": "user", "content": "a"}], "top_p": 0}"#,
    #"{"messages": [{"role": "user", "content": "a"}], "n": 2}"#,
    #"{"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function"}]}"#,
    #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": -1}"#,
    #"{"messages": [{"role": "user", "content": "a"}], "stop": 5}"#,
  ])
  func `A wrong conversation is told what is wrong`(body: String) async throws {
    try await TestServer.with(language: TestServer.language.get()) { server in
      let reply = try await server.send("POST", "/v1/chat/completions", [:], Array(body.utf8))
      #expect(reply.status == 400)
      #expect(try reply.json["error"]?["type"]?.string == "invalid_request_error")
    }
  }

  @Test func `Errors before the first piece are statuses, also of a stream`() async throws {
    try await TestServer.with(language: TestServer.language.get()) { server in
      let long = String(repeating: "whale ", count: 500)
      let reply = try await server.post(
        "/v1/chat/completions", ["messages": [["role": "user", "content": .string(long)]], "stream": true])
      #expect(reply.status == 400)
      #expect(try await server.post("/v1/chat/completions", ["messages": [], "model": "gpt-4"]).status == 404)
    }
    try await TestServer.with { server in
      let reply = try await server.post("/v1/chat/completions", ["messages": Self.messages])
      #expect(reply.status == 404)
      #expect(try reply.json["error"]?["code"]?.string == "model_not_found")
    }
  }

  @Test func `A client that goes away stops its answer`() async throws {
    let language = try ByteModel.language(contextLength: 20_000)
    var settings = ServerSettings()
    settings.limits.generations = 1
    settings.limits.waitingGenerations = 0
    try await TestServer.with(settings, language: language) { server in
      let body = Array(#"{"prompt": "The whale", "stream": true, "temperature": 0, "max_tokens": 19000}"#.utf8)
      let head =
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.count)\r\n\r\n"
      // The socket is closed long before the end.
      let begin = try await server.raw(Array(head.utf8) + body, keepsOpenFor: 2)
      #expect(String(decoding: begin, as: UTF8.self).contains("data: {"))
      // The one place is free again, long before all is said.
      var status = 429
      for _ in 0..<500 where status == 429 {
        try await Task.sleep(for: .milliseconds(20))
        status = try await server.post("/v1/completions", ["prompt": "a", "max_tokens": 1]).status
      }
      #expect(status == 200)
    }
  }

  @Test func `An answer is made of the passages that are about the question`() async throws {
    let records = [
      TextRecord(id: "roof", text: "The roofer Anna mends the roof before winter."),
      TextRecord(id: "bread", text: "Bread is baked in a hot oven."),
    ]
    let language = try ByteModel.language(contextLength: 4096)
    try await TestServer.withCollection(records) { collection in
      try await TestServer.with(language: language, collections: [collection]) { server in
        let asked: JSONValue = [
          "messages": [["role": "user", "content": "Who mends the roof?"]], "collections": ["*"], "max_tokens": 8,
          "temperature": 0,
        ]
        let reply = try await server.post("/v1/chat/completions", asked).json
        let sources = try #require(reply["sources"]?.array)
        #expect(sources.map { $0["document"]?.string } == ["roof"])
        #expect(sources[0]["number"]?.integer == 1 && sources[0]["collection"]?.string == "notes")
        // What the library makes of the same passages.
        let grounded = try GroundedQuestion(
          "Who mends the roof?", in: [("notes", collection)], options: GroundedQuestion.search, for: language,
          room: GroundedQuestion.room(8, language))
        let session = try ChatSession(language, messages: grounded.messages.dropLast())
        var text = ""
        for try await piece in session.reply(
          to: grounded.messages[1].text, options: GenerationOptions(maximumTokens: 8))
        { text += piece.text }
        #expect(reply["choices"]?.array?.first?["message"]?["content"]?.string == text)
        #expect(grounded.messages[1].text.contains("[1] roof:1\nThe roofer Anna"))

        let other: JSONValue = [
          "messages": [["role": "user", "content": "quantum chromodynamics lattice"]], "collections": ["notes"],
          "stream": true,
        ]
        let nothing = try await server.post("/v1/chat/completions", other).events
        #expect(nothing[0]["sources"]?.array == [])
        #expect(content(nothing) == GroundedQuestion.nothingFound)
      }
    }
  }

  @Test func `Passages that do not fit into the context are left out or cut`() async throws {
    let records = (0..<30).map {
      TextRecord(
        id: "\($0)", text: "The roofer number \($0) mends the roof. " + String(repeating: "Tiles. ", count: 20))
    }
    let language = try ByteModel.language(contextLength: 1024)
    try await TestServer.withCollection(records) { collection in
      let grounded = try GroundedQuestion(
        "Who mends the roof?", in: [("notes", collection)], options: CollectionSearchOptions(k: 30), for: language,
        room: 200)
      #expect(!grounded.sources.isEmpty && grounded.sources.count < 30)
      let tokens = grounded.messages.reduce(0) { $0 + language.tokenizer.encodePlain($1.text).count }
      #expect(tokens + 200 < 1024)
      #expect(tokens > 400)
    }
  }
}
