import Foundation
import MinkeCore
import MinkeModels
import NIOHTTP1
import Synchronization
import Testing

@testable import MinkeHub

/// What a pull makes of a hub that fails, and of one that means harm.
@Suite struct PullFailureTests {
  private let name = Result { try HubModelName("org/tiny") }

  /// What the cache of `client` has by the name.
  private func cached(_ client: Hub) throws -> URL? { client.settings.cache.snapshot(of: try name.get()) }
  private static let weights = "model.safetensors"

  /// Calls `body` with a hub that has a small model, and its client.
  private func withModel(
    _ environment: [String: String] = [:], _ body: @Sendable (TestHub, Hub) async throws -> Void
  ) async throws {
    try await TestHub.with { hub, folder in
      hub.publish(try TestHub.files("sse-tiny"), as: "main")
      try await body(hub, hub.client(folder, environment))
    }
  }

  private func failure(of client: Hub) async -> MinkeError? {
    await #expect(throws: MinkeError.self) { try await client.pull(name.get()) }
  }

  /// The half fetched files of the model.
  private func leftovers(_ client: Hub) -> [String] {
    let blobs = client.settings.cache.blobs(of: "org/tiny")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: blobs.path)) ?? []
    return names.filter { $0.hasSuffix(".incomplete") }.map { blobs.appendingPathComponent($0).path }
  }

  private func size(_ path: String) -> Int? {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int
  }

  // MARK: Failures that pass

  @Test func `a connection that is cut goes on where it was`() async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in if request.isForStorage { reply.cut = 100_000 } }
      let pulled = try await client.pull(name.get())
      let ranges = hub.fetches.filter(\.isForStorage).map { $0.headers.first(name: "range") }
      #expect(ranges.count == 5 && ranges[0] == nil && Set(ranges).count == 5)
      let bytes = try Array(Data(contentsOf: pulled.folder.appendingPathComponent(Self.weights)))
      #expect(try bytes == TestHub.files("sse-tiny")[Self.weights])
      #expect(leftovers(client).isEmpty)
    }
  }

  @Test func `without progress it ends, and the next pull goes on`() async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in
        guard request.isForStorage else { return }
        reply.cut = request.headers.contains(name: "range") ? 0 : 200_000
      }
      #expect(await failure(of: client)?.kind == .network)
      let left = leftovers(client)
      let kept = try #require(left.first.flatMap(size))
      #expect(left.count == 1 && kept > 0 && kept <= 200_000 && client.settings.cache.models().isEmpty)
      let before = hub.fetches.count
      hub.change { _, _, _ in }
      try await client.pull(name.get())
      let again = hub.fetches.dropFirst(before).filter(\.isForStorage)
      #expect(again.map { $0.headers["range"] } == [["bytes=\(kept)-"]])
    }
  }

  @Test(arguments: [408, 429, 500, 502, 503, 504])
  func `a hub that is busy is asked again`(_ status: Int) async throws {
    try await withModel { hub, client in
      hub.change { _, count, reply in
        if count < 2 {
          reply.status = status
          reply.headers.replaceOrAdd(name: "Retry-After", value: "0")
        }
      }
      _ = try await client.pull(name.get())
      #expect(Set(hub.requests.map(\.uri)).count * 3 <= hub.requests.count)
    }
  }

  @Test func `five times in vain are enough`() async throws {
    try await withModel { hub, client in
      hub.change { _, _, reply in reply = TestHub.Reply(status: 503) }
      let error = await failure(of: client)
      #expect(error?.kind == .network && error?.found == "HTTP 503" && hub.requests.count == 5)
    }
  }

  @Test func `who asks for a long wait is believed at once`() async throws {
    try await withModel { hub, client in
      hub.change { _, _, reply in reply = TestHub.Reply(status: 429, headers: ["Retry-After": "3600"]) }
      let error = await failure(of: client)
      #expect(error?.expected.contains("3600 s") == true && hub.requests.count == 1)
    }
  }

  // MARK: Ranges

  /// Leaves `bytes` as the half fetched weights.
  private func leave(_ bytes: [UInt8], _ client: Hub) throws {
    let weights = try #require(try TestHub.files("sse-tiny")[Self.weights])
    let draft = client.settings.cache.blobs(of: "org/tiny")
      .appendingPathComponent("\(TestHub.hash(Self.weights, weights)).incomplete")
    try FolderWriter.makeFolder(draft.deletingLastPathComponent())
    try Data(bytes).write(to: draft)
  }

  @Test func `a server without ranges sends all again`() async throws {
    try await withModel { hub, client in
      let weights = try #require(try TestHub.files("sse-tiny")[Self.weights])
      try leave(Array(weights.prefix(1000)), client)
      hub.change { request, _, reply in
        guard request.isForStorage else { return }
        reply = TestHub.Reply(body: weights)
      }
      try await client.pull(name.get())
      #expect(hub.fetches.filter(\.isForStorage).map { $0.headers["range"] } == [["bytes=1000-"]])
    }
  }

  @Test func `wrong bytes of an earlier run are found out`() async throws {
    try await withModel { hub, client in
      try leave([UInt8](repeating: 7, count: 1000), client)
      try await client.pull(name.get())
      #expect(hub.fetches.filter(\.isForStorage).map { $0.headers["range"] } == [["bytes=1000-"], []])
    }
  }

  @Test func `more bytes than there are, or another part, begin anew`() async throws {
    try await withModel { hub, client in
      try leave([UInt8](repeating: 7, count: 600_000), client)
      hub.change { request, count, reply in
        if request.isForStorage, count == 0 { reply.cut = 50_000 }
        guard request.isForStorage, count > 0, request.headers.contains(name: "range") else { return }
        reply.status = count == 1 ? 416 : 206
        reply.headers.replaceOrAdd(name: "Content-Range", value: "bytes 1-2/3")
      }
      try await client.pull(name.get())
      let ranges = hub.fetches.filter(\.isForStorage).map { $0.headers["range"].isEmpty }
      #expect(ranges == [true, false, true])
    }
  }

  // MARK: Wrong bytes

  @Test func `a file with another hash never appears`() async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in if request.isForStorage, !reply.body.isEmpty { reply.body[5] ^= 1 } }
      let error = await failure(of: client)
      #expect(error?.kind == .malformedFile && error?.subject == Self.weights)
      // Of small files on their way, which git's shorter hashes name, something may be left for the next time.
      #expect(!leftovers(client).contains { URL(fileURLWithPath: $0).lastPathComponent.utf8.count > 64 })
      #expect(client.settings.cache.models().isEmpty)
      let found = try cached(client)
      #expect(found == nil)
    }
  }

  @Test func `a small file is checked too`() async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in
        if request.method == .GET, request.uri.hasSuffix("tokenizer.json"), !reply.body.isEmpty { reply.body[5] ^= 1 }
      }
      #expect(await failure(of: client)?.subject == "tokenizer.json")
    }
  }

  @Test(arguments: [-1, 1])
  func `a file of another length never appears`(_ difference: Int) async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in
        guard request.isForStorage else { return }
        reply.status = 200
        if difference > 0 { reply.body.append(0) } else { reply.body.removeLast() }
      }
      let error = await failure(of: client)
      #expect(error?.kind == (difference > 0 ? .malformedFile : .network), "\(error.debugDescription)")
      #expect(client.settings.cache.models().isEmpty)
    }
  }

  // MARK: What is refused

  @Test func `each refusal says what to do`() async throws {
    let cases: [(status: Int, headers: HTTPHeaders, token: String?, kind: MinkeError.Kind, word: String)] = [
      (401, ["X-Error-Code": "GatedRepo"], nil, .accessDenied, "HF_TOKEN"),
      (403, ["X-Error-Code": "GatedRepo"], "hf_x", .accessDenied, "/org/tiny"),
      (401, ["X-Error-Code": "RepoNotFound"], nil, .accessDenied, "HF_TOKEN"),
      (401, ["X-Error-Message": "Invalid credentials in Authorization header"], "hf_x", .accessDenied, "HF_TOKEN"),
      (403, [:], "hf_x", .accessDenied, "this token"),
      (404, ["X-Error-Code": "RepoNotFound"], nil, .notFound, "HF_TOKEN"),
      (404, ["X-Error-Code": "RevisionNotFound"], nil, .notFound, "branch"), (418, [:], nil, .network, "http"),
    ]
    for (status, headers, token, kind, word) in cases {
      try await withModel(token.map { ["HF_TOKEN": $0] } ?? [:]) { hub, client in
        hub.change { _, _, reply in reply = TestHub.Reply(status: status, headers: headers) }
        let error = await failure(of: client)
        #expect(error?.kind == kind && error?.expected.contains(word) == true, "\(error.debugDescription)")
        #expect(error?.found.hasPrefix("HTTP \(status)") == true && hub.requests.count == 1)
      }
    }
  }

  @Test func `a gated file of a listed model says so too`() async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in
        if request.method == .HEAD { reply = TestHub.Reply(status: 403, headers: ["X-Error-Code": "GatedRepo"]) }
      }
      #expect(await failure(of: client)?.kind == .accessDenied)
    }
  }

  @Test func `no such model, revision or host`() async throws {
    try await withModel { hub, client in
      for (text, word) in [("org/other", "a model at"), ("org/tiny@v9", "branch")] {
        let error = await #expect(throws: MinkeError.self) { try await client.pull(HubModelName(text)) }
        #expect(error?.kind == .notFound && error?.expected.contains(word) == true)
      }
      let places = ["HF_HUB_CACHE": client.settings.cache.folder.path, "HOME": "/nowhere"]
      // A name that can never be one, and a port that nobody listens on.
      for endpoint in ["http://hub.invalid", "http://127.0.0.1:1"] {
        let nowhere = Hub(try HubSettings(environment: places.merging(["HF_ENDPOINT": endpoint]) { $1 }))
        let error = await failure(of: nowhere)
        #expect(error?.kind == .network && error?.expected.contains("HF_ENDPOINT") == true, "\(error.debugDescription)")
      }
    }
  }

  @Test func `offline, nothing is asked`() async throws {
    try await withModel(["HF_HUB_OFFLINE": "1"]) { hub, client in
      let error = await failure(of: client)
      #expect(error?.kind == .network && error?.found.contains("HF_HUB_OFFLINE") == true && hub.requests.isEmpty)
    }
  }

  // MARK: Hubs that mean harm

  @Test func `what is no hub is told from one`() async throws {
    let bodies = [
      "", "<html>", "[]", "{}", #"{"sha": "main", "siblings": []}"#, #"{"sha": "../../x", "siblings": []}"#,
      "{\"sha\": \"\(TestHub.commit)\"}",
    ]
    for body in bodies {
      try await withModel { hub, client in
        hub.change { _, _, reply in reply.body = Array(body.utf8) }
        #expect(await failure(of: client) != nil)
        #expect(hub.requests.count == 1 && client.settings.cache.models().isEmpty)
      }
    }
  }

  @Test(arguments: [
    ("ETag", "\"../../../x\""), ("ETag", "\"abc\""), ("ETag", ""), ("X-Repo-Commit", TestHub.otherCommit),
    ("Content-Length", "-1"), ("Location", "ftp://127.0.0.1/x"), ("Location", "http://"),
    ("Location", "/api/resolve-cache/models/org/tiny/\(TestHub.commit)/other.json"),
  ])
  func `headers that say what cannot be are refused`(_ header: String, _ value: String) async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in
        guard request.method == .HEAD, request.uri.hasSuffix("modules.json"),
          reply.headers.contains(name: header)
            || header == "Content-Length" && reply.status == 200
        else { return }
        reply.headers.replaceOrAdd(name: header, value: value)
      }
      #expect(await failure(of: client) != nil)
      #expect(client.settings.cache.models().isEmpty)
      let root = client.settings.cache.folder.deletingLastPathComponent()
      let outside = try FileManager.default.contentsOfDirectory(atPath: root.path)
      #expect(Set(outside).isSubset(of: ["hub"]))
    }
  }

  @Test func `redirects that never end are left`() async throws {
    try await withModel { hub, client in
      hub.change { request, _, reply in
        reply.status = 307
        reply.headers.replaceOrAdd(name: "Location", value: request.uri)
      }
      #expect(await failure(of: client)?.kind == .network)
      #expect(hub.requests.count == 10)
    }
  }

  @Test(arguments: ["../../../../x", "/x", "a/../../b", "a\\..\\b", "x\u{0}"])
  func `a file whose name leads out of the folder is not asked for`(_ path: String) async throws {
    try await TestHub.with { hub, folder in
      var files = try TestHub.files("sse-tiny")
      files[path] = Array("harm".utf8)
      hub.publish(files, as: "main")
      let client = try hub.client(folder)
      await #expect(throws: MinkeError.self) { try await client.pull(name.get(), files: [path]) }
      #expect(hub.requests.allSatisfy { $0.method == .GET && $0.uri.hasPrefix("/api/models/") })
      // Nobody else is hindered by it.
      _ = try await client.pull(name.get())
    }
  }

  @Test func `modules outside the folder are refused`() async throws {
    try await TestHub.with { hub, folder in
      var files = try TestHub.files("sse-tiny")
      files["modules.json"] = Array(#"[{"type": "a.B", "path": "../../x"}]"#.utf8)
      hub.publish(files, as: "main")
      let client = try hub.client(folder)
      #expect(await failure(of: client)?.kind == .malformedFile)
    }
  }

  // MARK: Interruption

  @Test func `a pull that is cancelled keeps what it has`() async throws {
    try await withModel { hub, client in
      hub.change { request, count, reply in
        guard request.isForStorage else { return }
        if count == 0 { reply.cut = 100_000 } else { reply.delay = 60_000 }
      }
      let pulling = Task { try await client.pull(name.get()) }
      // The second request for the weights is never answered.
      while hub.fetches.count(where: \.isForStorage) < 2 { try await Task.sleep(for: .milliseconds(5)) }
      pulling.cancel()
      await #expect(throws: CancellationError.self) { try await pulling.value }
      #expect(leftovers(client).contains { size($0) ?? 0 > 0 })
      hub.change { _, _, _ in }
      try await client.pull(name.get())
      #expect(leftovers(client).isEmpty)
    }
  }
}
