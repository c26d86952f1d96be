import Foundation
import Minke
import MinkeCore
import MinkeTestSupport
import Testing

@Suite struct HubCommandTests {
  private static let commit = String(repeating: "1a", count: 20)
  private static let hash = String(repeating: "0", count: 39)

  /// Calls `body` with the environment of a cache that holds `org/tiny`, and a folder to work in. No hub is asked.
  private func withCache(_ body: (_ environment: [String: String], _ folder: URL) throws -> Void) throws {
    try Fixture.withTemporaryFolder { folder in
      let cache = HubCache(folder.appendingPathComponent("hub"))
      let model = Fixture.url("static-embedding-tiny")
      for (number, path) in ["modules.json", "model.safetensors", "tokenizer.json"].enumerated() {
        let blob = cache.blobs(of: "org/tiny").appendingPathComponent("\(Self.hash)\(number)")
        try FolderWriter.makeFolder(blob.deletingLastPathComponent())
        try FileManager.default.copyItem(at: model.appendingPathComponent(path), to: blob)
        try cache.link(path, to: "\(Self.hash)\(number)", of: Self.commit, in: "org/tiny")
      }
      try cache.note("main", leadsTo: Self.commit, in: "org/tiny")
      let environment = ["HF_HUB_CACHE": cache.folder.path, "HF_HUB_OFFLINE": "1", "HF_TOKEN": ""]
      try body(environment, folder)
    }
  }

  @Test func `a fetched model goes by its name`() throws {
    try withCache { environment, folder in
      let input = Data("a whale\n".utf8)
      let cached = try minke("encode", "--model", "org/tiny", input: input, environment: environment, in: folder)
      let path = Fixture.url("static-embedding-tiny").path
      let plain = try minke("encode", "--model", path, input: input, in: folder)
      #expect(cached.status == 0 && cached.output == plain.output, "\(cached.errors)")
      let info = try minke("model", "info", "org/tiny@\(Self.commit)", environment: environment, in: folder)
      #expect(info.status == 0 && info.text.contains("org/tiny"), "\(info.errors)")
    }
  }

  @Test func `a collection remembers the commit, and names it when it is gone`() throws {
    try withCache { environment, folder in
      try Data("The captain hunts a whale.".utf8).write(to: folder.appendingPathComponent("a.txt"))
      let arguments = ["index", "a.txt", "--into", "notes.minke", "--model", "org/tiny"]
      let made = try minke(arguments, environment: environment, in: folder)
      #expect(made.status == 0, "\(made.errors)")
      let search = ["search", "whale", "--in", "notes.minke"]
      #expect(try minke(search, environment: environment, in: folder).status == 0)
      #expect(try minke("model", "remove", "org/tiny", environment: environment, in: folder).status == 0)
      let gone = try minke(search, environment: environment, in: folder)
      #expect(gone.status == 2 && gone.errors.contains("minke pull org/tiny@\(Self.commit)"), "\(gone.errors)")
    }
  }

  @Test func `models are listed and removed`() throws {
    try withCache { environment, folder in
      let list = try minke("model", "list", environment: environment, in: folder)
      let lines = list.text.split(separator: "\n")
      #expect(list.status == 0 && lines.count == 3 && lines[0].hasPrefix("minke-sse-en   built-in"), "\(list.text)")
      #expect(lines.last?.contains("1a1a1a1 main") == true && lines.last?.hasSuffix("static embedding") == true)
      let json = try minke("model", "list", "--json", environment: environment, in: folder)
      let row = try Array(json.text.split(separator: "\n")[2].utf8).withUnsafeBytes {
        try JSONValue(parsing: $0, subject: "row")
      }
      #expect(row["name"] == "org/tiny" && row["references"] == ["main"] && row["problem"] == .null)
      let removed = try minke("model", "remove", "org/tiny", environment: environment, in: folder)
      #expect(removed.status == 0 && removed.errors.contains("1 commit removed"), "\(removed.errors)")
      #expect(try minke("model", "remove", "org/tiny", environment: environment, in: folder).status == 2)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("hub").path)
      #expect(left == [".locks"])
    }
  }

  @Test func `what is missing is said with what to run, and fetched only if that is allowed`() throws {
    try withCache { environment, folder in
      let missing = try minke("encode", "--model", "org/other", environment: environment, in: folder)
      #expect(missing.status == 2 && missing.errors.contains("minke pull org/other"), "\(missing.errors)")
      for arguments in [["pull", "org/other"], ["encode", "--model", "org/other", "--pull"]] {
        let offline = try minke(arguments, environment: environment, in: folder)
        #expect(offline.status == 2 && offline.errors.contains("HF_HUB_OFFLINE"), "\(offline.errors)")
      }
      // What is there needs no hub.
      let there = try minke(
        "encode", "--model", "org/tiny", "--pull", input: Data("a\n".utf8), environment: environment, in: folder)
      #expect(there.status == 0, "\(there.errors)")
      let wrong = try minke("pull", "no/such/name", environment: environment, in: folder)
      #expect(wrong.status == 2 && wrong.errors.contains("ORG/NAME"), "\(wrong.errors)")
    }
  }

  @Test func `files that models share are not written to`() throws {
    try withCache { environment, folder in
      let settled = try minke("model", "settle", "org/tiny", environment: environment, in: folder)
      #expect(settled.status == 2 && settled.errors.contains("shared"), "\(settled.errors)")
    }
  }
}
