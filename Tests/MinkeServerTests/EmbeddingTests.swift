import Foundation
import Minke
import MinkeCore
import MinkeModels
import Testing

@testable import MinkeServer

private func floats(_ value: JSONValue?) throws -> [Float] {
  try #require(value?.array).map { Float(try #require($0.double)) }
}

private func bytes(_ value: JSONValue?) throws -> [UInt8] {
  let text = try #require(value?.string)
  return Array(try #require(Data(base64Encoded: text)))
}

private func vector(_ reply: TestServer.Reply, _ index: Int = 0) throws -> JSONValue? {
  try reply.json["data"]?.array?[index]["embedding"]
}

@Suite(.serialized) struct EmbeddingTests {
  @Test func `Embeddings are those of the encoder, as numbers and in base64`() async throws {
    let texts = ["a whale", "Ein Wal, größer als ein Haus", "", "x\u{0}\n\"quoted\" \\ \u{1F40B}"]
    let wanted = try TestServer.vectors(texts)
    try await TestServer.with { server in
      let plain = try await server.post("/v1/embeddings", ["input": .array(texts.map { .string($0) })])
      #expect(plain.status == 200)
      #expect(plain.headers["content-type"] == "application/json")
      let packed = try await server.post(
        "/v1/embeddings", ["input": .array(texts.map { .string($0) }), "encoding_format": "base64"])
      for index in texts.indices {
        #expect(try floats(vector(plain, index)) == wanted[index])
        let numbers = try bytes(vector(packed, index)).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        #expect(numbers == wanted[index])
        #expect(try plain.json["data"]?.array?[index]["index"]?.integer == index)
      }
      #expect(try plain.json["model"]?.string == "minke-sse-en")
      let ids = try await TestServer.encoder.get().tokenization.ids(of: texts)
      #expect(try plain.json["usage"]?["prompt_tokens"]?.integer == ids.reduce(0) { $0 + $1.count })
    }
  }

  @Test func `Token ids give the vector of their text, and fewer dimensions its beginning`() async throws {
    let encoder = try TestServer.encoder.get()
    let ids = encoder.tokenization.ids(of: "a white whale").map { JSONValue.integer(Int($0)) }
    try await TestServer.with { server in
      let one = try await server.post("/v1/embeddings", ["input": .array(ids), "dimensions": 64])
      #expect(try floats(vector(one)) == TestServer.vectors(["a white whale"], dimension: 64)[0])
      let two = try await server.post("/v1/embeddings", ["input": [.array(ids), .array(ids)]])
      #expect(try floats(vector(two, 1)) == TestServer.vectors(["a white whale"])[0])
    }
  }

  @Test func `Other types of numbers keep the direction`() async throws {
    let row = try TestServer.vectors(["a whale"])[0]
    try await TestServer.with { server in
      func reply(_ type: JSONValue, _ encoding: JSONValue) async throws -> JSONValue? {
        try vector(
          await server.post("/v1/embeddings", ["input": "a whale", "output_dtype": type, "encoding_format": encoding]))
      }
      let largest = try #require(row.map { abs($0) }.max())
      let int8 = row.map { Int(($0 / largest * 127).rounded(.toNearestOrEven)) }
      #expect(try await reply("int8", "float")?.array?.map(\.integer) == int8)
      #expect(try bytes(await reply("int8", "base64")) == int8.map { UInt8(bitPattern: Int8($0)) })
      #expect(try await reply("uint8", "float")?.array?.map(\.integer) == int8.map { $0 + 128 })
      let bits = try #require(try TestServer.vectors(["a whale"]).binarized().packedBits)
      #expect(try await reply("ubinary", "float")?.array?.map(\.integer) == bits.map { Int($0) })
      #expect(try await reply("binary", "float")?.array?.map(\.integer) == bits.map { Int($0) - 128 })
      #expect(try bytes(await reply("ubinary", "base64")) == bits)
    }
  }

  @Test(
    arguments: [
      (#"{"input": []}"#, "input"), (#"{}"#, "input"), (#"{"input": [1, "a"]}"#, "input"),
      (#"{"input": [[1.5]]}"#, "input"),
      (#"{"input": [99999999]}"#, "input"), (#"{"input": [-1]}"#, "input"), (#"{"input": {"a": 1}}"#, "input"),
      (#"{"input": "a", "dimensions": 63}"#, "dimensions"), (#"{"input": "a", "dimensions": "64"}"#, "dimensions"),
      (#"{"input": "a", "encoding_format": "hex"}"#, "encoding_format"),
      (#"{"input": "a", "output_dtype": "int4"}"#, "output_dtype"), (#"[]"#, nil), (#"{"input": "a""#, nil), ("", nil),
      (#"{"input": "a", "input": "b"}"#, nil),
    ] as [(String, String?)])
  func `A wrong request is told what is wrong`(body: String, parameter: String?) async throws {
    try await TestServer.with { server in
      let reply = try await server.send("POST", "/v1/embeddings", [:], Array(body.utf8))
      #expect(reply.status == 400)
      let error = try reply.json["error"]
      #expect(error?["type"]?.string == "invalid_request_error")
      #expect(error?["message"]?.string?.isEmpty == false)
      #expect(error?["param"]?.string == parameter)
    }
  }

  @Test func `Bytes that are not UTF-8 and a model that is not there are refused`() async throws {
    try await TestServer.with { server in
      let reply = try await server.send(
        "POST", "/v1/embeddings", [:], Array(#"{"input": ""#.utf8) + [0xff, 0x22, 0x7d])
      #expect(reply.status == 400)
      let other = try await server.post("/v1/embeddings", ["input": "a", "model": "text-embedding-3-small"])
      #expect(other.status == 404)
      #expect(try other.json["error"]?["code"]?.string == "model_not_found")
    }
  }

  @Test func `Requests at the same time each get their own vectors`() async throws {
    try await TestServer.with { server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<48 {
          group.addTask {
            // Some are encoded where they come, some gathered.
            let texts = (0..<(number % 3 == 0 ? 40 : 1)).map {
              "text \(number) of \($0) " + String(repeating: "whale ", count: number * 7)
            }
            let dimension = number % 2 == 0 ? 512 : 64
            let reply = try await server.post(
              "/v1/embeddings", ["input": .array(texts.map { .string($0) }), "dimensions": .integer(dimension)])
            let wanted = try TestServer.vectors(texts, dimension: dimension)
            for index in texts.indices { #expect(try floats(vector(reply, index)) == wanted[index]) }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func `A model that takes no token ids encodes texts, and bits are given as signs`() async throws {
    let encoder = try BinarizedEncoder(TestServer.encoder.get())
    let bits = try #require(try TestServer.vectors(["a whale"], by: encoder).packedBits)
    try await TestServer.with(encoder: encoder) { server in
      let packed = try await server.post("/v1/embeddings", ["input": "a whale", "output_dtype": "ubinary"])
      #expect(try vector(packed)?.array?.map(\.integer) == bits.map { Int($0) })
      let signs = try await server.post("/v1/embeddings", ["input": "a whale"])
      #expect(try floats(vector(signs)).allSatisfy { abs($0) == 1 })
      #expect(try await server.post("/v1/embeddings", ["input": [5, 6]]).status == 400)
    }
  }

  @Test func `Texts are put into order by a query`() async throws {
    try await TestServer.with { server in
      let documents: JSONValue = ["bread from the oven", ["text": "whales of the southern sea"], "an old engine"]
      let reply = try await server.post(
        "/v1/rerank", ["query": "a whale", "documents": documents, "top_n": 2, "return_documents": true])
      let results = try #require(try reply.json["results"]?.array)
      #expect(results.count == 2)
      #expect(results[0]["index"]?.integer == 1)
      #expect(results[0]["document"]?["text"]?.string == "whales of the southern sea")
      let scores = results.compactMap { $0["relevance_score"]?.double }
      #expect(scores.count == 2 && scores[0] > scores[1])
      #expect(try await server.post("/v1/rerank", ["query": "a", "documents": []]).status == 400)
    }
  }

  @Test func `Similarities are cosines`() async throws {
    let wanted = try TestServer.vectors(["a whale", "a ship"])
    let cosine = try wanted.rows(0..<1).similarities(to: wanted.rows(1..<2))[0]
    try await TestServer.with { server in
      let all = try await server.post("/similarity", ["texts": ["a whale", "a ship"]])
      let rows = try #require(try all.json["similarities"]?.array)
      #expect(rows.count == 2 && Float(rows[0].array?[1].double ?? 0) == cosine)
      let pair = try await server.post("/similarity", ["text1": "a whale", "text2": "a ship"])
      #expect(Float(try pair.json["similarity"]?.double ?? 0) == cosine)
      let query = try await server.post("/similarity", ["query": "a whale", "texts": ["a ship"]])
      #expect(try floats(query.json["similarities"]) == [cosine])
      #expect(try await server.post("/similarity", ["texts": ["one"]]).status == 400)
    }
  }
}
