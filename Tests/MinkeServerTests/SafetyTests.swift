import Foundation
import MinkeCore
import Testing

@testable import MinkeServer

private let key = "a-key-of-twenty-letters"

@Suite(.serialized) struct SafetyTests {
  @Test func `A server that others reach needs a key, unless it is said out loud`() throws {
    func check(_ host: String, keys: [String] = [], allowsNoKey: Bool = false) throws {
      try ServerSettings(host: host, keys: keys, allowsNoKey: allowsNoKey).check()
    }
    #expect(throws: MinkeError.self) { try check("0.0.0.0") }
    #expect(throws: MinkeError.self) { try check("192.168.1.7") }
    #expect(throws: MinkeError.self) { try check("127.0.0.1", keys: ["short"]) }
    try check("0.0.0.0", keys: [key])
    try check("0.0.0.0", allowsNoKey: true)
    for host in ["127.0.0.1", "localhost", "::1"] { try check(host) }
  }

  @Test func `Without its key nothing is given but the page and the health`() async throws {
    try await TestServer.with(ServerSettings(keys: ["another-key-of-twenty", key])) { server in
      for path in ["/v1/models", "/collections", "/stats", "/metrics", "/index/stats"] {
        let refused = try await server.get(path)
        #expect(refused.status == 401)
        #expect(refused.headers["www-authenticate"] == "Bearer")
        #expect(try refused.json["error"]?["code"]?.string == "invalid_api_key")
        for wrong in ["Bearer ", "Bearer x" + key, "Basic " + key, key] {
          #expect(try await server.get(path, ["Authorization": wrong]).status == 401)
        }
        #expect(try await server.get(path, ["Authorization": "Bearer " + key]).status == 200)
      }
      #expect(try await server.post("/mcp", ["jsonrpc": "2.0", "id": 1, "method": "ping"]).status == 401)
      for path in ["/", "/health", "/openapi.json"] { #expect(try await server.get(path).status == 200) }
    }
  }

  @Test func `No page of another origin or name reaches the server`() async throws {
    let settings = ServerSettings(allowedOrigins: ["https://friend.example"])
    try await TestServer.with(settings) { server in
      let own = "127.0.0.1:\(server.port)"
      for host in ["evil.example", "evil.example:\(server.port)", "127.0.0.1.evil.example", ""] {
        let reply = try await server.get("/health", ["Host": host])
        #expect(reply.status == 403 || reply.status == 400, "\(host)")
      }
      for host in [own, "localhost:1", "[::1]:80", "friend.example"] {
        #expect(try await server.get("/health", ["Host": host]).status == 200, "\(host)")
      }
      for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost:\(server.port)"] {
        let reply = try await server.post("/similarity", ["texts": ["a", "b"]], ["Origin": origin])
        #expect(reply.status == 403, "\(origin)")
        #expect(reply.headers["access-control-allow-origin"] == nil)
      }
      let same = try await server.post("/similarity", ["texts": ["a", "b"]], ["Origin": "http://\(own)"])
      #expect(same.status == 200)
      let friend = try await server.post("/similarity", ["texts": ["a", "b"]], ["Origin": "https://friend.example"])
      #expect(friend.headers["access-control-allow-origin"] == "https://friend.example")
      let preflight = try await server.send("OPTIONS", "/v1/embeddings", ["Origin": "https://friend.example"], nil)
      #expect(preflight.status == 204)
      #expect(preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
    }
  }

