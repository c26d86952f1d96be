import Foundation
import GRDB
import MinkeCore
import MinkeModels
import MinkeSearch
import MinkeTestSupport
import MinkeText
import Testing

@testable import Minke
@testable import MinkeStore

private let encoder = Result { try ModelLibrary.textEncoder() }
private let words = ["whale", "bread", "harbor", "engine", "violin", "winter", "ledger", "orchard", "signal", "copper"]

/// Calls `body` with the path of a collection that is not there yet.
private func withPath<Result>(_ body: (String) throws -> Result) throws -> Result {
  try Fixture.withTemporaryFolder { try body($0.appendingPathComponent("test.minke").path) }
}

/// Calls `body` with a new collection of short vectors.
private func withCollection(
  storage: CollectionSettings.Storage? = nil, _ body: (Collection, String) throws -> Void
) throws {
  try withPath { path in
    let collection = try Collection.open(path, encoder: encoder.get(), dimension: 64, storage: storage)
    defer { try? collection.close() }
    try body(collection, path)
  }
}

private func text(_ random: inout SplitMix64) -> String {
  (0..<8).map { _ in words[Int(random.next() % 10)] }.joined(separator: " ") + " \(random.next() % 50)"
}

private func error(_ body: () throws -> Void) -> MinkeError? {
  do { try body() } catch { return error as? MinkeError }
  return nil
}

