import Foundation
import GRDB
import Minke
import MinkeTestSupport
import Testing

@testable import MinkeStore

struct VerificationTests {
  @Test(arguments: CollectionSettings.Storage.allCases)
  func `a collection that was written to in any way has no defects`(_ storage: CollectionSettings.Storage) throws {
    try SmallCollections.with(storage) { collection in
      #expect(try collection.verify() == [])
      for seed in 0..<3 {
        try SmallCollections.change(collection, steps: 25, seed: UInt64(seed))
        #expect(try collection.verify() == [])
      }
      try collection.compact()
      #expect(try collection.verify() == [])
      try collection.remove(collection.documents)
      #expect(try collection.verify() == [])
      #expect(try collection.info().passages == 0)
    }
  }

  @Test func `every block is checked`() throws {
    try SmallCollections.with(.twoStage, records: SmallCollections.records(0..<150)) { collection in
      let blocks = try collection.file.read { try Int64.fetchAll($0, sql: "SELECT id FROM blocks") }
      #expect(blocks.count > 5)
      for (index, block) in blocks.enumerated() {
        try collection.damageBlock(block) { $0[index * 7 % $0.count] ^= 0x10 }
        let defects = try collection.verify()
        #expect(defects.contains { $0.kind == .blocks && $0.place == "block \(block)" }, "\(defects)")
        try collection.damageBlock(block) { $0[index * 7 % $0.count] ^= 0x10 }
      }
      #expect(try collection.verify() == [])
    }
  }

  @Test func `bytes of words are checked beyond their checksum, and none makes it crash`() throws {
    try SmallCollections.with(.binary, records: SmallCollections.records(0..<60)) { collection in
      let first = try #require(collection.file.read { try Int64.fetchOne($0, sql: "SELECT block FROM words") })
      let count = try #require(collection.file.read { try Int64.fetchOne($0, sql: "SELECT blocks FROM words") })
      var random = SplitMix64(seed: 5)
      var found = 0
      for _ in 0..<60 {
        let block = first + Int64(random.below(Int(count)))
        let (place, bit) = (random.below(1 << 20), UInt8(1 << random.below(8)))
        try collection.damageBlock(block, keepingChecksum: true) { $0[place % $0.count] ^= bit }
        let defects = try collection.verify()
        #expect(defects.allSatisfy { $0.kind == .words })
        found += defects.isEmpty ? 0 : 1
        try collection.damageBlock(block, keepingChecksum: true) { $0[place % $0.count] ^= bit }
      }
      // Another letter in a word is a word as well.
      #expect(found > 30)
      #expect(try collection.verify() == [])
    }
  }

