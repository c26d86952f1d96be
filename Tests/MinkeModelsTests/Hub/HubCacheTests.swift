import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

@Suite struct HubCacheTests {
  @Test(arguments: [
    ([String: String](), "/home/me/.cache/huggingface/hub", "/home/me/.cache/huggingface/token"),
    (["XDG_CACHE_HOME": "/x"], "/x/huggingface/hub", "/x/huggingface/token"),
    (["HF_HOME": "/h", "XDG_CACHE_HOME": "/x"], "/h/hub", "/h/token"),
    (["HF_HOME": "~/h"], "/home/me/h/hub", "/home/me/h/token"),
    (["HF_HUB_CACHE": "/c", "HF_HOME": "/h"], "/c", "/h/token"),
    (["HUGGINGFACE_HUB_CACHE": "/old"], "/old", "/home/me/.cache/huggingface/token"),
    (["HF_HUB_CACHE": "$BASE/c", "BASE": "/b"], "/b/c", "/home/me/.cache/huggingface/token"),
    (["HF_HUB_CACHE": "/${BASE}c/$NONE/$", "BASE": "b"], "/bc/$NONE/$", "/home/me/.cache/huggingface/token"),
    (["HF_TOKEN_PATH": "/t/token", "HF_HOME": ""], "/home/me/.cache/huggingface/hub", "/t/token"),
  ])
  func `the places are those of huggingface_hub`(
    _ environment: [String: String], _ cache: String, _ token: String
  ) {
    let places = HubPlaces(environment.merging(["HOME": "/home/me"]) { $1 })
    #expect(places.cache.path == cache && places.token.path == token)
  }

  @Test func `a cached model loads by its name, its branch and its commit`() throws {
    try SmallCache.with { small in
      try small.addModel("static-embedding-tiny")
      try small.cache.note("refs/pr/1", leadsTo: SmallCache.commit, in: "org/tiny")
      let expected = try ModelLibrary.textEncoder(Fixture.url("static-embedding-tiny").path)
      for name in ["org/tiny", "org/tiny@main", "org/tiny@refs/pr/1", "org/tiny@\(SmallCache.commit)"] {
        let source = try ModelSource(name, cache: small.cache)
        let encoder = try ModelLibrary.textEncoder(source, LoadingOptions())
        #expect(encoder.identity == expected.identity && encoder.identity.name == "org/tiny")
        #expect(source.absoluteName == "org/tiny@\(SmallCache.commit)")
        #expect(try source.family() == "static embedding")
      }
    }
  }

  @Test func `a built-in name and a folder go before the cache`() throws {
    try SmallCache.with { small in
      try small.addModel("static-embedding-tiny", of: "minke-sse-en")
      #expect(try ModelSource("minke-sse-en", cache: small.cache).place == .builtIn("minke-sse-en"))
      let folder = Fixture.url("static-embedding-tiny").path
      #expect(try ModelSource(folder, cache: small.cache).absoluteName == folder)
    }
  }

  @Test func `what is missing is said with the command that fetches it`() throws {
    try SmallCache.with { small in
      func error(_ name: String) -> MinkeError? {
        #expect(throws: MinkeError.self) { try ModelSource(name, cache: small.cache) }
      }
      let missing = error("org/tiny")
      #expect(missing?.kind == .notFound && missing?.expected.contains("minke pull org/tiny") == true)
      // A word without a slash is likelier a mistyped folder.
      #expect(error("tiny")?.expected.contains("pull") == false)
      try small.add("config.json", Data("{}".utf8), as: SmallCache.hash(1))
      #expect(error("org/tiny")?.found == "only \(SmallCache.commit)")
      // Python's programs may have fetched a single file.
      try small.cache.note("main", leadsTo: SmallCache.commit, in: "org/tiny")
      #expect(error("org/tiny@main")?.expected.contains("minke pull org/tiny@main") == true)
      #expect(error("org/tiny")?.found == "some of its other files")
    }
  }

