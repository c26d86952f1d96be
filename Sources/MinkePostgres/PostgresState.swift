#if PostgreSQL
  import MinkeCore
  import MinkeSearch
  import MinkeStore

  /// The one row of `collection`: what a collection is made with, and which state it is in.
  struct CollectionRow: Sendable {
    /// Another one for every collection, also where one takes the place of another of its name.
    let identity: Int64
    /// Rises with every transaction that changes anything.
    let generation: Int64
    let settings: CollectionSettings
    let search: PostgresCollection.VectorSearch

    init(_ connection: PostgresConnection, _ place: String) throws {
      guard
        let row = try connection.query("SELECT format, generation, settings, search, identity FROM collection").first
      else { throw MinkeError(.malformedFile, place, expected: "the settings of a collection", found: "none") }
      guard try row.integer(0) == PostgresSchema.version else {
        throw MinkeError(
          .unsupportedFile, place, expected: "tables of version \(PostgresSchema.version)",
          found: "version \(try row.integer(0))")
      }
      func malformed(_ name: String) -> MinkeError {
        MinkeError(.malformedFile, "\(place): settings", expected: "a right \"\(name)\"", found: "none or another")
      }
      let json = try Array(try row.text(2).utf8).withUnsafeBytes {
        try JSONValue(parsing: $0, subject: "\(place): settings")
      }
      settings = try CollectionSettings(json.object ?? [:], malformed: malformed)
      guard settings.storage != .int8 else { throw malformed("storage") }
      guard let search = PostgresCollection.VectorSearch(rawValue: try row.text(3)) else { throw malformed("search") }
      (self.search, generation, identity) = (search, try row.integer(1), try row.integer(4))
    }
  }

  /// What a collection consists of at one moment.
  struct PostgresState: Sendable {
    let row: CollectionRow
    /// In the order of their passages.
    let words: [WordPart]

    var settings: CollectionSettings { row.settings }
    var search: PostgresCollection.VectorSearch { row.search }

    func isSame(as other: PostgresState) -> Bool {
      row.identity == other.row.identity && row.generation == other.row.generation
    }

    /// Passages that can be found.
    var passageCount: Int { words.reduce(0) { $0 + $1.range.living } }

    /// The state that `connection` sees; what is as it was is taken from `known`.
    static func read(
      _ connection: PostgresConnection, _ database: PostgresDatabase, _ cache: BlockCache, known: PostgresState?
    ) throws -> PostgresState {
      let row = try CollectionRow(connection, database.place)
      let known = known?.row.identity == row.identity ? known : nil
      if let known, known.row.generation == row.generation { return known }
      // Numbers of blocks begin anew with another collection.
      if known == nil { cache.forget { _ in false } }
      return PostgresState(row: row, words: try words(connection, database, cache, known: known?.words ?? []))
    }

    private static func words(
      _ connection: PostgresConnection, _ database: PostgresDatabase, _ cache: BlockCache, known: [WordPart]
    ) throws -> [WordPart] {
      let knownByID = Dictionary(known.map { ($0.id, $0) }) { $1 }
      // Rows are small but for what was removed, which is read only where it changed.
      var words: [WordPart] = []
      var changed: [Int64] = []
      for row in try connection.query("SELECT id, removed FROM words").rows {
        let (id, removed) = (try row.integer(0), try row.count(1))
        if let part = knownByID[id], part.range.gone.count == removed { words.append(part) } else { changed.append(id) }
      }
      if !changed.isEmpty {
        for row in try connection.query(
          "SELECT \(WordPart.postgresColumns) FROM words WHERE id = ANY ($1)", [.integers(changed)]
        ).rows {
          words.append(try WordPart(row, database, cache, segment: knownByID[try row.integer(0)]?.segment))
        }
      }
      words.sort { $0.range.first < $1.range.first }
      for (part, next) in zip(words, words.dropFirst()) where next.range.first <= part.range.last {
        throw MinkeError(.malformedFile, database.place, expected: "words that do not overlap", found: "two that do")
      }
      return words
    }
  }

  extension WordPart {
    /// What ``init(_:_:_:segment:)`` reads.
    static let postgresColumns = "id, first_passage, last_passage, count, block, blocks, removed, gone"

    /// - Parameter segment: the segment of the same row, where it was read before.
    convenience init(
      _ row: PostgresRow, _ database: PostgresDatabase, _ cache: BlockCache, segment: WordSegment?
    ) throws {
      let subject = "\(database.place): words \(try row.integer(0))"
      let range = try PassageRange(
        first: row.integer(1), last: row.integer(2), count: row.count(3), removed: row.count(6),
        gone: row.optionalBytes(7), subject: subject)
      let block = try row.integer(4)
      try self.init(
        id: row.integer(0), range, block: block, blocks: row.count(5), segment: segment, subject: subject
      ) { PostgresWordBlocks(first: block, database: database, cache: cache) }
    }
  }

  /// The blocks of a segment in the database, read when they are first needed.
  private struct PostgresWordBlocks: WordBlocks {
    let first: Int64
    let database: PostgresDatabase
    let cache: BlockCache

    func block(_ number: Int) throws -> SharedBuffer<UInt8> {
      let id = first + Int64(number)
      return try cache.bytes(id) {
        try database.readWithin { connection in
          let row = try connection.query("SELECT bytes FROM blocks WHERE id = $1", [.integer(id)]).first
          guard let row else {
            throw MinkeError(.malformedFile, database.place, expected: "block \(id)", found: "none")
          }
          return try row.sharedBytes(0)
        }
      }
    }
  }
#endif
