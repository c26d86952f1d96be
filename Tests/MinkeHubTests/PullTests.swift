import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Synchronization
import Testing

@testable import MinkeHub

/// What a pull fetches, and where it puts it.
@Suite struct PullTests {
  private let name = Result { try HubModelName("org/tiny") }

  /// What the cache of `client` has by the name.
  private func cached(_ client: Hub) throws -> URL? { client.settings.cache.snapshot(of: try name.get()) }

  private func names(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func `a model is fetched, found by its name and loads as its folder does`() async throws {
    try await TestHub.with { hub, folder in
      let files = try TestHub.files("static-embedding-tiny")
      hub.publish(files, as: "main")
      let client = try hub.client(folder)
      let told = Mutex<[Int]>([])
      let pulled = try await client.pull(name.get()) { done, total in
        told.withLock { $0 += [done, total] }
      }
      let needed = files.filter { $0.key != "README.md" && !$0.key.hasPrefix("onnx/") }
      #expect(pulled.name.description == "org/tiny@\(TestHub.commit)")
      #expect(pulled.byteCount == needed.values.reduce(0) { $0 + $1.count })
      #expect(pulled.fetchedByteCount == pulled.byteCount)
      // The list of modules came before the others.
      let rest = try pulled.byteCount - #require(files["modules.json"]).count
      #expect(told.withLock { $0.suffix(2) } == [rest, rest])

      let cache = client.settings.cache
      #expect(cache.folder.path == folder.path + "/hub")
      let place = cache.folder.appendingPathComponent("models--org--tiny")
      #expect(try String(contentsOf: place.appendingPathComponent("refs/main"), encoding: .utf8) == TestHub.commit)
      for (path, bytes) in needed {
        let link = pulled.folder.appendingPathComponent(path)
        let up = String(repeating: "../", count: path.count { $0 == "/" } + 2)
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: link.path)
        #expect(target == "\(up)blobs/\(TestHub.hash(path, bytes))")
        #expect(try Array(Data(contentsOf: link)) == bytes)
      }
      #expect(try names(in: place) == ["blobs", "refs", "snapshots"])
      #expect(try names(in: place.appendingPathComponent("blobs")) == Set(needed.map(TestHub.hash)).sorted())

      let source = try ModelSource("org/tiny", cache: cache)
      let encoder = try ModelLibrary.textEncoder(source, LoadingOptions())
      let original = try await ModelLibrary.textEncoder(Fixture.url("static-embedding-tiny").path)
      #expect(encoder.identity == original.identity)

      // The second time there is nothing to fetch.
      let before = hub.fetches.count
      let again = try await client.pull(name.get())
      #expect(again.fetchedByteCount == 0 && again.folder == pulled.folder && hub.fetches.count == before)
    }
  }

  @Test func `the token goes to the hub, and nowhere else`() async throws {
    try await TestHub.with { hub, folder in
      hub.publish(try TestHub.files("sse-tiny"), as: "main")
      try await hub.client(folder, ["HF_TOKEN": "hf_secret"]).pull(name.get())
      #expect(hub.requests.contains { $0.isForStorage })
      for request in hub.requests {
        #expect(request.headers["authorization"] == (request.isForStorage ? [] : ["Bearer hf_secret"]))
      }
    }
  }

  @Test func `branches, tags and commits are taken as they are named`() async throws {
    try await TestHub.with { hub, folder in
      let files = try TestHub.files("sse-tiny")
      hub.publish(files, as: "v1", "refs/pr/1", "1a1a1a1")
      let client = try hub.client(folder)
      for revision in ["refs/pr/1", "v1", TestHub.commit, "1a1a1a1"] {
        let pulled = try await client.pull(HubModelName("org/tiny@\(revision)"))
        let name = try HubModelName("org/tiny@\(revision)")
        #expect(client.settings.cache.snapshot(of: name) == pulled.folder)
      }
      let models = client.settings.cache.models()
      #expect(models.count == 1 && models[0].references == ["1a1a1a1", "refs/pr/1", "v1"])
      let before = try cached(client)
      #expect(before == nil)
    }
  }