  @Test func `numbers that no encoder gives are found`() throws {
    for storage in [CollectionSettings.Storage.float32, .int8, .twoStage] {
      try SmallCollections.with(storage, records: SmallCollections.records(0..<40)) { collection in
        let row = try #require(
          collection.file.read { try Row.fetchOne($0, sql: "SELECT block, chunks FROM vectors") })
        let block: Int64 = storage == .twoStage ? row["chunks"] : row["block"]
        try collection.damageBlock(block, keepingChecksum: true) { bytes in
          if storage == .float32 {
            // The first number of the vector in the third lane becomes NaN.
            bytes.replaceSubrange(8..<12, with: [0, 0, 0xc0, 0x7f])
          } else {
            // The scale of the last vector becomes four times as large, as the exponent is two more.
            bytes[bytes.count - 1] += 1
          }
        }
        let defects = try collection.verify()
        #expect(defects.map(\.kind) == [.vectors], "\(defects)")
        #expect(defects.first?.place == (storage == .float32 ? "passage 3" : "passage 40"))
      }
    }
    try SmallCollections.with(.twoStage, records: SmallCollections.records(0..<40)) { collection in
      let block = try #require(collection.file.read { try Int64.fetchOne($0, sql: "SELECT block FROM vectors") })
      try collection.damageBlock(block, keepingChecksum: true) { for byte in 0..<4 { $0[byte] ^= 0xff } }
      #expect(try collection.verify().map(\.place) == ["passage 1"])
    }
  }

  /// What is done to a collection, and what of it is then wrong.
  private static let damages: [(String, CollectionDefect.Kind)] = [
    ("DELETE FROM blocks WHERE id = (SELECT block FROM vectors)", .blocks),
    ("DELETE FROM blocks WHERE id = (SELECT block FROM words)", .blocks),
    ("INSERT INTO blocks (checksum, bytes) VALUES (0, x'00')", .blocks),
    ("UPDATE blocks SET bytes = 'text' WHERE id = 1", .blocks),
    ("UPDATE vectors SET removed = 1", .vectors), ("UPDATE vectors SET count = count - 1", .vectors),
    ("UPDATE vectors SET count = 1099511627776", .vectors), ("UPDATE vectors SET first = -5", .vectors),
    ("UPDATE vectors SET block = block + 1", .vectors), ("UPDATE vectors SET chunks = 0", .vectors),
    ("UPDATE vectors SET block = 9223372036854775807", .vectors),
    ("UPDATE vectors SET checksum = 'x'", .vectors), ("UPDATE vectors SET gone = x'ff00'", .vectors),
    ("UPDATE vectors SET ids = x'0000'", .vectors), ("UPDATE vectors SET last = last + 1", .vectors),
    ("DELETE FROM vectors", .vectors),
    (
      "INSERT INTO vectors SELECT 99, first, last, count, block, chunks, removed, checksum, gone, ids FROM vectors",
      .vectors
    ),
    ("UPDATE words SET removed = 1", .words), ("UPDATE words SET blocks = blocks + 1", .words),
    ("UPDATE words SET blocks = 0", .words), ("UPDATE words SET first = first + 1", .words),
    ("UPDATE words SET gone = x'ff'", .words), ("UPDATE words SET count = 'many'", .words),
    ("DELETE FROM words", .words),
    ("INSERT INTO words SELECT 99, first, last, count, block, blocks, removed, checksum, gone FROM words", .words),
    ("UPDATE passages SET text = text || '!' WHERE id = 9", .passages),
    ("UPDATE passages SET context = 'x' WHERE id = 9", .passages),
    ("UPDATE passages SET document = 2 WHERE id = 9", .passages),
    ("UPDATE passages SET document = 999 WHERE id = 9", .passages),
    ("UPDATE passages SET first_byte = 99999 WHERE id = 9", .passages),
    ("UPDATE passages SET last_line = 'x' WHERE id = 9", .passages),
    ("UPDATE passages SET page = 1 WHERE id = 9", .passages),
    ("UPDATE passages SET checksum = checksum + 1 WHERE id = 9", .passages),
    ("DELETE FROM passages WHERE id = 9", .vectors), ("DELETE FROM passages WHERE id IN (1, 60)", .words),
    ("DELETE FROM passages", .vectors), ("DELETE FROM documents WHERE id = 3", .passages),
    ("UPDATE documents SET kind = 7 WHERE id = 3", .documents),
    ("UPDATE documents SET name = 'other' WHERE id = 3", .documents),
    ("UPDATE documents SET name = x'00' WHERE id = 3", .documents),
    ("UPDATE documents SET title = 'other' WHERE id = 3", .documents),
    ("UPDATE documents SET checksum = checksum + 1 WHERE id = 3", .documents),
    ("UPDATE documents SET metadata = '{' WHERE id = 3", .documents),
    ("UPDATE documents SET metadata = '[]' WHERE id = 3", .documents),
    ("UPDATE documents SET source = 5 WHERE id = 3", .documents),
    ("UPDATE documents SET hash = NULL WHERE id = 3", .unfinished),
    ("INSERT INTO sources (key, size, modified) VALUES (x'00', 'x', 0)", .documents),
    ("DELETE FROM properties WHERE name = 'model'", .settings),
    ("DELETE FROM properties WHERE name = 'generation'", .settings),
    ("UPDATE properties SET value = 'often' WHERE name = 'generation'", .settings),
    ("UPDATE properties SET value = 0 WHERE name = 'dimension'", .settings),
    ("UPDATE properties SET value = 31 WHERE name = 'dimension'", .vectors),
    ("UPDATE properties SET value = 'paper' WHERE name = 'storage'", .settings),
    ("UPDATE properties SET value = 'float32' WHERE name = 'storage'", .vectors),
    ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'passages'", .database),
    ("DELETE FROM sqlite_sequence WHERE name = 'blocks'", .database), ("DROP TABLE sources", .documents),
    ("DROP TABLE documents", .documents), ("DROP TABLE passages", .passages), ("DROP TABLE vectors", .vectors),
    ("DROP TABLE words", .words), ("DROP TABLE blocks", .blocks), ("DROP TABLE properties", .settings),
  ]

  @Test func `every kind of damage is found, and nothing that meets it crashes`() throws {
    try Fixture.withTemporaryFolder { folder in
      let encoder = try SmallCollections.encoder.get()
      let original = folder.appendingPathComponent("original.minke")
      let collection = try MinkeStore.Collection.open(
        original.path, encoder: encoder, dimension: 32, storage: .twoStage)
      try collection.add(SmallCollections.records(0..<60))
      try collection.close()
      let copy = folder.appendingPathComponent("copy.minke")
      for (sql, kind) in Self.damages {
        try FileManager.default.copyItem(at: original, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        do {
          let damaged = try DatabaseQueue(path: copy.path)
          try damaged.write { try $0.execute(sql: sql) }
          try damaged.close()
        }
        let defects = try MinkeStore.Collection.verify(copy.path)
        // A database can say of itself that something is missing.
        #expect(
          defects.contains { $0.kind == kind || sql.hasPrefix("DROP") && $0.kind == .database }, "\(sql): \(defects)")
        #expect(defects.allSatisfy { !$0.remedy.isEmpty && !$0.place.isEmpty })
        // An error or results; either is fine.
        try Self.use(copy.path, encoder)
      }
    }
  }

  @Test func `rows that cannot be are refused though their checksum is right`() throws {
    try SmallCollections.with(.twoStage, records: SmallCollections.records(0..<60)) { collection in
      typealias Numbers = (first: Int64, last: Int64, count: Int, block: Int64, chunks: Int64)
      let right = try collection.withState { _, state in
        let part = state.vectors[0]
        return (part.range.first, part.range.last, part.range.count, part.block, part.chunks) as Numbers
      }
      var wrong = [right, right, right, right, right]
      wrong[0].block = .max
      wrong[1].chunks = .max
      wrong[2] = (.max - 59, .max, 60, right.block, right.chunks)
      (wrong[3].last, wrong[3].count) = (1 << 30, 1 << 30)
      wrong[4].block = -1
      for numbers in wrong + [right] {
        let range = PassageRange(first: numbers.first, last: numbers.last, count: numbers.count)
        try collection.damage(
          "UPDATE vectors SET first = ?, last = ?, count = ?, block = ?, chunks = ?, checksum = ?",
          [
            numbers.first, numbers.last, numbers.count, numbers.block, numbers.chunks,
            range.checksum(numbers.block, numbers.chunks),
          ])
        try collection.damage("UPDATE properties SET value = value + 1 WHERE name = 'generation'")
        let defects = try MinkeStore.Collection.verify(collection.path)
        #expect(defects.contains { $0.kind == .vectors } == (numbers != right), "\(defects)")
        if numbers != right {
          try Self.use(collection.path, SmallCollections.encoder.get())
          #expect(throws: MinkeError.self) { try MinkeStore.Collection.info(of: collection.path) }
        }
      }
    }
  }

  @Test func `flipped bytes anywhere in the file never crash`() throws {
    try Fixture.withTemporaryFolder { folder in
      let encoder = try SmallCollections.encoder.get()
      let path = folder.appendingPathComponent("test.minke").path
      let collection = try MinkeStore.Collection.open(path, encoder: encoder, dimension: 32, storage: .twoStage)
      try collection.add(SmallCollections.records(0..<120))
      try collection.remove(["record 3"])
      try collection.compact()
      try collection.remove(["record 4"])
      try collection.close()
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      var random = SplitMix64(seed: 11)
      var found = 0
      for round in 0..<40 {
        var bytes = whole
        // Single bits, and once in a while a page's worth of zeros or a file that is cut short.
        switch round % 10 {
        case 0:
          let start = random.below(bytes.count - 4096)
          bytes.replaceSubrange(start..<start + 4096, with: Data(count: 4096))
        case 1: bytes = bytes.prefix(100 + random.below(bytes.count - 100))
        default: bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        do {
          if try !MinkeStore.Collection.verify(path).isEmpty { found += 1 }
        } catch let error as MinkeError {
          found += error.description.isEmpty ? 0 : 1
        }
        try Self.use(path, encoder)
      }
      #expect(found > 5)
      try whole.write(to: URL(fileURLWithPath: path))
      #expect(try MinkeStore.Collection.verify(path) == [])
    }
  }

  /// Does with a damaged collection what one does with collections.
  private static func use(_ path: String, _ encoder: any TextEncoder) throws {
    do {
      let collection = try MinkeStore.Collection(path, encoder: encoder, creates: false)
      defer { try? collection.close() }
      _ = try SmallCollections.results(collection)
      _ = try collection.info()
      _ = try collection.similar(to: "record 7")
      try collection.duplicates { _ in }
      _ = try collection.clusters(3)
    } catch let error as MinkeError {
      #expect(!error.description.isEmpty)
    }
  }

  @Test func `a text with a NUL in it can be kept and found`() throws {
    try SmallCollections.with(.float32) { collection in
      try collection.add([TextRecord(id: "nul", text: "a whale\u{0}and a harpoon")])
      #expect(try collection.search("whale", k: 1).first?.text == "a whale and a harpoon")
      #expect(try collection.verify() == [])
    }
  }

  @Test func `what is no collection is said to be none`() throws {
    try Fixture.withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("x.minke").path
      #expect(throws: MinkeError.self) { try MinkeStore.Collection.verify(path) }
      try Data("just text, and not a little of it".utf8).write(to: URL(fileURLWithPath: path))
      #expect(throws: MinkeError.self) { try MinkeStore.Collection.verify(path) }
      #expect(throws: MinkeError.self) { try MinkeStore.Collection.info(of: path) }
    }
  }
}
