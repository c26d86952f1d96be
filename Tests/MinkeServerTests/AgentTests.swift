import Foundation
import Minke
import MinkeCore
import MinkeStore
import Testing

@testable import MinkeServer

private let records = [
  TextRecord(id: "notes/sea.md", text: "Whales swim in the cold southern sea."),
  TextRecord(id: "notes/bread.md", text: "Bread is baked in a hot oven."),
]

private func request(_ method: String, _ parameters: [String: JSONValue] = [:], id: JSONValue = 1) -> JSONValue {
  ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": .object(parameters)]
}

private let envelope: JSONValue = [
  "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": [:],
]

@Suite(.serialized) struct AgentTests {
  @Test(arguments: [("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2031-01-01", "2025-11-25")])
  func `A handshake agrees on a revision`(asked: String, agreed: String) async throws {
    try await TestServer.with { server in
      let reply = try await server.post(
        "/mcp", request("initialize", ["protocolVersion": .string(asked), "capabilities": [:]]))
      #expect(reply.status == 200)
      let result = try #require(try reply.json["result"])
      #expect(result["protocolVersion"]?.string == agreed)
      #expect(result["serverInfo"]?["name"]?.string == "minke")
      let initialized: JSONValue = ["jsonrpc": "2.0", "method": "notifications/initialized"]
      let notified = try await server.post("/mcp", initialized, ["MCP-Protocol-Version": agreed])
      #expect(notified.status == 202 && notified.body.isEmpty)
      let tools = try await server.post("/mcp", request("tools/list"), ["MCP-Protocol-Version": agreed]).json
      #expect(
        tools["result"]?["tools"]?.array?.map { $0["name"]?.string } == [
          "embed_text", "similarity", "index_add", "index_query", "index_stats", "index_clear",
        ])
      #expect(try await server.get("/mcp").status == 405)
    }
  }

  @Test func `Tools give what their schemas say, and errors that tell what to do`() async throws {
    try await TestServer.withCollection(records) { collection in
      try await TestServer.with(collections: [collection]) { server in
        func call(_ name: String, _ arguments: [String: JSONValue]) async throws -> JSONValue {
          let parameters: [String: JSONValue] = ["name": .string(name), "arguments": .object(arguments)]
          return try #require(try await server.post("/mcp", request("tools/call", parameters)).json["result"])
        }
        let tools = try #require(try await server.post("/mcp", request("tools/list")).json["result"]?["tools"]?.array)
        let outputs = Dictionary(uniqueKeysWithValues: tools.map { ($0["name"]?.string ?? "", $0["outputSchema"]) })
        func check(_ name: String, _ result: JSONValue) throws -> JSONValue {
          #expect(result["isError"]?.boolean == false, "\(name): \(result.text)")
          let value = try #require(result["structuredContent"])
          let required = outputs[name]??["required"]?.array?.compactMap(\.string) ?? ["?"]
          let known = Set(outputs[name]??["properties"]?.object?.keys.map { $0 } ?? [])
          #expect(Set(required).isSubset(of: Array((value.object ?? [:]).keys)))
          #expect(Set((value.object ?? [:]).keys).isSubset(of: known))
          return value
        }
        let found = try check("search", await call("search", ["query": "whales", "k": 1]))
        let passage = try #require(found["results"]?.array?.first)
        #expect(passage["document"]?.string == "notes/sea.md" && passage["lines"] == [1, 1])
        let words = try await call("search", ["query": "whales", "k": 1])["content"]?.array?.first?["text"]?.string
        #expect(words?.contains("notes/sea.md:1 [collection notes, passage") == true)
        let number = try #require(passage["passage"])
        let read = try check("read", await call("read", ["passage": number]))
        #expect(read["passages"]?.array?.first?["text"]?.string == records[0].text)
        let embedded = try check("embed_text", await call("embed_text", ["texts": ["a"], "dimension": 32]))
        #expect(embedded["embeddings"]?.array?.first?.array?.count == 32)
        _ = try check("similarity", await call("similarity", ["texts": ["a", "b"]]))
        _ = try check("index_add", await call("index_add", ["texts": ["a whale", "bread"]]))
        let indexed = try check("index_query", await call("index_query", ["query": "whale", "k": 1]))
        #expect(indexed["results"]?.array?.first?["text"]?.string == "a whale")
        _ = try check("index_stats", await call("index_stats", [:]))
        _ = try check("index_clear", await call("index_clear", [:]))

        for (name, arguments, word): (String, [String: JSONValue], String) in [
          ("search", [:], "query"), ("search", ["query": "a", "collections": ["x"]], "notes"),
          ("search", ["query": "a", "filter": "year >"], "number"), ("read", ["passage": 99999], "passage"),
          ("embed_text", ["texts": ["a"], "dimension": 33], "512"),
        ] {
          let result = try await call(name, arguments)
          #expect(result["isError"]?.boolean == true)
          #expect(result["content"]?.array?.first?["text"]?.string?.contains(word) == true, "\(result.text)")
        }
        let unknown = try await server.post("/mcp", request("tools/call", ["name": "nothing"])).json
        #expect(unknown["error"]?["code"]?.integer == -32602)
      }
    }
  }

  @Test func `The stateless revision needs no handshake`() async throws {
    try await TestServer.with { server in
      func post(_ method: String, _ more: [String: JSONValue] = [:], _ headers: [String: String] = [:]) async throws
        -> TestServer.Reply
      {
        var all = ["MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method]
        all.merge(headers) { $1 }
        return try await server.post("/mcp", request(method, more.merging(["_meta": envelope]) { $1 }), all)
      }
      let discovered = try await post("server/discover").json["result"]
      #expect(discovered?["supportedVersions"]?.array?.first?.string == "2026-07-28")
      #expect(discovered?["resultType"]?.string == "complete")
      #expect(discovered?["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"]?.string == "minke")
      let list = try await post("tools/list").json["result"]
      #expect(list?["ttlMs"]?.integer == 0 && list?["tools"]?.array?.isEmpty == false)
      let called = try await post(
        "tools/call", ["name": "similarity", "arguments": ["texts": ["a", "b"]]], ["Mcp-Name": "similarity"])
      #expect(try called.json["result"]?["structuredContent"]?["similarities"] != nil)
      let encoded = try await post(
        "tools/call", ["name": "similarity", "arguments": ["texts": ["a", "b"]]],
        ["Mcp-Name": "=?base64?\(Data("similarity".utf8).base64EncodedString())?="])
      #expect(encoded.status == 200)

      for (reply, status, code) in [
        (try await post("nothing"), 404, -32601), (try await post("initialize"), 404, -32601),
        (try await post("tools/list", [:], ["Mcp-Method": "tools/call"]), 400, -32020),
        (try await post("tools/list", [:], ["MCP-Protocol-Version": "2025-11-25"]), 200, -32020),
        (try await post("tools/call", ["name": "similarity"], ["Mcp-Name": "search"]), 400, -32020),
        (
          try await server.post("/mcp", request("tools/list"), ["MCP-Protocol-Version": "2026-07-28"]), 400, -32602
        ),
      ] {
        #expect(try reply.json["error"]?["code"]?.integer == code, "\(reply.text)")
        #expect(reply.status == status, "\(reply.text)")
      }
      let future = try await server.post(
        "/mcp",
        request(
          "tools/list",
          [
            "_meta": [
              "io.modelcontextprotocol/protocolVersion": "2030-01-01",
              "io.modelcontextprotocol/clientCapabilities": [:],
            ]
          ]), ["MCP-Protocol-Version": "2030-01-01", "Mcp-Method": "tools/list"])
      #expect(future.status == 400)
      #expect(try future.json["error"]?["code"]?.integer == -32022)
      #expect(try future.json["error"]?["data"]?["supported"] == ["2026-07-28"])
    }
  }

  @Test(arguments: [
    ("{", -32700), ("[]", -32600), ("5", -32600), (#"{"jsonrpc": "1.0", "id": 1, "method": "ping"}"#, -32600),
    (#"{"jsonrpc": "2.0", "id": {}, "method": "ping"}"#, -32600),
    (#"{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}"#, -32600),
  ])
  func `What is no message is refused`(body: String, code: Int) async throws {
    try await TestServer.with { server in
      let reply = try await server.send("POST", "/mcp", [:], Array(body.utf8))
      #expect(reply.status == 400)
      #expect(try reply.json["error"]?["code"]?.integer == code)
    }
  }
}
