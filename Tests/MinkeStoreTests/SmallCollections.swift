import Foundation
import GRDB
import Minke
import MinkeTestSupport
import Testing

@testable import MinkeStore

/// Collections of short texts, made by the built-in model, for tests of what is done with them.
enum SmallCollections {
  static let encoder = Result { try ModelLibrary.textEncoder() }

  static let topics = [
    ["whale", "harpoon", "sailor", "ship", "ocean", "captain", "mast", "storm", "harbor", "deck"],
    ["bread", "yeast", "dough", "flour", "oven", "baker", "butter", "crust", "sugar", "pastry"],
    ["court", "judge", "lawyer", "verdict", "contract", "witness", "trial", "jury", "crime", "evidence"],
  ]

  /// Records of some words of one topic each: `0`, `1`, ... take the topics in turn.
  static func records(_ numbers: Range<Int>, seed: UInt64 = 1) -> [TextRecord] {
    numbers.map { number in
      var random = SplitMix64(seed: seed &+ UInt64(number) &* 977)
      let words = (0..<12).map { _ in topics[number % topics.count][random.below(10)] }
      return TextRecord(
        id: "record \(number)", text: words.joined(separator: " ") + " number\(number)",
        metadata: ["topic": .integer(number % topics.count)])
    }
  }

  /// Calls `body` with a new collection, which is closed and removed afterwards.
  static func with<Result>(
    _ storage: CollectionSettings.Storage = .int8, records: [TextRecord] = [], dimension: Int? = 32,
    _ body: (MinkeStore.Collection) throws -> Result
  ) throws -> Result {
    try Fixture.withTemporaryFolder { folder in
      let collection = try MinkeStore.Collection.open(
        folder.appendingPathComponent("test.minke").path, encoder: encoder.get(), dimension: dimension,
        storage: storage)
      defer { try? collection.close() }
      if !records.isEmpty { try collection.add(records) }
      return try body(collection)
    }
  }

  /// Adds and removes a few records at a time, so that there are many parts, some with gaps.
  static func change(_ collection: MinkeStore.Collection, steps: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<steps {
      let first = random.below(200)
      if random.below(4) == 0 {
        try collection.remove((first..<first + 5).map { "record \($0)" })
      } else {
        try collection.add(records(first..<first + 1 + random.below(9), seed: random.next()))
      }
    }
  }

  /// What some searches find.
  static func results(_ collection: MinkeStore.Collection) throws -> [[FoundPassage]] {
    try SearchMode.allCases.flatMap { mode in
      try collection.search(
        ["a storm at sea", "baking bread", "the judge and the jury", "number7 whale"],
        options: CollectionSearchOptions(SearchOptions(k: 25, mode: mode)))
    }
  }
}

extension MinkeStore.Collection {
  /// Does to the file what nobody should.
  func damage(_ sql: String, _ arguments: StatementArguments = []) throws {
    try file.write { try $0.execute(sql: sql, arguments: arguments) }
  }

  /// Changes the bytes of a block.
  func damageBlock(_ id: Int64, keepingChecksum: Bool = false, _ change: (inout [UInt8]) -> Void) throws {
    try file.write { db in
      var bytes = try #require(try Data.fetchOne(db, sql: "SELECT bytes FROM blocks WHERE id = ?", arguments: [id]))
        .map { $0 }
      change(&bytes)
      try db.execute(sql: "UPDATE blocks SET bytes = ? WHERE id = ?", arguments: [Data(bytes), id])
      if keepingChecksum {
        let checksum = bytes.withUnsafeBytes { Checksum.of($0) }
        try db.execute(sql: "UPDATE blocks SET checksum = ? WHERE id = ?", arguments: [checksum, id])
      }
    }
  }

  /// The numbers of all passages that can be found, as they are searched, by their ids.
  func allNumbers() throws -> [(id: Int64, numbers: [Float])] {
    try withState { db, state in
      let format = try state.settings.vectorFormat()
      return try state.vectors.flatMap { part in
        let numbers = try numbers(of: part, vectorBlock(of: part, format, db), db)
        return part.allIDs.enumerated().compactMap { position, id in
          part.position(of: id) == nil
            ? nil : (id, Array(numbers[position * format.dimension..<(position + 1) * format.dimension]))
        }
      }
    }
  }
}
