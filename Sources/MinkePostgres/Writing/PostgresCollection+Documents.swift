#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeStore
  import MinkeText

  extension PostgresCollection {
    /// Brings the collection to the state of the files at `paths` and below the folders among them: what is new or changed
    /// is read, what is gone is taken out, what is as it was is not looked at but for its size and time.
    ///
    /// Documents are known by the absolute paths of their files, on whichever host they lie.
    /// - Parameters:
    ///   - paths: files and folders; a file of JSON Lines that is named itself gives a record a line.
    ///   - options: what is read, and how.
    ///   - progress: hears how far it has come.
    /// - Returns: what was done. What cannot be read is left as it was in the collection, and named there.
    /// - Throws: `MinkeError` when a path does not exist or the collection cannot be written to; `CancellationError`.
    @discardableResult
    public func index(
      _ paths: [FilePath], options: IndexingOptions = IndexingOptions(),
      progress: (@Sendable (IndexProgress) -> Void)? = nil
    ) throws -> IndexReport {
      try follow(paths, options, progress)
    }

    /// Adds records; one whose id is there is replaced, unless it is the same.
    ///
    /// - Parameters:
    ///   - records: the texts, with their ids.
    ///   - splitter: how texts are split; nil for passages of the usual length.
    ///   - progress: hears how far it has come.
    /// - Throws: `MinkeError` when the collection cannot be written to; `CancellationError`. What was written before stays.
    @discardableResult
    public func add(
      _ records: [TextRecord], splitter: PassageSplitter? = nil, progress: (@Sendable (IndexProgress) -> Void)? = nil
    ) throws -> IndexReport {
      try write(records, splitter: splitter, progress)
    }

    /// Takes out the documents with these ids, or paths for files; says which there were.
    ///
    /// - Throws: `MinkeError` when the collection cannot be written to.
    @discardableResult
    public func remove(_ documents: [String]) throws -> [String] {
      let found = try database.read { connection in
        try documents.compactMap { name in try documentRow(name, connection).map { (name, $0) } }
      }
      try removeDocuments(Array(Set(found.map(\.1))).sorted())
      return found.map(\.0)
    }

    // MARK: What is known

    /// No file is part of the collection.
    package func owns(_ file: FilePath) -> Bool { false }

    package func knownFiles() throws -> [[UInt8]: KnownFile] {
      try database.read { connection in
        var known: [[UInt8]: KnownFile] = [:]
        for row in try connection.query(
          "SELECT id, key, size, modified, CASE WHEN whole THEN hash END FROM documents WHERE kind = 1"
        ).rows {
          known[try row.bytes(1)] = KnownFile(
            id: try row.integer(0), size: Int(try row.optionalInteger(2) ?? -1),
            modified: try row.optionalInteger(3) ?? -1, hash: row.optionalBytes(4))
        }
        return known
      }
    }

    package func knownRecords(_ ids: [String]) throws -> [String: KnownRecord] {
      try database.read { connection in
        var known: [String: KnownRecord] = [:]
        for row in try connection.query(
          """
          SELECT id, CASE WHEN whole THEN hash END, key FROM documents
          WHERE kind = 0 AND sha256(key) IN (SELECT sha256(k) FROM unnest($1::bytea[]) AS n (k))
          """, [.byteStrings(ids.map { Array($0.utf8) })]
        ).rows {
          known[String(decoding: try row.bytes(2), as: UTF8.self)] = KnownRecord(
            id: try row.integer(0), hash: row.optionalBytes(1))
        }
        return known
      }
    }

    package func note(_ touched: [(id: Int64, modified: Int64)]) throws {
      guard !touched.isEmpty else { return }
      try database.write { connection in
        try connection.query(
          """
          UPDATE documents d SET modified = n.modified FROM unnest($1::bigint[], $2::bigint[]) AS n (id, modified)
          WHERE d.id = n.id
          """, [.integers(touched.map(\.id)), .integers(touched.map(\.modified))])
      }
    }

    // MARK: Files of records

    package func recordFile(_ key: [UInt8]) throws -> RecordFile? {
      try database.read { connection in
        try connection.query(
          "SELECT id, size, modified FROM sources WHERE sha256(key) = sha256($1)", [.bytes(key)]
        ).first.map {
          RecordFile(id: try $0.integer(0), size: try $0.integer(1), modified: try $0.integer(2))
        }
      }
    }

    package func addRecordFile(_ key: [UInt8]) throws -> Int64 {
      try database.write { connection in
        // Another writer may have been here meanwhile.
        let row = try connection.query(
          """
          INSERT INTO sources (key, size, modified) VALUES ($1, -1, -1)
          ON CONFLICT (sha256(key)) DO UPDATE SET key = excluded.key RETURNING id
          """, [.bytes(key)]
        ).first
        return try row.unwrapped {
          MinkeError(.malformedFile, location, expected: "the number of a new row", found: "none")
        }.integer(0)
      }
    }

    package func finishRecordFile(_ id: Int64, size: Int, modified: Int64) throws {
      try database.write { connection in
        try connection.query(
          "UPDATE sources SET size = $1, modified = $2 WHERE id = $3",
          [.integer(Int64(size)), .integer(modified), .integer(id)])
      }
    }

    package func documents(ofSource source: Int64) throws -> [Int64] {
      try database.read { connection in
        try connection.query("SELECT id FROM documents WHERE source = $1", [.integer(source)]).rows.map {
          try $0.integer(0)
        }
      }
    }
  }
#endif
