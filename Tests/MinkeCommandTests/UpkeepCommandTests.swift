import Foundation
import Minke
import MinkeTestSupport
import Testing

@Suite struct UpkeepCommandTests {
  /// A folder with the collection `notes.minke` of a few files.
  private func withCollection(_ body: (URL) throws -> Void) throws {
    try Fixture.withTemporaryFolder { folder in
      let notes = folder.appendingPathComponent("notes")
      try FileManager.default.createDirectory(at: notes, withIntermediateDirectories: true)
      let texts = [
        "sea.txt": "The captain hunts the white whale on his ship.",
        "ocean.txt": "Sailors look for whales from a boat.",
        "bread.md": "Bread rises because of yeast in the dough.",
        "copy.md": "Bread rises because of yeast in the dough.",
      ]
      for (name, text) in texts { try Data(text.utf8).write(to: notes.appendingPathComponent(name)) }
      let made = try minke("index", "notes", "--into", "notes.minke", in: folder)
      #expect(made.status == 0, "\(made.errors)")
      try body(folder)
      // Nothing stays open or half written.
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!names.contains { $0.hasSuffix("-wal") || $0.hasSuffix("-shm") || $0.hasSuffix(".part") }, "\(names)")
    }
  }

  private func rows(_ run: Run) throws -> [JSONValue] {
    try run.text.split(separator: "\n").map { line in
      try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "line") }
    }
  }

  @Test func `info says what a collection holds`() throws {
    try withCollection { folder in
      let run = try minke("collection", "info", "notes.minke", in: folder)
      #expect(run.status == 0 && run.text.contains("documents") && run.text.contains("minke-sse-en"), "\(run.errors)")
      let info = try #require(rows(minke("collection", "info", "notes.minke", "--json", in: folder)).first)
      #expect(info["documents"] == 4 && info["passages"] == 4 && info["vectors"] == 4 && info["storage"] == "int8")
      let size =
        try FileManager.default.attributesOfItem(
          atPath: folder.appendingPathComponent("notes.minke").path)[.size] as? Int
      #expect(info["bytes"]?.integer == size)
      #expect(try minke("collection", "info", "other.minke", in: folder).status == 2)
    }
  }

  @Test func `a wrong name makes no collection, and an empty file stays one`() throws {
    try withCollection { folder in
      let wrong = try minke("index", "nowhere", "--into", "new.minke", in: folder)
      #expect(wrong.status == 2 && wrong.errors.contains("nowhere"))
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("new.minke").path))
      let empty = folder.appendingPathComponent("empty.minke")
      try Data().write(to: empty)
      let search = try minke("search", "whales", "--in", "empty.minke", in: folder)
      #expect(search.status == 2 && search.errors.contains("an empty file"), "\(search.errors)")
      #expect(try Data(contentsOf: empty).isEmpty)
      #expect(try minke("index", "notes", "--into", "empty.minke", in: folder).status == 0)
    }
  }

  @Test func `verify ends with 2 where something is damaged, and says what`() throws {
    try withCollection { folder in
      let whole = try minke("collection", "verify", "notes.minke", in: folder)
      #expect(whole.status == 0 && whole.output.isEmpty && whole.errors.contains("no damage"), "\(whole.errors)")
      let file = folder.appendingPathComponent("notes.minke")
      var bytes = try Data(contentsOf: file)
      let place = try #require(bytes.range(of: Data("Sailors look".utf8))).lowerBound
      bytes[place] = UInt8(ascii: "T")
      try bytes.write(to: file)
      let damaged = try minke("collection", "verify", "notes.minke", in: folder)
      #expect(damaged.status == 2 && damaged.text.contains("checksum"), "\(damaged.text)")
      let row = try #require(rows(minke("collection", "verify", "notes.minke", "--json", in: folder)).first)
      #expect(row["kind"] == "passages" && row["damage"] == true && row["remedy"]?.string?.isEmpty == false)
    }
  }

  @Test func `a collection goes out and comes in again, and is made small`() throws {
    try withCollection { folder in
      let out = try minke("collection", "export", "notes.minke", "out", in: folder)
      #expect(out.status == 0 && out.errors.contains("4 passages"), "\(out.errors)")
      #expect(try minke("collection", "export", "notes.minke", "out", in: folder).status == 2)
      let back = try minke("collection", "import", "out", "copy.minke", in: folder)
      #expect(back.status == 0, "\(back.errors)")
      let searches = try ["notes.minke", "copy.minke"].map {
        try minke("search", "yeast", "--in", $0, "--json", in: folder).text
      }
      #expect(searches[0] == searches[1] && !searches[0].isEmpty)
      #expect(try minke("collection", "import", "out", "copy.minke", in: folder).status == 2)
      let smaller = try minke("collection", "import", "out", "bits.minke", "--storage", "binary", in: folder)
      #expect(smaller.status == 0, "\(smaller.errors)")
      #expect(try minke("collection", "info", "bits.minke", in: folder).text.contains("binary"))
      #expect(try minke("collection", "import", "out", "no.minke", "--storage", "small", in: folder).status == 64)
      #expect(try minke("remove", "notes/sea.txt", "--in", "copy.minke", in: folder).status == 0)
      let small = try minke("collection", "compact", "copy.minke", in: folder)
      #expect(small.status == 0 && small.errors.contains("before"), "\(small.errors)")
      #expect(try minke("collection", "verify", "copy.minke", in: folder).status == 0)
    }
  }

  @Test func `similar, duplicates and cluster look into a collection`() throws {
    try withCollection { folder in
      let similar = try minke("similar", "notes/sea.txt:1", "--in", "notes.minke", "-k1", "--json", in: folder)
      #expect(similar.status == 0, "\(similar.errors)")
      #expect(try rows(similar).map { $0["document"] } == ["notes/ocean.txt"])
      #expect(try minke("similar", "notes/sea.txt", "--in", "notes.minke", "-k2", in: folder).text.contains("ocean"))
      let nothing = try minke(
        "similar", "notes/sea.txt", "--in", "notes.minke", "--where", "path = 'x'", in: folder)
      #expect(nothing.status == 1)
      #expect(try minke("similar", "notes/none.txt:3", "--in", "notes.minke", in: folder).status == 2)

      let duplicates = try minke("duplicates", "--in", "notes.minke", "--json", in: folder)
      #expect(duplicates.status == 0, "\(duplicates.errors)")
      let group = try #require(rows(duplicates).first)
      #expect(group["size"] == 2 && group["passages"]?.array?.count == 2)
      let pairs = try rows(minke("duplicates", "--in", "notes.minke", "--pairs", "--json", in: folder))
      #expect(pairs.count == 1 && (pairs[0]["similarity"]?.double ?? 0) > 0.999)
      #expect(try minke("duplicates", "--in", "notes.minke", in: folder).text.hasPrefix("2 passages\n"))
      #expect(try minke("remove", "notes/copy.md", "--in", "notes.minke", in: folder).status == 0)
      #expect(try minke("duplicates", "--in", "notes.minke", in: folder).status == 1)
      #expect(try minke("duplicates", "--in", "notes.minke", "--threshold", "2", in: folder).status == 64)

      let clusters = try rows(minke("cluster", "--in", "notes.minke", "-k", "2", "--json", in: folder))
      #expect(clusters.map { $0["size"] } == [2, 1])
      #expect(clusters[1]["words"]?.array?.contains("yeast") == true)
      #expect(try minke("cluster", "--in", "notes.minke", "-k2", in: folder).text.contains("1  2 passages: "))
    }
  }
}