  @Test func `What is no JSON, too large or unknown is refused`() async throws {
    var settings = ServerSettings()
    settings.limits.bodyBytes = 10_000
    try await TestServer.with(settings) { server in
      let plain = try await server.send("POST", "/similarity", ["Content-Type": "text/plain"], Array("{}".utf8))
      #expect(plain.status == 415)
      let large = try await server.send("POST", "/similarity", [:], [UInt8](repeating: 0x20, count: 20_000))
      #expect(large.status == 413)
      // Not read at all: what is announced is enough.
      let huge = try await server.send("POST", "/similarity", ["Content-Length": "1000000000"], Array("{".utf8))
      #expect(huge.status == 413)
      #expect(huge.headers["connection"] == "close")
      let chunk = "2710\r\n" + String(repeating: " ", count: 10_000) + "\r\n"
      let head = "POST /similarity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      let chunked = try await server.exchange(
        Array((head + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk + chunk).utf8))
      #expect(chunked.status == 413)
      #expect(try await server.get("/v1/nothing").status == 404)
      let method = try await server.get("/v1/embeddings")
      #expect(method.status == 405)
      #expect(method.headers["allow"] == "POST")
      let header = try await server.get("/health", ["X-Long": String(repeating: "x", count: 40_000)])
      #expect(header.status >= 400)
    }
  }

  @Test(arguments: [
    "GET\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "POST /mcp HTTP/9.9\r\n\r\n",
  ])
  func `What is no HTTP is refused and the server lives on`(bytes: String) async throws {
    try await TestServer.with { server in
      let answer = try await server.raw(Array(bytes.utf8), keepsOpenFor: 10)
      #expect(answer.isEmpty || String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 4"))
      #expect(try await server.get("/health").status == 200)
    }
  }

  @Test func `Files outside of the page are not given`() async throws {
    try await TestServer.with { server in
      for path in [
        "/page/..%2f..%2fopenapi.json", "/page/../openapi.json", "/page/%2e%2e/openapi.json", "/page//etc/passwd",
        "/page/%00", "/page/", "//etc/passwd", "/../../etc/passwd",
      ] {
        #expect(try await server.get(path).status == 404, "\(path)")
      }
      let page = try await server.get("/")
      #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
      let tag = try #require(page.headers["etag"])
      #expect(try await server.get("/", ["If-None-Match": tag]).status == 304)
    }
  }

  @Test func `A client that is slow or stops half-way is let go, and others are answered meanwhile`() async throws {
    var settings = ServerSettings()
    settings.limits.transferSeconds = 1
    settings.limits.idleSeconds = 1
    try await TestServer.with(settings) { server in
      let head =
        "POST /similarity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
      // A body that never comes, a head that never ends, and nothing at all.
      async let body = server.raw(Array((head + "\r\n{").utf8), keepsOpenFor: 30)
      async let start = server.raw(Array(head.utf8), keepsOpenFor: 30)
      async let nothing = server.raw([], keepsOpenFor: 30)
      #expect(try await server.get("/health").status == 200)
      // Each returns, since the server closes the connection.
      for answer in [try await body, try await start, try await nothing] {
        #expect(answer.isEmpty || String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 4"))
      }
      #expect(try await server.get("/health").status == 200)
    }
  }

  @Test func `More connections than are taken wait and are answered later`() async throws {
    var settings = ServerSettings()
    settings.limits.connections = 4
    try await TestServer.with(settings) { server in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<40 { group.addTask { try await server.get("/health").status } }
        for try await status in group { #expect(status == 200) }
      }
    }
  }

  @Test func `The description names every endpoint and no other`() async throws {
    try await TestServer.with { server in
      let document = try await server.get("/openapi.json").json
      let described = Set(
        (document["paths"]?.object ?? [:]).flatMap { path, methods in
          (methods.object ?? [:]).keys.map { $0.uppercased() + " " + path }
        })
      let holdings = try Holdings(
        encoder: TestServer.encoder.get(), language: nil, collections: [], isReadOnly: false, limits: ServerLimits(),
        metrics: ServerMetrics())
      let routes = ModelServer.routes(holdings, try PageFiles(), Clients()) { false }
      #expect(described == Set(routes.map { "\($0.method.rawValue) \($0.path)" }))
    }
  }

  @Test func `Counts are given as Prometheus reads them`() async throws {
    try await TestServer.with { server in
      _ = try await server.post("/v1/embeddings", ["input": ["a", "b", "c"]])
      _ = try await server.get("/v1/nothing")
      let text = try await server.get("/metrics").text
      #expect(text.contains("minke_requests_total{endpoint=\"/v1/embeddings\",status=\"200\"} 1\n"))
      #expect(text.contains("minke_requests_total{endpoint=\"other\",status=\"404\"} 1\n"))
      #expect(text.contains("minke_encoded_texts_total 3\n"))
      #expect(text.contains("minke_request_duration_seconds_count{endpoint=\"/v1/embeddings\"} 1\n"))
    }
  }
}