@Suite struct CollectionTests {
  @Test(arguments: CollectionSettings.Storage.allCases)
  func `A collection finds what the same passages in memory find`(storage: CollectionSettings.Storage) throws {
    try withCollection(storage: storage) { collection, path in
      let memory = try PassageSearch(encoder: encoder.get(), dimension: 64)
      var random = SplitMix64(seed: 5)
      var texts: [String: String] = [:]
      for step in 0..<60 {
        let ids = (0..<Int(random.next() % 12) + 1).map { _ in "d\(random.next() % 120)" }
        if step % 4 == 3 {
          try collection.remove(ids)
          for id in ids where texts.removeValue(forKey: id) != nil { try memory.remove(id) }
          continue
        }
        var records: [String: TextRecord] = [:]
        for id in ids { records[id] = TextRecord(id: id, text: text(&random)) }
        let sorted = records.values.sorted { $0.id < $1.id }
        try collection.add(sorted)
        try memory.add(sorted.map { Document(id: $0.id, text: $0.text) })
        for record in sorted { texts[record.id] = record.text }
      }
      #expect(try collection.documentCount == texts.count && collection.passageCount == texts.count)
      #expect(try collection.verify().isEmpty)
      // Parts were merged: fewer are left than transactions there were.
      #expect(try collection.withState { $1.words.count } < 20)
      let queries = ["whale in the harbor", "bread \"winter ledger\"", "violin -engine", "orchard 7", "nothing of it"]
      for mode in [SearchMode.words, .both, .meaning] {
        let options = SearchOptions(k: 15, mode: mode)
        let found = try collection.search(queries, options: CollectionSearchOptions(options))
        let again = try Collection.open(path).search(queries, options: CollectionSearchOptions(options))
        #expect(found == again)
        let expected = try memory.search(queries, options: options)
        for (query, passages) in found.enumerated() {
          #expect(passages.count == expected[query].count)
          for passage in passages { #expect(texts[passage.document] == passage.text) }
          // Where vectors are not rounded, all is the same; words never are.
          guard mode == .words || storage == .float32 else { continue }
          for (one, other) in zip(passages, expected[query]) { #expect(abs(one.score - other.score) < 1e-5) }
        }
      }
    }
  }

  @Test func `Blocks that do not fit in memory are read for each search`() throws {
    try withCollection(storage: .twoStage) { collection, _ in
      var random = SplitMix64(seed: 8)
      try collection.add((0..<300).map { TextRecord(id: "\($0)", text: text(&random)) })
      let before = try collection.search("harbor whale", k: 20)
      collection.memoryLimit = 0
      #expect(try collection.search("harbor whale", k: 20) == before)
      #expect(collection.cache.used == 0)
    }
  }

  @Test func `A filter holds within the search`() throws {
    try withCollection { collection, _ in
      var random = SplitMix64(seed: 3)
      try collection.add(
        (0..<400).map {
          TextRecord(
            id: "src/file\($0).txt", text: text(&random),
            metadata: [
              "year": .integer(2000 + $0 % 30), "tags": ["all", .string("t\($0 % 7)")], "rare": .boolean($0 == 399),
            ])
        })
      func found(_ condition: String) throws -> Set<String> {
        let options = CollectionSearchOptions(
          SearchOptions(k: 500, mode: .meaning), filter: try DocumentFilter(condition))
        return Set(try collection.search(["whale"], options: options)[0].map(\.document))
      }
      #expect(try found("rare = true") == ["src/file399.txt"])
      #expect(try found("year > 2027 AND path GLOB 'src/*1.txt'").allSatisfy { $0.hasSuffix("1.txt") })
      #expect(try found("year > 2027").count == 26)
      #expect(try found("NOT year > 2027").count == 374)
      #expect(try found("tags CONTAINS 't3' AND year IN (2003, 2010)").isEmpty == false)
      #expect(try found("missing IS NULL").count == 400 && found("missing = 1").isEmpty)
      #expect(try found("file LIKE 'file1_.txt' OR (year = 2005 AND title IS NOT NULL)").count == 10)
      // Few of many: the best of them are found although none is among the best of all.
      let query = try collection.search(
        ["whale tags:t3 -year:2003"], options: CollectionSearchOptions(SearchOptions(k: 500)))[0]
      #expect(query.count > 40 && query.allSatisfy { $0.metadata["tags"]?.array?.last == "t3" })
      #expect(query.allSatisfy { $0.metadata["year"] != 2003 })
    }
  }

  @Test(arguments: [
    "", "year >", "year > > 3", "(year = 1", "year = 'a", "1 = 1", "year = 1 OR", "x NOT 5", "path GLOB 3 4",
    "a; DROP TABLE documents", "year = 1e999", String(repeating: "(", count: 500),
  ])
  func `What is no condition is refused, whatever it holds`(condition: String) {
    #expect(error { _ = try DocumentFilter(condition) }?.kind == .invalidArgument)
  }

  @Test func `Indexing again does what changed`() throws {
    try withCollection { collection, path in
      try Fixture.withTemporaryFolder { folder in
        func write(_ name: String, _ text: String) throws {
          try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        func index() throws -> IndexReport { try collection.index([FilePath(folder.path)]) }
        try write("a.txt", "the whale is white")
        try write("b.txt", "bread rises in the oven")
        try write("c.bin", "no\u{0}text")
        try write("empty.txt", "")
        var report = try index()
        #expect(report.added == 3 && report.unchanged == 0 && report.passages == 2)
        #expect(report.skipped.count == 1)
        report = try index()
        #expect(report.added == 0 && report.unchanged == 3 && report.removed == 0 && report.passages == 0)
        try write("a.txt", "the whale is black now")
        try write("b.txt", "bread rises in the oven")
        try FileManager.default.removeItem(at: folder.appendingPathComponent("empty.txt"))
        try write("d.txt", "an engine starts")
        report = try index()
        #expect(report.added == 1 && report.changed == 1 && report.unchanged == 1 && report.removed == 1)
        #expect(try collection.search("which color has the whale", k: 1)[0].text == "the whale is black now")
        // What is text no more goes.
        try write("d.txt", "an\u{0}engine")
        #expect(try index().removed == 1)
        #expect(try collection.documentCount == 2)
        // A folder of its own says nothing of what lies outside of it.
        try Fixture.withTemporaryFolder { other in
          try Data("a violin plays".utf8).write(to: other.appendingPathComponent("e.txt"))
          #expect(try collection.index([FilePath(other.path)]).removed == 0)
        }
        #expect(try collection.documentCount == 3)
        #expect(try collection.verify().isEmpty)
      }
    }
  }

  @Test func `A file of records follows its lines`() throws {
    try withCollection { collection, _ in
      try Fixture.withTemporaryFolder { folder in
        let file = folder.appendingPathComponent("r.jsonl")
        func index(_ lines: [String]) throws -> IndexReport {
          try Data(lines.joined(separator: "\n").utf8).write(to: file)
          return try collection.index([FilePath(file.path)])
        }
        var report = try index([
          #"{"id": "a", "text": "a whale", "year": 1}"#, "", "no json", #"{"id": 7, "text": "bread", "title": "Food"}"#,
          #"{"text": "no id"}"#, #"{"id": "a", "text": "the last of an id counts"}"#,
        ])
        #expect(
          report.added == 3 && report.mistakes.count == 1
            && report.mistakes[0].subject.hasSuffix("r.jsonl, line 3, byte 0"))
        #expect(try collection.passages(of: "a").map(\.text) == ["the last of an id counts"])
        #expect(try collection.passages(of: "7")[0].title == "Food")
        report = try index([#"{"id": "a", "text": "the last of an id counts"}"#, #"{"id": 7, "text": "cake"}"#])
        #expect(report.unchanged == 1 && report.changed == 1 && report.removed == 1)
        #expect(try Set(collection.documents) == ["a", "7"])
        #expect(try collection.index([FilePath(file.path)]).unchanged == 2)
        #expect(try collection.verify().isEmpty)
      }
    }
  }

  @Test func `Another model, dimension or storage is refused, and making anew takes it`() throws {
    try withPath { path in
      let model = try encoder.get()
      var collection = try Collection.open(path, encoder: model, dimension: 64)
      try collection.add([TextRecord(id: "a", text: "a white whale"), TextRecord(id: "b", text: "a loaf of bread")])
      try collection.close()
      let other = try ModelLibrary.textEncoder(Fixture.url("bne-tiny").path)
      #expect(error { _ = try Collection.open(path, encoder: other) }?.subject == "\(path): model")
      #expect(error { _ = try Collection.open(path, encoder: model, dimension: 32) }?.subject == "\(path): dimension")
      #expect(error { _ = try Collection.open(path, encoder: model, storage: .binary) }?.subject == "\(path): storage")
      #expect(error { _ = try Collection.open(path, encoder: model, stems: false) }?.subject == "\(path): stems")
      try Collection.reindex(path, encoder: model, dimension: 32, storage: .twoStage, stems: false)
      collection = try Collection.open(path, encoder: model, dimension: 32, storage: .twoStage, stems: false)
      #expect(try collection.search("whale", k: 1)[0].document == "a")
      #expect(try collection.verify().isEmpty)
      try collection.close()
    }
  }

  @Test func `A passage comes with what is around it`() throws {
    try withCollection { collection, _ in
      let paragraphs = (0..<12).map { number in
        "Paragraph \(number) about \(words[number % 10]). " + String(repeating: "It says more of the same. ", count: 25)
      }
      try collection.add([TextRecord(id: "long", text: paragraphs.joined(separator: "\n\n"))])
      let all = try collection.passages(of: "long")
      #expect(all.count > 5)
      let options = CollectionSearchOptions(SearchOptions(k: 1), surroundings: 2)
      let found = try collection.search(["paragraph 5 winter"], options: options)[0][0]
      let place = try #require(all.firstIndex { $0.text == found.text })
      #expect(found.before == all[max(0, place - 2)..<place].map(\.text))
      #expect(found.after == all[(place + 1)...].prefix(2).map(\.text))
    }
  }

  @Test func `Two collections on one file see each other's changes`() throws {
    try withCollection { one, path in
      let two = try Collection.open(path)
      defer { try? two.close() }
      try one.add([TextRecord(id: "a", text: "a white whale")])
      #expect(try two.search("whale", k: 5).map(\.document) == ["a"])
      try two.add([TextRecord(id: "b", text: "a grey whale")])
      #expect(try Set(one.search("whale", k: 5).map(\.document)) == ["a", "b"])
      try one.remove(["a"])
      #expect(try two.search("whale", k: 5).map(\.document) == ["b"])
      // What is in memory was kept where nothing changed.
      let before = try two.withState { $1.vectors.map(ObjectIdentifier.init) }
      try one.add([TextRecord(id: "c", text: "an orchard")])
      let after = try two.withState { $1.vectors.map(ObjectIdentifier.init) }
      #expect(Set(before).isSubset(of: Set(after)))
    }
  }
}

@Suite struct CollectionFaultTests {
  @Test func `A full disk loses nothing`() throws {
    try withCollection { collection, path in
      var random = SplitMix64(seed: 1)
      try collection.add((0..<50).map { TextRecord(id: "\($0)", text: text(&random)) })
      let before = try collection.search("whale", k: 50)
      let pages = try collection.file.read { try Int.fetchOne($0, sql: "PRAGMA page_count") } ?? 0
      try collection.file.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(pages + 2)") }
      let failure = error { try collection.add((0..<3000).map { TextRecord(id: "n\($0)", text: text(&random)) }) }
      #expect(failure?.kind == .inputOutput && failure?.found.contains("none left") == true)
      #expect(try collection.search("whale", k: 50) == before)
      #expect(try collection.verify().isEmpty)
      try collection.file.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
      try collection.add([TextRecord(id: "later", text: "there is room again")])
      #expect(try collection.search("is there room", k: 1)[0].document == "later")
    }
  }

  @Test func `What is no collection of ours is refused by what it is`() throws {
    try withPath { path in
      let model = try encoder.get()
      func refused() -> MinkeError? { error { _ = try Collection.open(path, encoder: model) } }
      try Data("a plain text file, long enough to be looked at".utf8).write(to: URL(fileURLWithPath: path))
      #expect(refused()?.kind == .unsupportedFile)
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      #expect(refused()?.kind == .unsupportedFile)
      try FileManager.default.removeItem(atPath: path)
      let other = try DatabaseQueue(path: path)
      try other.write { try $0.execute(sql: "CREATE TABLE recipes (name TEXT); PRAGMA application_id = 77") }
      try other.close()
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(refused()?.found == "a database of another application")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
      try FileManager.default.removeItem(atPath: path)
      try Collection.open(path, encoder: model).close()
      let newer = try DatabaseQueue(path: path)
      try newer.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
      try newer.close()
      #expect(refused()?.found.contains("newer Minke") == true)
      #expect(error { _ = try Collection.open(path + ".none") }?.kind == .notFound)
    }
  }

  @Test func `A file that goes away or is replaced is noticed`() throws {
    try withCollection { collection, path in
      try collection.add([TextRecord(id: "a", text: "a white whale")])
      let moved = path + ".moved"
      try FileManager.default.moveItem(atPath: path, toPath: moved)
      #expect(error { _ = try collection.search("whale") }?.kind == .notFound)
      #expect(error { try collection.add([TextRecord(id: "b", text: "lost?")]) }?.kind == .notFound)
      try FileManager.default.copyItem(atPath: moved, toPath: path)
      #expect(error { _ = try collection.search("whale") }?.found.contains("another file") == true)
    }
  }

  @Test func `Flipped bytes give errors, or answers that are right`() throws {
    try withPath { path in
      let model = try encoder.get()
      var random = SplitMix64(seed: 12)
      let records = (0..<200).map { TextRecord(id: "d\($0)", text: text(&random)) }
      do {
        let collection = try Collection.open(path, encoder: model, dimension: 64)
        try collection.add(records)
        try collection.close()
      }
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      var errors = 0
      for round in 0..<60 {
        var damaged = whole
        for _ in 0...round % 3 {
          // Not the header, which says what file it is.
          let place = 100 + Int(random.next() % UInt64(whole.count - 100))
          damaged[place] ^= UInt8(truncatingIfNeeded: random.next() % 255 + 1)
        }
        try damaged.write(to: URL(fileURLWithPath: path))
        for name in [path + "-wal", path + "-shm"] { try? FileManager.default.removeItem(atPath: name) }
        do {
          let collection = try Collection.open(path, encoder: model)
          defer { try? collection.close() }
          for passage in try collection.search("whale winter", k: 200) {
            #expect(records.contains { $0.text == passage.text })
          }
          _ = try collection.verify()
        } catch {
          errors += 1
          #expect(error is MinkeError, "\(error)")
        }
      }
      #expect(errors > 10)
    }
  }

  @Test func `A kill loses nothing that was acknowledged, and readers see whole states`() throws {
    let program = Bundle.main.bundleURL.appendingPathComponent("MinkeFaults")
    try #require(FileManager.default.isExecutableFile(atPath: program.path), "MinkeFaults was not built")
    let process = Process()
    process.executableURL = program
    process.arguments = ["--kills", "6", "--seconds", "2"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && said.hasSuffix("no fault\n"), "\(said)")
  }
}
