#if PostgreSQL
  import Dispatch
  import Foundation
  import Minke
  import MinkeCore
  import MinkeModels
  import MinkeSearch
  import MinkeTestSupport
  import Synchronization
  import Testing

  @testable import MinkePostgres
  @testable import MinkeStore

  /// The address of a database that tests may make collections in, without a collection: `postgres://...`.
  private let server = ProcessInfo.processInfo.environment["MINKE_POSTGRES"]

  private func error(_ body: () throws -> Void) -> MinkeError? {
    do { try body() } catch { return error as? MinkeError }
    return nil
  }

  /// Against a server: `Tests/postgres` starts one and names it.
  @Suite(
    .serialized,
    .enabled(if: server != nil, "MINKE_POSTGRES names no database; Tests/postgres starts one and runs these"))
  struct PostgresCollectionTests {
    static let encoder = Result { try ModelLibrary.textEncoder() }

    static func records(_ numbers: Range<Int>, version: Int = 0) -> [TextRecord] {
      let words = ["whale", "harpoon", "ship", "bread", "oven", "butter", "court", "judge", "lawyer", "storm"]
      return numbers.map { number in
        var random = SplitMix64(seed: UInt64(number * 31 + version))
        let text = (0..<14).map { _ in words[random.below(words.count)] }.joined(separator: " ")
        return TextRecord(
          id: "record \(number)", text: "\(text) number\(number)", title: number % 3 == 0 ? "Title \(number)" : nil,
          metadata: [
            "topic": .integer(number % 5), "name": .string("Name \(number % 7)"),
            "tags": ["a", .string("b\(number % 2)")],
            "share": .number(Double(number) / 10), "is_new": .boolean(number % 2 == 0), "nested": ["deep": "x"],
          ])
      }
    }

    static func address(_ name: String) throws -> PostgresAddress {
      try PostgresAddress("\(server ?? "")?collection=\(name)")
    }

    /// Calls `body` with a new collection, which is taken away afterwards, and with one in a file that is made alike.
    static func with(
      _ storage: CollectionSettings.Storage = .float32, search: PostgresCollection.VectorSearch = .exact,
      _ body: (PostgresCollection, MinkeStore.Collection) throws -> Void
    ) throws {
      let name = "test_\(UInt32.random(in: 0 ... .max))"
      try Fixture.withTemporaryFolder { folder in
        let collection = try PostgresCollection.open(
          address(name), encoder: encoder.get(), dimension: 64, storage: storage, search: search)
        defer {
          let database = PostgresDatabase(collection.database.address)
          try? database.write { try $0.execute("DROP SCHEMA \"\(name)\" CASCADE") }
          collection.close()
        }
        let file = try MinkeStore.Collection.open(
          folder.appendingPathComponent("test.minke").path, encoder: encoder.get(), dimension: 64, storage: storage)
        defer { try? file.close() }
        try body(collection, file)
      }
    }

    static let queries = [
      "a whale and a harpoon", "bread out of the oven", "\"judge court\"", "storm -ship", "butter name:\"name 3\"",
      "lawyer topic:2 -is_new:1", "path:\"record 1*\" whale", "nothingofthekind",
    ]
    static let conditions: [String?] = [
      nil, "topic = 2", "share > 1.5 AND share <= 3", "name GLOB 'Name [1-3]'", "tags CONTAINS 'b1'", "NOT is_new = 1",
      "is_new = true", "title IS NULL", "title LIKE 'title 1%'", "nested.deep = 'x' AND topic IN (1, 3)",
      "name != 'Name 1' AND document CONTAINS '1'", "topic = 'x' OR missing > 3", "name > 5", "tags IS NOT NULL",
    ]

    /// What searches find; numbers close to each other are the same.
    func results(_ collection: any PassageCollection, _ mode: SearchMode, _ condition: String?) throws -> [[Found]] {
      var options = CollectionSearchOptions(
        SearchOptions(k: 12, mode: mode), filter: try condition.map { try DocumentFilter($0) })
      if condition == nil { options.surroundings = 1 }
      return try collection.search(Self.queries, options: options).map { found in
        found.map { passage in
          Found(
            text: [passage.document, passage.text, passage.title ?? "", JSONValue.object(passage.metadata).text]
              + passage.before + ["|"] + passage.after, score: passage.score)
        }
      }
    }

    struct Found: Hashable {
      let text: [String]
      let score: Float

      static func == (one: Found, other: Found) -> Bool {
        one.text == other.text && abs(one.score - other.score) < 0.0005
      }

      func hash(into hasher: inout Hasher) { hasher.combine(text) }
    }

    @Test(arguments: [CollectionSettings.Storage.float32, .twoStage, .binary])
    func searchesFindWhatTheyFindInAFile(storage: CollectionSettings.Storage) throws {
      try Self.with(storage) { collection, file in
        for target in [collection, file] as [any PassageCollection] {
          try target.add(Self.records(0..<60), splitter: nil, progress: nil)
          try target.add(Self.records(40..<110, version: 1), splitter: nil, progress: nil)
          #expect(try target.remove(["record 7", "record 50", "none"]) == ["record 7", "record 50"])
          let again = try target.add(Self.records(40..<110, version: 1), splitter: nil, progress: nil)
          #expect(again.unchanged == 69 && again.added == 1)
        }
        #expect(try collection.passageCount == file.passageCount)
        #expect(try collection.documentCount == 109)
        for condition in Self.conditions {
          for mode in SearchMode.allCases where mode == .words || storage != .twoStage {
            let (found, expected) = (try results(collection, mode, condition), try results(file, mode, condition))
            #expect(found == expected, "\(mode) \(condition ?? "")")
          }
        }
        // Two stages score candidates by 8-bit numbers in a file and by floats here.
        if storage == .twoStage {
          let found = try results(collection, .meaning, "topic = 2")
          #expect(found[0].count == 12)
        }
      }
    }

    @Test func whatIsInItCanBeReadAndCopied() throws {
      try Self.with { collection, file in
        try collection.add(Self.records(0..<30))
        try file.add(Self.records(0..<30))
        #expect(try collection.documents == file.documents)
        #expect(try collection.documents(from: 3, count: 2) == ["record 3", "record 4"])
        #expect(try collection.contains("record 3") && !collection.contains("record 99"))
        #expect(try collection.passages(of: "record 3") == file.passages(of: "record 3"))
        let id = try #require(try collection.firstPassage(of: "record 3"))
        #expect(try collection.surroundings(ofPassage: id, count: 2)?.passage.document == "record 3")
        #expect(try collection.surroundings(ofPassage: 1 << 40, count: 2) == nil)
        let options = CollectionSearchOptions(k: 5)
        #expect(
          try collection.similar(to: "record 3", options: options).map(\.document)
            == file.similar(to: "record 3", options: options).map(\.document))
        let (info, other) = (try collection.info(), try file.info())
        #expect(info.documents == 30 && info.passages == other.passages && info.distinctWords == other.distinctWords)
        #expect(info.settings.model == other.settings.model && info.sizes.vectors > 0)
        try Fixture.withTemporaryFolder { folder in
          let exported = folder.appendingPathComponent("out")
          #expect(try collection.export(to: exported) == 30)
          let copy = try MinkeStore.Collection.import(
            from: exported, into: folder.appendingPathComponent("copy.minke").path, encoder: Self.encoder.get())
          defer { try? copy.close() }
          for mode in SearchMode.allCases {
            #expect(try results(copy, mode, nil) == results(collection, mode, nil))
          }
        }
      }
    }

    @Test func graphFindsNearlyAllAndAllWithAFilter() throws {
      try Self.with(.float32) { collection, _ in
        try collection.add(Self.records(0..<400))
        let exact = try results(collection, .meaning, nil)
        let address = collection.database.address
        let graph = try PostgresCollection.open(address, encoder: Self.encoder.get(), search: .hnsw)
        defer { graph.close() }
        #expect(try graph.vectorSearch == .hnsw && collection.vectorSearch == .hnsw)
        let found = try results(graph, .meaning, nil)
        let share = zip(exact, found).map { Double(Set($0).intersection($1).count) / Double(max(1, $0.count)) }
        #expect(share.reduce(0, +) / Double(share.count) > 0.9)
        #expect(try results(graph, .meaning, "topic = 2")[0].count == 12)
      }
    }

    @Test func reindexingTakesAnotherDimensionAndStorage() throws {
      try Self.with { collection, _ in
        try collection.add(Self.records(0..<50))
        let address = collection.database.address
        try PostgresCollection.reindex(address, encoder: Self.encoder.get(), dimension: 128, storage: .binary)
        let opened = try PostgresCollection.open(address)
        defer { opened.close() }
        #expect(try opened.settings.dimension == 128 && opened.settings.storage == .binary)
        #expect(try opened.search("whale", k: 5).count == 5)
        #expect(try opened.passageCount == 50)
        // Who had it open before sees another model's vectors only where they fit.
        #expect(try collection.search("whale harpoon", k: 5).count == 5)
        let wrong = #expect(throws: MinkeError.self) {
          try PostgresCollection.open(address, encoder: Self.encoder.get(), dimension: 64)
        }
        #expect(wrong?.subject.hasSuffix("dimension") == true)
      }
    }

    @Test func writersAtOnceDoubleNothing() throws {
      try Self.with { collection, _ in
        let address = collection.database.address
        let writers = try (0..<4).map { _ in try PostgresCollection.open(address, encoder: Self.encoder.get()) }
        defer { for writer in writers { writer.close() } }
        // All write the same records, and some of their own; a reader finds each record once or not at all. Each has a
        // thread of its own: who waits for another writer must not take the place of one that computes.
        let failures = Mutex<[String]>([])
        let queue = DispatchQueue(label: "writers", attributes: .concurrent)
        let group = DispatchGroup()
        func atOnce(_ body: @escaping @Sendable () throws -> Void) {
          queue.async(group: group) {
            do { try body() } catch { failures.withLock { $0.append("\(error)") } }
          }
        }
        for (number, writer) in writers.enumerated() {
          atOnce {
            for round in 0..<5 {
              try writer.add(Self.records(0..<40, version: round))
              try writer.add(Self.records(1000 * (number + 1)..<1000 * (number + 1) + 10))
              try writer.remove(["record \(20 + number)"])
            }
          }
        }
        atOnce {
          for _ in 0..<20 {
            let found = try collection.search("number3", k: 50).filter { $0.document == "record 3" }
            #expect(found.count <= 1)
          }
        }
        group.wait()
        #expect(failures.withLock { $0 } == [])
        try collection.add(Self.records(0..<40, version: 9))
        #expect(try collection.documentCount == 80)
        #expect(try collection.passageCount == 80)
        #expect(try collection.info().passages == 80)
        try collection.database.read { connection in
          for table in ["passages", "vectors"] {
            let count = try connection.query("SELECT count(*) FROM \(table)").first?.count(0)
            #expect(count == 80)
          }
        }
      }
    }

    @Test func aLongDocumentIsOneOfItsWriters() throws {
      try Self.with { collection, _ in
        let other = try PostgresCollection.open(collection.database.address, encoder: Self.encoder.get())
        defer { other.close() }
        func piece(_ number: Int, continues: Bool, last: Bool) -> NewDocument {
          var document = NewDocument(kind: .record, key: Array("long".utf8), name: "long", hash: [1, 2, 3])
          document.continues = continues
          document.isWhole = last
          document.passages = [
            NewPassage(
              passage: Passage(byteRange: number..<number + 1, lines: 1...1, page: nil, context: nil),
              text: "piece \(number)")
          ]
          return document
        }
        let vector = try Embeddings(floats: [Float](repeating: 1, count: 64), dimension: 64)
        try collection.commit([piece(0, continues: false, last: false)], vectors: vector, run: 1)
        try other.commit([piece(0, continues: false, last: false)], vectors: vector, run: 2)
        try collection.commit([piece(1, continues: true, last: true)], vectors: vector, run: 1)
        #expect(try collection.passages(of: "long").map(\.text) == ["piece 0"])
        try other.commit([piece(1, continues: true, last: true)], vectors: vector, run: 2)
        #expect(try collection.passages(of: "long").map(\.text) == ["piece 0", "piece 1"])
        // The same contents again change nothing.
        try collection.commit([piece(0, continues: false, last: true)], vectors: vector, run: 3)
        #expect(try other.passages(of: "long").count == 2)
        #expect(try other.info().unfinishedDocuments == 0)
      }
    }

    @Test func filesAreFollowed() throws {
      try Self.with { collection, _ in
        try Fixture.withTemporaryFolder { folder in
          let paths = [FilePath(folder.path)]
          for number in 0..<5 {
            try "File \(number) about a roof.\n".write(
              to: folder.appendingPathComponent("\(number).txt"), atomically: true, encoding: .utf8)
          }
          #expect(try collection.index(paths).added == 5)
          #expect(try collection.index(paths).unchanged == 5)
          try "Another text.\n".write(to: folder.appendingPathComponent("1.txt"), atomically: true, encoding: .utf8)
          try FileManager.default.removeItem(at: folder.appendingPathComponent("2.txt"))
          let report = try collection.index(paths)
          #expect(report.changed == 1 && report.removed == 1 && report.unchanged == 3)
          let lines = folder.appendingPathComponent("all.jsonl")
          try "{\"id\": \"a\", \"text\": \"first\"}\n{\"id\": \"b\", \"text\": \"second\"}\n".write(
            to: lines, atomically: true, encoding: .utf8)
          #expect(try collection.index([FilePath(lines.path)]).added == 2)
          #expect(try collection.index([FilePath(lines.path)]).unchanged == 2)
          try "{\"id\": \"b\", \"text\": \"second\"}\n".write(to: lines, atomically: true, encoding: .utf8)
          #expect(try collection.index([FilePath(lines.path)]).removed == 1)
          #expect(try collection.documentCount == 5)
        }
      }
    }

    @Test func textsOfAllKindsCome() throws {
      try Self.with { collection, _ in
        let odd = TextRecord(
          id: "o\"dd'\\ \u{1f40b}\0id", text: "a\0b 'quoted' \\x \u{1f40b} $1",
          metadata: ["nu\0l": "a\0b", "big": .number(1e300), "deep": [[1, [2, ["x": .null]]]]])
        let long = TextRecord(id: String(repeating: "long id ", count: 1000), text: "long")
        try collection.add([odd, long])
        #expect(try collection.passages(of: odd.id).map(\.text) == ["a b 'quoted' \\x \u{1f40b} $1"])
        #expect(try collection.contains(long.id))
        let again = try collection.add([odd, long])
        #expect(again.unchanged == 2)
        #expect(try collection.remove([odd.id, long.id]).count == 2)
        #expect(try collection.passageCount == 0)
      }
    }

    @Test func whatIsWrongIsSaid() throws {
      try Self.with { collection, _ in
        let address = collection.database.address
        try collection.add(Self.records(0..<3))
        // Closures stand outside of the macros: within them, the compiler takes one for another.
        let missing = error { _ = try PostgresCollection.open(Self.address("not_there")) }
        #expect(missing?.kind == .notFound)
        let storage = error {
          _ = try PostgresCollection.open(Self.address("int8s"), encoder: Self.encoder.get(), storage: .int8)
        }
        #expect(storage?.expected == "float32, binary or two-stage, which PostgreSQL can keep")
        let none = error { _ = try collection.search(["x"], options: CollectionSearchOptions(k: 0)) }
        #expect(none?.kind == .invalidArgument)
        try collection.database.write { try $0.execute("UPDATE collection SET format = 9") }
        let newer = error { _ = try collection.search("whale") }
        #expect(newer?.kind == .unsupportedFile)
        try collection.database.write {
          try $0.execute("UPDATE collection SET format = 1, settings = '{}', generation = 99")
        }
        let broken = error { _ = try collection.search("whale") }
        #expect(broken?.kind == .malformedFile)
        try collection.database.write { try $0.execute("DROP TABLE passages") }
        let gone = error { _ = try collection.passages(of: "record 1") }
        #expect(gone?.kind == .malformedFile)
        collection.close()
        let closed = error { _ = try collection.search("whale") }
        #expect(closed?.found == "a closed one")
        let again = error { _ = try PostgresCollection.open(address) }
        #expect(again?.kind == .malformedFile)
      }
    }
  }
#endif