  @Test func `links are relative, and made anew where they lead elsewhere`() throws {
    try SmallCache.with { small in
      let (files, hash) = (FileManager.default, SmallCache.hash(1))
      try small.add("1_Pooling/config.json", Data("{}".utf8), as: hash)
      let link = small.cache.snapshots(of: "org/tiny").appendingPathComponent(
        "\(SmallCache.commit)/1_Pooling/config.json")
      #expect(try files.destinationOfSymbolicLink(atPath: link.path) == "../../../blobs/\(hash)")
      #expect(try Data(contentsOf: link) == Data("{}".utf8))
      try small.add("1_Pooling/config.json", Data("[]".utf8), as: SmallCache.hash(2))
      #expect(try Data(contentsOf: link) == Data("[]".utf8))
      #expect(try files.contentsOfDirectory(atPath: link.deletingLastPathComponent().path) == ["config.json"])
    }
  }

  @Test func `no name leads out of the cache`() throws {
    try SmallCache.with { small in
      for path in ["../../../x", "/x", "a/../../b", ""] {
        #expect(throws: MinkeError.self) {
          try small.cache.link(path, to: SmallCache.hash(1), of: SmallCache.commit, in: "org/tiny")
        }
      }
      for hash in ["../x", "x", "", String(repeating: "A", count: 40)] {
        #expect(throws: MinkeError.self) {
          try small.cache.link("a", to: hash, of: SmallCache.commit, in: "org/tiny")
        }
        #expect(throws: MinkeError.self) {
          try small.cache.link("a", to: SmallCache.hash(1), of: hash, in: "org/tiny")
        }
      }
      #expect(!small.exists(""))
    }
  }

  @Test(arguments: [
    "", "../../../etc", "main", String(repeating: "1a", count: 19), String(repeating: "x", count: 5000),
  ])
  func `a reference that names no commit leads nowhere`(_ text: String) throws {
    try SmallCache.with { small in
      try small.addModel("static-embedding-tiny")
      try Data(text.utf8).write(to: small.cache.references(of: "org/tiny").appendingPathComponent("main"))
      let name = try HubModelName("org/tiny")
      #expect(small.cache.snapshot(of: name) == nil)
      #expect(small.cache.models().map(\.references) == [[]])
    }
  }

  @Test func `models are listed with what leads to them, their size and their kind`() throws {
    try SmallCache.with { small in
      #expect(small.cache.models().isEmpty)
      try small.addModel("static-embedding-tiny")
      try small.cache.note("v1", leadsTo: SmallCache.commit, in: "org/tiny")
      try small.add("config.json", Data("{}".utf8), as: SmallCache.hash(100), commit: SmallCache.otherCommit)
      try small.addModel("spikewhale-tiny", of: "tiny")
      // What is no model's.
      for name in ["datasets--a--b", "models--a--..", "models--", ".locks", "blobs"] {
        try FolderWriter.makeFolder(small.cache.folder.appendingPathComponent("\(name)/snapshots/\(SmallCache.commit)"))
      }
      let models = small.cache.models()
      #expect(models.map(\.name.repository) == ["org/tiny", "org/tiny", "tiny"])
      #expect(models.map(\.references) == [["main", "v1"], [], ["main"]])
      let folder = Fixture.url("static-embedding-tiny")
      let sizes = try FileManager.default.subpathsOfDirectory(atPath: folder.path).map {
        (try? Data(contentsOf: folder.appendingPathComponent($0)).count) ?? 0
      }
      #expect(models[0].byteCount == sizes.reduce(0, +) && models[1].byteCount == 2)
      #expect(try models[0].family() == "static embedding")
      #expect(throws: MinkeError.self) { try models[1].family() }
      #expect(try models[2].family() == "SpikeWhale")
    }
  }

  @Test func `a shared model is not written to`() throws {
    try SmallCache.with { small in
      try small.addModel("spikewhale-tiny")
      let cached = try ModelSource("org/tiny", cache: small.cache)
      #expect(throws: MinkeError.self) { try cached.requireOwnFolder() }
      try ModelSource(Fixture.url("spikewhale-tiny").path).requireOwnFolder()
    }
  }
}
