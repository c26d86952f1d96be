import Foundation
import Minke
import MinkeCore
import MinkeStore
import Testing

@testable import MinkeServer

private let records = [
  TextRecord(id: "sea", text: "Whales swim in the cold southern sea.", title: "The sea", metadata: ["year": 2021]),
  TextRecord(id: "bread", text: "Bread is baked in a hot oven.", metadata: ["year": 2020]),
  TextRecord(id: "roof", text: "The roofer mends the roof before winter."),
]

@Suite(.serialized) struct CollectionEndpointTests {
  @Test func `A collection is listed, searched, read and changed`() async throws {
    try await TestServer.withCollection(records) { collection in
      try await TestServer.with(collections: [collection]) { server in
        let list = try #require(try await server.get("/collections").json["collections"]?.array)
        #expect(list.count == 1)
        #expect(list[0]["name"]?.string == "notes" && list[0]["documents"]?.integer == 3)
        #expect(try await server.get("/collections/notes").json == list[0])
        #expect(try await server.get("/collections/others").status == 404)

        let reply = try await server.post("/search", ["query": "who mends roofs", "k": 2])
        let results = try #require(try reply.json["results"]?.array)
        #expect(results[0]["document"]?.string == "roof" && results[0]["rank"]?.integer == 1)
        #expect(try reply.json["passages"]?.integer == 3)
        let wanted = try await collection.search("who mends roofs", k: 2)
        #expect(results.map { $0["document"]?.string } == wanted.map(\.document))
        #expect(results.map { Float($0["score"]?.double ?? 0) } == wanted.map(\.score))
        let text = Array(try #require(results[0]["text"]?.string).utf16)
        let matches = try #require(results[0]["matches"]?.array).map { range in
          let (from, to) = (range.array?[0].integer ?? 0, range.array?[1].integer ?? 0)
          return String(decoding: text[from..<to], as: UTF16.self)
        }
        #expect(matches == ["mends"])

        let filtered = try await server.post(
          "/collections/notes/search", ["query": "sea", "filter": "year > 2020", "mode": "meaning"])
        #expect(try filtered.json["results"]?.array?.count == 1)
        let wrong = try await server.post("/search", ["query": "sea", "filter": "year >"])
        #expect(wrong.status == 400)
        #expect(try wrong.json["error"]?["param"]?.string == "filter")
        for body: JSONValue in [
          ["query": ""], ["query": "a", "k": 0], ["query": "a", "k": 1001], ["query": "a", "mode": "magic"], [:],
          ["query": 5], ["query": "a", "threshold": "x"], ["query": "a", "surroundings": 51],
        ] { #expect(try await server.post("/search", body).status == 400, "\(body.text)") }
        #expect(try await server.post("/search", ["query": "a", "collections": ["others"]]).status == 404)

        let id = try #require(results[0]["id"]?.integer)
        let passage = try await server.get("/collections/notes/passages/\(id)?around=1").json
        #expect(passage["passage"]?["document"]?.string == "roof" && passage["before"]?.array == [])
        #expect(try await server.get("/collections/notes/passages/99999").status == 404)
        #expect(try await server.get("/collections/notes/passages/x").status == 400)
        #expect(try await server.get("/collections/notes/passages/\(id)?around=51").status == 400)
        let document = try await server.get("/collections/notes/document?passage=\(id)").json
        #expect(document["document"]?.string == "roof" && document["truncated"]?.boolean == false)
        let named = try await server.get("/collections/notes/document?name=sea").json
        #expect(named["title"]?.string == "The sea")
        #expect(named["metadata"] == ["year": 2021])
        let names = try await server.get("/collections/notes/documents?offset=1&limit=1").json
        #expect(names["total"]?.integer == 3 && names["documents"] == ["bread"])

        let added = try await server.post(
          "/collections/notes/add", ["documents": [["id": "ink", "text": "Ink and paper."]]])
        #expect(try added.json["added"]?.integer == 1)
        let found = try await server.post("/search", ["query": "ink", "k": 1]).json["results"]?.array
        #expect(found?.first?["document"]?.string == "ink")
        let removed = try await server.post("/collections/notes/remove", ["documents": ["ink", "none"]])
        #expect(try removed.json["removed"] == ["ink"])
        #expect(try await server.post("/collections/notes/add", ["documents": [["id": "x"]]]).status == 400)
        #expect(try collection.documentCount == 3)
      }
    }
  }

  @Test func `Words stand out in plain text as in any other`() {
    let words = QueryWords("Where do Whales2 and the ROOFER meet, café?")
    for text in [
      "", "whales2 Whales2s WHALES2, roofers' roofer-meets; xroofer roofer_meet", "s ss roofer",
      String(repeating: "a", count: 99) + " meet",
    ] {
      let other = text + " \u{e9}"
      let (plain, any) = (words.ranges(in: text), words.ranges(in: other))
      #expect(plain.map { text[$0] } == any.map { other[$0] })
      #expect(
        plain.map { text.utf8.distance(from: text.startIndex, to: $0.lowerBound) }
          == any.map { other.utf8.distance(from: other.startIndex, to: $0.lowerBound) })
    }
    let marked = "Whales2s, a roofer-meets"
    #expect(words.ranges(in: marked).map { marked[$0] } == ["Whales2s", "roofer", "meets"])
  }

