#if PostgreSQL
  import MinkeCore
  import MinkeSearch
  import MinkeStore

  extension PostgresCollection {
    /// Looks for whatever is not as it should be in the collection at `address`, which may be too damaged to be opened:
    /// its settings and counters, and whether documents, passages, vectors, words and blocks fit together. Its model
    /// need not be at hand.
    ///
    /// All of it is read but for the texts, in one state, while others read and write. What the server keeps on its disk is
    /// checked by its own means (`pg_amcheck`, data checksums).
    /// - Parameters:
    ///   - limit: defects of a kind that are named one by one.
    ///   - progress: hears how many parts of words were looked at.
    /// - Returns: what was found; nothing where all is well.
    /// - Throws: `MinkeError` when there is no such collection or the server does not answer; `CancellationError`.
    public static func verify(
      _ address: PostgresAddress, limit: Int = 100, progress: ProgressHandler? = nil
    ) throws -> [CollectionDefect] {
      let database = PostgresDatabase(address)
      try database.findVectors(creates: false)
      try requireExistence(in: database)
      return try database.read(holdingTables: true) { connection in
        var verification = PostgresVerification(
          connection: connection, database: database,
          defects: DefectList(path: database.place, limit: max(1, limit)))
        try verification.run(progress)
        return verification.defects.all
      }
    }
  }

  /// One look at all of a collection.
  private struct PostgresVerification {
    let connection: PostgresConnection
    let database: PostgresDatabase
    var defects: DefectList

    mutating func run(_ progress: ProgressHandler?) throws {
      let row = try attempt(.settings, "collection") { verification in
        try CollectionRow(verification.connection, verification.database.place)
      }
      try attempt(.documents, "documents") { try $0.checkDocuments() }
      try attempt(.passages, "passages") { try $0.checkPassages() }
      if let row {
        for table in row.settings.vectorTables { try attempt(.vectors, table) { try $0.checkVectors(in: table) } }
        if row.settings.storage == .twoStage { try attempt(.vectors, "signs") { try $0.checkSigns() } }
        try attempt(.database, "collection") { try $0.checkIndex(row) }
      }
      try checkWords(progress)
      try attempt(.blocks, "blocks") { try $0.checkBlocks() }
      try attempt(.database, "collection") { try $0.checkCounters() }
    }

    /// Does `work`, and takes what is wrong with what it reads for a defect. What the server refuses would otherwise end
    /// the transaction.
    @discardableResult
    private mutating func attempt<Result>(
      _ kind: CollectionDefect.Kind, _ place: String, _ work: (inout Self) throws -> Result
    ) throws -> Result? {
      try connection.execute("SAVEPOINT attempt")
      do {
        let result = try work(&self)
        try connection.execute("RELEASE attempt")
        return result
      } catch let error as MinkeError where error.kind == .malformedFile || error.kind == .unsupportedFile {
        defects.add(kind, place, "expected \(error.expected), found \(error.found)")
      } catch let failure as PostgresFailure where !connection.isLost {
        let error = failure.explained(database.place)
        guard error.kind == .malformedFile else { throw failure }
        defects.add(.database, place, "expected \(error.expected), found \(error.found)")
      }
      try connection.execute("ROLLBACK TO attempt")
      return nil
    }

    /// Names the rows that a statement finds, which are ids in ascending order.
    private mutating func tellPassages(
      _ kind: CollectionDefect.Kind, _ problem: String, _ sql: String, _ parameters: [PostgresParameter] = []
    ) throws {
      var runs = IDRuns()
      for row in try connection.query(sql, parameters).rows {
        if let run = runs.add(try row.integer(0)) { defects.add(kind, run, problem) }
      }
      if let run = runs.end() { defects.add(kind, run, problem) }
    }

    // MARK: Texts

    private mutating func checkDocuments() throws {
      for row in try connection.query(
        """
        SELECT d.id, d.name, d.kind IN (0, 1) AND (d.kind = 0 OR length(d.key) > 0),
          d.source IS NULL OR EXISTS (SELECT 1 FROM sources s WHERE s.id = d.source),
          d.metadata IS NULL OR jsonb_typeof(d.metadata) = 'object', d.whole
        FROM documents d
        WHERE NOT (d.kind IN (0, 1) AND (d.kind = 0 OR length(d.key) > 0)) OR NOT d.whole
          OR jsonb_typeof(d.metadata) <> 'object'
          OR (d.source IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.id = d.source))
        ORDER BY d.id
        """
      ).rows {
        let name = try row.text(1)
        let place = "document \(try row.integer(0))"
        if try !row.boolean(2) { defects.add(.documents, place, "expected a file or a record, found something else") }
        if try !row.boolean(3) { defects.add(.documents, name, "it is from a source that is not there") }
        if try !row.boolean(4) { defects.add(.documents, name, "its metadata is no object") }
        if try !row.boolean(5) { defects.add(.unfinished, name, "it was not read to its end") }
      }
    }

    private mutating func checkPassages() throws {
      try tellPassages(
        .passages, "no document has them",
        """
        SELECT p.id FROM passages p WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = p.document) ORDER BY p.id
        """)
      try tellPassages(
        .passages, "expected places in order, found others",
        """
        SELECT id FROM passages WHERE first_byte < 0 OR last_byte < first_byte OR first_line < 0 OR last_line < first_line
        ORDER BY id
        """)
    }

    // MARK: Vectors

    private mutating func checkVectors(in table: String) throws {
      let name = table == "vectors" ? "vector" : "vector of bits"
      try tellPassages(
        .vectors, "there is no \(name)",
        "SELECT p.id FROM passages p LEFT JOIN \(table) v ON v.passage = p.id WHERE v.passage IS NULL ORDER BY p.id")
      try tellPassages(
        .vectors, "there is a \(name) and no text",
        "SELECT v.passage FROM \(table) v LEFT JOIN passages p ON p.id = v.passage WHERE p.id IS NULL ORDER BY v.passage"
      )
    }

    private mutating func checkSigns() throws {
      let schema = database.vectors
      try tellPassages(
        .vectors, "the bits are not the signs of the numbers",
        """
        SELECT v.passage FROM vectors v JOIN signs s ON s.passage = v.passage
        WHERE \(schema).binary_quantize(v.embedding) <> s.bits ORDER BY v.passage
        """)
    }

    private mutating func checkIndex(_ row: CollectionRow) throws {
      guard row.search == .hnsw else { return }
      let isThere = try connection.query(
        """
        SELECT EXISTS (SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
          WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1::text AND i.indisvalid)
        """, [.text(PostgresSchema.indexName)]
      ).first?.boolean(0)
      if isThere != true {
        defects.add(
          .vectors, "index \(PostgresSchema.indexName)",
          "it is not there, or not finished, and searches are slow without")
      }
    }

    // MARK: Words

    private mutating func checkWords(_ progress: ProgressHandler?) throws {
      let rows = try attempt(.words, "words") { verification in
        try verification.connection.query("SELECT id FROM words ORDER BY first_passage").rows.map { try $0.integer(0) }
      }
      guard let rows else { return }
      let meter = ProgressMeter(total: rows.count, handler: progress)
      var sound: [(name: String, range: PassageRange, ids: [Int64])] = []
      for id in rows {
        try Task.checkCancellation()
        let name = "words \(id)"
        let part = try attempt(.words, name) { verification in
          // Of one part at a time all blocks are in memory: their words and places are looked at together.
          let cache = BlockCache(limit: .max)
          let part = try verification.connection.query(
            "SELECT \(WordPart.postgresColumns) FROM words WHERE id = $1", [.integer(id)]
          ).first.map { try WordPart($0, verification.database, cache, segment: nil) }
          try part?.segment.check()
          return part
        }
        meter.advance(by: 1)
        guard let found = part, let part = found else { continue }
        let ids = part.segment.ids
        guard ids.allSatisfy({ $0 >= part.range.first && $0 <= part.range.last }) else {
          defects.add(.words, name, "expected passages \(part.range.first) to \(part.range.last), found others")
          continue
        }
        if let before = sound.last, part.range.first <= before.range.last {
          defects.add(.words, name, "it begins at passage \(part.range.first), within \(before.name)")
        }
        sound.append((name, part.range, ids.filter { !part.range.gone.contains(Int($0 - part.range.first)) }))
      }
      var comparison = IDComparison(
        sound.lazy.flatMap { $0.ids }, "words", .words, isWhole: sound.count == rows.count)
      try attempt(.words, "passages") { verification in
        try verification.connection.forEachRow(of: "passages", "id") { row in
          comparison.pass(try row.integer(0), &verification.defects)
        }
      }
      comparison.end(&defects)
    }

    private mutating func checkBlocks() throws {
      for row in try connection.query(
        """
        SELECT w.id, n.block FROM words w, generate_series(w.block, w.block + w.blocks - 1) AS n (block)
        WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.id = n.block) ORDER BY 2
        """
      ).rows {
        defects.add(
          .blocks, "block \(try row.integer(1))", "it is of words \(try row.integer(0)) and is not there")
      }
      for row in try connection.query(
        """
        SELECT b.id FROM blocks b
        WHERE NOT EXISTS (SELECT 1 FROM words w WHERE b.id >= w.block AND b.id < w.block + w.blocks) ORDER BY 1
        """
      ).rows {
        defects.add(
          .blocks, "block \(try row.integer(0))",
          "it is of nothing that is there; minke collection compact removes it")
      }
    }

    /// Numbers are never used again, so that what is in memory under one stays true.
    private mutating func checkCounters() throws {
      for (counter, table, used) in [
        ("next_passage", "passages", "greatest((SELECT max(id) FROM passages), (SELECT max(last_passage) FROM words))"),
        ("next_block", "blocks", "(SELECT max(id) FROM blocks)"),
      ] {
        let row = try connection.query("SELECT \(counter), coalesce(\(used), 0) FROM collection").first
        if let row, try row.integer(0) <= row.integer(1) {
          defects.add(
            .database, table, "expected the next number above \(try row.integer(1)), found \(try row.integer(0))")
        }
      }
    }
  }
#endif