  @Test func `a branch leads to a newer commit only when that is whole`() async throws {
    try await TestHub.with { hub, folder in
      var files = try TestHub.files("sse-tiny")
      hub.publish(files, as: "main")
      let client = try hub.client(folder)
      let old = try await client.pull(name.get())
      files["modules.json"]?.append(UInt8(ascii: " "))
      hub.publish(files, commit: TestHub.otherCommit, as: "main")
      files["tokenizer.json"]?.append(UInt8(ascii: " "))
      hub.publish(files, commit: TestHub.otherCommit, as: "main")
      hub.change { request, _, reply in
        if request.method == .GET, request.uri.hasSuffix("tokenizer.json") { reply.status = 500 }
      }
      await #expect(throws: MinkeError.self) { try await client.pull(name.get()) }
      let kept = try cached(client)
      #expect(kept == old.folder)
      hub.change { _, _, _ in }
      let new = try await client.pull(name.get())
      let found = try cached(client)
      #expect(new.folder != old.folder && found == new.folder)
      // The weights are the same in both.
      #expect(hub.fetches.count { $0.isForStorage } == 1)
    }
  }

  @Test func `weights in several files come by way of their index`() async throws {
    try await TestHub.with { hub, folder in
      var files: [String: [UInt8]] = [
        "config.json": Array("{}".utf8),
        "model.safetensors.index.json": Array(
          #"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#.utf8),
        "pytorch_model.bin": [9],
      ]
      for number in 1...3 { files["model-\(number).safetensors"] = [UInt8](repeating: UInt8(number), count: 100) }
      hub.publish(files, as: "main")
      let pulled = try await hub.client(folder).pull(name.get())
      #expect(
        try names(in: pulled.folder) == [
          "config.json", "model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json",
        ])
    }
  }

  @Test func `single files are fetched by their names`() async throws {
    try await TestHub.with { hub, folder in
      hub.publish(try TestHub.files("sse-tiny"), as: "main")
      let client = try hub.client(folder)
      let pulled = try await client.pull(name.get(), files: ["README.md", "onnx/model.onnx"])
      #expect(try names(in: pulled.folder) == ["README.md", "onnx"])
      let error = await #expect(throws: MinkeError.self) { try await client.pull(name.get(), files: ["vocab.txt"]) }
      #expect(error?.kind == .notFound && error?.expected.contains("tokenizer.json") == true)
      let absent = client.settings.cache.folder.appendingPathComponent("models--org--tiny/.no_exist/\(TestHub.commit)")
      #expect(try names(in: absent) == ["vocab.txt"])
    }
  }

  @Test func `a repository without weights is refused before anything is fetched`() async throws {
    try await TestHub.with { hub, folder in
      hub.publish(["model.gguf": [1], "config.json": Array("{}".utf8)], as: "main")
      let error = await #expect(throws: MinkeError.self) { try await hub.client(folder).pull(name.get()) }
      #expect(error?.kind == .unsupportedFile && error?.found.contains("model.gguf") == true && hub.fetches.isEmpty)
    }
  }

  @Test func `two pulls at once share the work`() async throws {
    try await TestHub.with { hub, folder in
      hub.publish(try TestHub.files("sse-tiny"), as: "main")
      hub.change { request, _, reply in if request.method == .GET { reply.delay = 50 } }
      let clients = [try hub.client(folder), try hub.client(folder), try hub.client(folder)]
      let folders = try await withThrowingTaskGroup(of: URL.self) { group in
        for client in clients { group.addTask { try await client.pull(name.get()).folder } }
        return try await group.reduce(into: Set<URL>()) { $0.insert($1) }
      }
      #expect(folders.count == 1)
      // Of each file, one process fetched the bytes.
      let uris = hub.fetches.filter { $0.isForStorage || $0.uri.hasPrefix("/api/") }.map(\.uri)
      #expect(uris.count == Set(uris).count && uris.count == 3)
    }
  }
}