  @Test func `Two collections are searched as one, each by a name of its own`() async throws {
    try await TestServer.withCollection(Array(records[..<1])) { one in
      try await TestServer.withCollection(Array(records[1...])) { other in
        try await TestServer.with(collections: [one, other]) { server in
          let reply = try await server.post("/search", ["query": "whales in the oven", "k": 3])
          let results = try #require(try reply.json["results"]?.array)
          #expect(Set(results.map { $0["collection"]?.string }) == ["notes", "notes-2"])
          let scores = results.compactMap { $0["score"]?.double }
          #expect(scores == scores.sorted(by: >))
          let only = try await server.post("/search", ["query": "whales", "collections": ["notes-2"]])
          #expect(try only.json["results"]?.array?.allSatisfy { $0["collection"]?.string == "notes-2" } == true)
        }
      }
    }
  }

  @Test func `Nothing changes where the server was told so`() async throws {
    try await TestServer.withCollection(records) { collection in
      try await TestServer.with(ServerSettings(isReadOnly: true), collections: [collection]) { server in
        for (path, body): (String, JSONValue) in [
          ("/collections/notes/add", ["documents": [["id": "x", "text": "y"]]]),
          ("/collections/notes/remove", ["documents": ["sea"]]), ("/index/add", ["texts": ["a"]]),
          ("/index/clear", [:]),
        ] {
          let reply = try await server.post(path, body)
          #expect(reply.status == 403, "\(path)")
          #expect(try reply.json["error"]?["code"]?.string == "read_only")
        }
        #expect(try collection.documentCount == 3)
        let call: JSONValue = [
          "jsonrpc": "2.0", "id": 1, "method": "tools/call",
          "params": ["name": "index_add", "arguments": ["texts": ["a"]]],
        ]
        #expect(try await server.post("/mcp", call).json["error"] != nil)
      }
    }
  }

  @Test func `A map has a point for each passage, and alike ones are near`() async throws {
    let texts = (0..<40).map { number in
      TextRecord(
        id: "\(number)",
        text: number % 2 == 0
          ? "The whale dives deep into the ocean, number \(number)."
          : "Bread dough rises in the bakery, number \(number).")
    }
    try await TestServer.withCollection(texts) { collection in
      try await TestServer.with(collections: [collection]) { server in
        var reply = try await server.get("/collections/notes/map")
        while reply.status == 202 {
          #expect(try reply.json["progress"]?.double != nil)
          try await Task.sleep(for: .milliseconds(50))
          reply = try await server.get("/collections/notes/map")
        }
        let json = try reply.json
        #expect(json["count"]?.integer == 40)
        func numbers<Number: BitwiseCopyable>(_ name: String, _ type: Number.Type) throws -> [Number] {
          let text = try #require(json[name]?.string)
          let data = try #require(Data(base64Encoded: text))
          return Array(data).withUnsafeBytes { Array($0.bindMemory(to: Number.self)) }
        }
        let (points, ids) = (try numbers("points", Float.self), try numbers("ids", Double.self))
        let documents = try numbers("documents", UInt32.self)
        #expect(points.count == 80 && ids.count == 40 && documents.count == 40)
        #expect(points.allSatisfy { (-1...1).contains($0) })
        func distance(_ one: Int, _ other: Int) -> Float {
          let (x, y) = (points[2 * one] - points[2 * other], points[2 * one + 1] - points[2 * other + 1])
          return (x * x + y * y).squareRoot()
        }
        func isWhale(_ index: Int) -> Bool {
          Int(json["names"]?.array?[Int(documents[index])].string ?? "1")?.isMultiple(of: 2) ?? false
        }
        // The nearest of each is one of its own kind.
        let right = (0..<40).count { one in
          let nearest = (0..<40).filter { $0 != one }.min { distance(one, $0) < distance(one, $1) } ?? one
          return isWhale(nearest) == isWhale(one)
        }
        #expect(right >= 38)
        let tag = try #require(reply.headers["etag"])
        #expect(try await server.get("/collections/notes/map", ["If-None-Match": tag]).status == 304)
        let again = try await Task { try collection.map() }.value
        #expect(again.points == points)
      }
    }
  }

  @Test func `The index in memory is filled, asked and cleared`() async throws {
    try await TestServer.with { server in
      let texts: JSONValue = ["Whales swim in the sea.", "Bread is baked in an oven."]
      #expect(
        try await server.post("/index/add", ["texts": texts, "ids": ["w", "b"]]).json["documents"]?.integer == 2)
      // The same again changes nothing.
      #expect(
        try await server.post("/index/add", ["texts": texts, "ids": ["w", "b"]]).json["documents"]?.integer == 2)
      let found = try await server.post("/index/query", ["query": "a whale", "k": 1]).json["results"]?.array
      #expect(found?.first?["id"]?.string == "w")
      #expect(try await server.get("/index/stats").json["documents"]?.integer == 2)
      #expect(try await server.post("/index/add", ["texts": texts, "ids": ["w"]]).status == 400)
      #expect(try await server.post("/index/clear", [:]).json["removed"]?.integer == 2)
      #expect(try await server.post("/index/query", ["query": "a whale"]).json["results"]?.array == [])
    }
  }

  @Test func `Statistics say what is served and how the last query went`() async throws {
    try await TestServer.withCollection(records) { collection in
      try await TestServer.with(collections: [collection]) { server in
        #expect(try await server.get("/stats").json["last_query"] == .null)
        _ = try await server.post("/search", ["query": "sea"])
        let statistics = try await server.get("/stats").json
        #expect(statistics["last_query"]?["passages"]?.integer == 3)
        #expect((statistics["last_query"]?["milliseconds"]?.double ?? 0) > 0)
        #expect(statistics["dimensions"]?.array?.first?.integer == 512)
        #expect(statistics["chat_model"] == .null)
        #expect(statistics["queries"]?.integer == 1)
      }
    }
  }
}
