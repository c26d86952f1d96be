import Foundation
import GRDB
import Minke
import MinkeTestSupport
import Testing

@testable import MinkeStore

struct UpkeepTests {
  @Test func `info counts what is there and where the bytes are`() throws {
    try SmallCollections.with(.twoStage, records: SmallCollections.records(0..<90)) { collection in
      try collection.remove(["record 4", "record 5"])
      let info = try collection.info()
      #expect(info.documents == 88 && info.passages == 88 && info.vectors == 88 && info.unfinishedDocuments == 0)
      #expect(info.removedVectors == 2 && info.removedWords == 2 && info.vectorParts == 1 && info.wordParts == 1)
      // 10 words of each topic, "number" with each number, and "number" by itself where it is split from it.
      #expect((120...240).contains(info.distinctWords))
      #expect(info.settings == (try collection.settings) && info.formatVersion == 1)
      let texts = try collection.documents.reduce(0) {
        try $0 + collection.passages(of: $1).reduce(0) { $0 + $1.text.utf8.count }
      }
      #expect(info.sizes.text == texts)
      // Bits in blocks of 16; the rows of 64 with their scales.
      #expect(info.sizes.vectors == 6 * 64 + 90 * (32 + 4))
      #expect(info.sizes.postings > 100 && info.sizes.rest > 0)
      #expect(try MinkeStore.Collection.info(of: collection.path) == info)
      try collection.close()
      let size = try FileManager.default.attributesOfItem(atPath: collection.path)[.size] as? Int
      #expect(size == info.sizes.total)
    }
  }

  @Test func `distinct words of several parts are counted once`() throws {
    try SmallCollections.with { collection in
      try collection.add([TextRecord(id: "a", text: "whale bread"), TextRecord(id: "b", text: "whale")])
      try collection.add([TextRecord(id: "c", text: "bread harpoon")])
      let info = try collection.info()
      #expect(info.wordParts == 2 && info.distinctWords == 3)
    }
  }

  @Test(arguments: CollectionSettings.Storage.allCases)
  func `compacting keeps what searches find and drops what was removed`(_ storage: CollectionSettings.Storage) throws {
    try SmallCollections.with(storage) { collection in
      try SmallCollections.change(collection, steps: 60, seed: 8)
      let (before, results) = (try collection.info(), try SmallCollections.results(collection))
      #expect(before.vectorParts > 1 && before.removedVectors > 0)
      let report = try collection.compact()
      let after = try collection.info()
      #expect(after.vectorParts == 1 && after.wordParts == 1 && after.removedVectors == 0 && after.removedWords == 0)
      #expect(report.dropped == before.removedVectors + before.removedWords)
      #expect(report.bytesBefore == before.sizes.total && report.bytesAfter == after.sizes.total)
      #expect(report.bytesAfter <= report.bytesBefore && after.sizes.free == 0)
      #expect(try Self.isClose(SmallCollections.results(collection), results))
      #expect(try collection.verify() == [])
      // Nothing is left to do, and nothing is done.
      #expect(
        try collection.compact()
          == CompactionReport(
            bytesBefore: report.bytesAfter, bytesAfter: report.bytesAfter, dropped: 0))
    }
  }

  @Test func `compacting fills blocks across their ends, and removes blocks of nothing`() throws {
    // Few vectors to a block: 1 MiB of 1,024 floats are 256 vectors.
    try Fixture.withTemporaryFolder { folder in
      let collection = try MinkeStore.Collection.open(
        folder.appendingPathComponent("test.minke").path, encoder: SmallCollections.encoder.get(), storage: .float32)
      defer { try? collection.close() }
      let capacity = try collection.settings.vectorFormat().capacity
      for start in stride(from: 0, to: 4 * capacity, by: capacity / 2 + 40) {
        try collection.add(SmallCollections.records(start..<start + capacity / 2 + 40))
      }
      try collection.remove((0..<100).map { "record \($0 * 3)" })
      try collection.damage("INSERT INTO blocks (checksum, bytes) VALUES (0, x'00')")
      let results = try SmallCollections.results(collection)
      try collection.compact()
      let info = try collection.info()
      #expect(info.vectorParts == (info.vectors + capacity - 1) / capacity && info.vectorParts > 2)
      #expect(try Self.isClose(SmallCollections.results(collection), results))
      #expect(try collection.verify() == [])
    }
  }

  /// Whether the same passages were found with the same scores, but for rounding and the order of equal scores.
  static func isClose(_ one: [[FoundPassage]], _ other: [[FoundPassage]], within: Float = 1e-5) -> Bool {
    zip(one, other).allSatisfy { one, other in
      one.count == other.count && zip(one, other).allSatisfy { abs($0.score - $1.score) <= within * max(1, $0.score) }
        && Set(one.dropLast(5).map(\.document)).isSubset(of: other.map(\.document))
    }
  }

  // MARK: Out and in

  @Test(arguments: CollectionSettings.Storage.allCases)
  func `an exported collection comes back with its vectors kept otherwise`(
    _ storage: CollectionSettings.Storage
  ) throws {
    try SmallCollections.with(.float32, records: SmallCollections.records(0..<60)) { collection in
      let folder = URL(fileURLWithPath: collection.path).deletingLastPathComponent()
      let out = folder.appendingPathComponent("out")
      try collection.export(to: out)
      let copy = try MinkeStore.Collection.import(
        from: out, into: folder.appendingPathComponent("copy.minke").path, encoder: SmallCollections.encoder.get(),
        storage: storage)
      defer { try? copy.close() }
      #expect(try copy.settings.storage == storage && copy.verify() == [])
      // As if the texts had been added to a collection of this kind.
      try SmallCollections.with(storage, records: SmallCollections.records(0..<60)) { fresh in
        let (found, expected) = (try SmallCollections.results(copy), try SmallCollections.results(fresh))
        #expect(Self.isClose(found, expected))
      }
      // Bits do not become numbers again.
      guard storage == .binary else { return }
      let bits = folder.appendingPathComponent("bits")
      try copy.export(to: bits)
      #expect(throws: MinkeError.self) {
        try MinkeStore.Collection.import(
          from: bits, into: folder.appendingPathComponent("numbers.minke").path,
          encoder: SmallCollections.encoder.get(), storage: .int8)
      }
    }
  }

  @Test(arguments: CollectionSettings.Storage.allCases)
  func `an exported collection comes back the same`(_ storage: CollectionSettings.Storage) throws {
    try SmallCollections.with(storage) { collection in
      try SmallCollections.change(collection, steps: 40, seed: 21)
      try collection.add([
        TextRecord(
          id: "title", text: "Of \"quotes\", \u{1F433} and\nlines.", title: "A title", metadata: ["year": 2024])
      ])
      let folder = URL(fileURLWithPath: collection.path).deletingLastPathComponent()
      let (out, path) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("copy.minke").path)
      let count = try collection.export(to: out)
      #expect(count == (try collection.passageCount))
      let copy = try MinkeStore.Collection.import(from: out, into: path, encoder: SmallCollections.encoder.get())
      defer { try? copy.close() }
      #expect(try copy.verify() == [])
      #expect(try copy.settings == collection.settings && copy.documents == collection.documents)
      let (one, other) = (try collection.allNumbers(), try copy.allNumbers())
      #expect(one.map(\.id) == other.map(\.id))
      for (vector, same) in zip(one, other) {
        // The 8-bit numbers are the same ones; a scale that was multiplied and divided is so within a rounding.
        let isSame = zip(vector.numbers, same.numbers).allSatisfy { abs($0 - $1) <= 2e-7 * abs($0) }
        #expect(storage == .float32 || storage == .binary ? vector.numbers == same.numbers : isSame)
      }
      let (before, after) = (try SmallCollections.results(collection), try SmallCollections.results(copy))
      #expect(Self.isClose(before, after))
      if storage == .float32 || storage == .binary { #expect(before == after) }
      #expect(try copy.passages(of: "title") == collection.passages(of: "title"))

      // Again the same files, bits and all; only the reading of scales rounds.
      let again = folder.appendingPathComponent("again")
      try copy.export(to: again)
      for name in ["passages.jsonl", "documents.jsonl", "settings.json"] {
        let files = try [out, again].map { try Data(contentsOf: $0.appendingPathComponent(name)) }
        #expect(files[0] == files[1], "\(name)")
      }
    }
  }

  @Test func `exported vectors are in the order of the passages`() throws {
    try SmallCollections.with(.float32, records: SmallCollections.records(0..<30)) { collection in
      try collection.remove(["record 3", "record 29"])
      let out = URL(fileURLWithPath: collection.path).deletingLastPathComponent().appendingPathComponent("out")
      try collection.export(to: out)
      let lines = try String(contentsOf: out.appendingPathComponent("passages.jsonl"), encoding: .utf8)
        .split(separator: "\n").map { line in
          try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "line") }
        }
      let reader = try NumPyReader(out.appendingPathComponent("vectors.npy"))
      let vectors = try #require(try reader.nextVectors())
      #expect(vectors.count == 28 && lines.count == 28)
      let texts = try lines.map { try #require($0["text"]?.string) }
      let encoded = try SmallCollections.encoder.get().encode(texts, dimension: 32, role: .document)
      for index in 0..<28 {
        #expect(zip(vectors[index], encoded[index]).allSatisfy { abs($0 - $1) < 1e-6 })
      }
      #expect(lines[3]["document"] == "record 4" && lines[3]["metadata"] == ["topic": 1])
      #expect(lines[3]["lines"] == [1, 1] && lines[3]["kind"] == "record")
    }
  }

  @Test func `files are known after import, names that are no UTF-8 too`() throws {
    try Fixture.withTemporaryFolder { folder in
      let notes = folder.appendingPathComponent("notes")
      try FileManager.default.createDirectory(at: notes, withIntermediateDirectories: true)
      try Data("A storm broke the mast.".utf8).write(to: notes.appendingPathComponent("sea.txt"))
      try Data("".utf8).write(to: notes.appendingPathComponent("empty.txt"))
      let strange = FilePath(bytes: Array(notes.path.utf8) + Array("/caf".utf8) + [0xe9])
      // Some file systems take names of UTF-8 only.
      let hasStrange = strange.withCString { name in
        guard let file = fopen(name, "w") else { return false }
        fputs("Bread rises.", file)
        return fclose(file) == 0
      }
      let lines = folder.appendingPathComponent("lines.jsonl")
      try Data("{\"id\": \"one\", \"text\": \"the judge\"}\n".utf8).write(to: lines)
      let collection = try MinkeStore.Collection.open(
        folder.appendingPathComponent("test.minke").path, encoder: SmallCollections.encoder.get(), dimension: 32)
      defer { try? collection.close() }
      let paths = [FilePath(notes.path), FilePath(lines.path)]
      let first = try collection.index(paths)
      #expect(first.added == (hasStrange ? 4 : 3))
      #expect(try collection.verify() == [])
      try collection.export(to: folder.appendingPathComponent("out"))
      let copy = try MinkeStore.Collection.import(
        from: folder.appendingPathComponent("out"), into: folder.appendingPathComponent("copy.minke").path)
      defer { try? copy.close() }
      let second = try copy.index(paths)
      #expect(second.added == 0 && second.changed == 0 && second.removed == 0 && second.unchanged == first.added)
      #expect(try copy.search("bread", k: 5).contains { $0.path == strange } == hasStrange)
      #expect(try copy.verify() == [])
    }
  }

  @Test func `a collection does not read itself where it lies among the files`() throws {
    try Fixture.withTemporaryFolder { folder in
      try Data("A storm broke the mast.".utf8).write(to: folder.appendingPathComponent("sea.txt"))
      let path = folder.appendingPathComponent("test.minke").path
      let collection = try MinkeStore.Collection.open(path, encoder: SmallCollections.encoder.get(), dimension: 32)
      defer { try? collection.close() }
      let report = try collection.index([FilePath(folder.path)])
      #expect(report.added == 1 && !report.skipped.contains { $0.path.description.contains("test.minke") })
      #expect(collection.file.owns(FilePath(path)) && collection.file.owns(FilePath(path + "-wal")))
      #expect(!collection.file.owns(FilePath(folder.path + "/sea.txt")) && !collection.file.owns("none"))
    }
  }

  @Test func `a word that is the first of many passages and nowhere else is merged and found`() throws {
    try SmallCollections.with { collection in
      for step in 0..<9 {
        try collection.add((0..<20).map { TextRecord(id: "\(step).\($0)", text: "ships pass by, \(step) \($0)") })
      }
      #expect(try collection.verify() == [])
      try collection.compact()
      #expect(try collection.verify() == [])
      let found = try collection.search(
        ["ships"], options: CollectionSearchOptions(SearchOptions(k: 200, mode: .words)))
      #expect(found[0].count == 180)
    }
  }

  @Test func `what does not fit together is not imported, and nothing is left of it`() throws {
    try SmallCollections.with(.int8, records: SmallCollections.records(0..<20)) { collection in
      let encoder = try SmallCollections.encoder.get()
      let folder = URL(fileURLWithPath: collection.path).deletingLastPathComponent()
      let (out, path) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("copy.minke").path)
      try collection.export(to: out)
      #expect(throws: MinkeError.self) { try collection.export(to: out) }
      let passages = out.appendingPathComponent("passages.jsonl")
      let whole = try String(contentsOf: passages, encoding: .utf8)
      func refuses(_ name: String, _ change: (String) -> String) throws {
        let url = out.appendingPathComponent(name)
        let before = try String(contentsOf: url, encoding: .utf8)
        try Data(change(before).utf8).write(to: url)
        #expect(throws: MinkeError.self, "\(name)") {
          try MinkeStore.Collection.import(from: out, into: path, encoder: encoder)
        }
        try Data(before.utf8).write(to: url)
      }
      try refuses("passages.jsonl") { $0.split(separator: "\n").dropLast().joined(separator: "\n") }
      try refuses("passages.jsonl") { $0 + $0.split(separator: "\n")[0] + "\n" }
      try refuses("passages.jsonl") { $0.split(separator: "\n").reversed().joined(separator: "\n") }
      try refuses("passages.jsonl") { $0.replacing("\"document_id\":3,", with: "\"document_id\":99,") }
      try refuses("passages.jsonl") { $0.replacing("\"bytes\":[0,", with: "\"bytes\":[\(Int.max),") }
      try refuses("passages.jsonl") { "{" + $0 }
      try refuses("documents.jsonl") { $0.replacing("\"kind\":\"record\"", with: "\"kind\":\"dream\"") }
      try refuses("documents.jsonl") { $0.replacing("\"hash\":\"", with: "\"hash\":\"x") }
      try refuses("settings.json") { $0.replacing("\"dimension\":32", with: "\"dimension\":64") }
      try refuses("settings.json") { $0.replacing("\"storage\":\"int8\"", with: "\"storage\":\"binary\"") }
      try refuses("settings.json") { $0.replacing("\"version\":1", with: "\"version\":2") }
      try refuses("settings.json") { $0.replacing("\"fingerprint\":\"", with: "\"fingerprint\":\"0") }
      #expect(try String(contentsOf: passages, encoding: .utf8) == whole)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(Set(left).isSubset(of: ["test.minke", "test.minke-wal", "test.minke-shm", "out"]), "\(left)")
      try MinkeStore.Collection.import(from: out, into: path, encoder: encoder).close()
      // What is there is not written over.
      #expect(throws: MinkeError.self) { try MinkeStore.Collection.import(from: out, into: path, encoder: encoder) }
      #expect(try MinkeStore.Collection.verify(path) == [])
      #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    }
  }
}
