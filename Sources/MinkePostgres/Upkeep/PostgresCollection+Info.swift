#if PostgreSQL
  import MinkeCore
  import MinkeStore

  extension PostgresCollection {
    /// Bytes that the collection takes in its database; parts of it on other servers are not counted.
    public var byteCount: Int {
      get throws { try database.read { try Self.sizes($0).total } }
    }

    /// What the collection holds, and what that takes in its database.
    public func info() throws -> CollectionInfo {
      try withState { connection, state in try Self.info(connection, state) }
    }

    /// What the collection at `address` holds; its model need not be at hand.
    ///
    /// - Throws: `MinkeError` when there is none, or the server cannot be reached.
    public static func info(of address: PostgresAddress) throws -> CollectionInfo {
      let database = PostgresDatabase(address)
      let cache = BlockCache(limit: 1 << 28)
      try database.findVectors(creates: false)
      try requireExistence(in: database)
      return try database.read(holdingTables: true) { connection in
        try info(connection, PostgresState.read(connection, database, cache, known: nil))
      }
    }

    private static func info(_ connection: PostgresConnection, _ state: PostgresState) throws -> CollectionInfo {
      let row = try connection.query("SELECT count(*), count(*) FILTER (WHERE NOT whole) FROM documents").first
      let tables = try connection.query(
        "SELECT count(*) FROM pg_partition_tree($1::text::regclass) WHERE isleaf",
        [.text(PostgresSchema.candidates(state.settings))]
      ).first
      return try CollectionInfo(
        settings: state.settings, formatVersion: Int(PostgresSchema.version), documents: row?.count(0) ?? 0,
        unfinishedDocuments: row?.count(1) ?? 0, words: state.words, vectorParts: max(1, tables?.count(0) ?? 1),
        sizes: sizes(connection))
    }

    static func sizes(_ connection: PostgresConnection) throws -> CollectionInfo.Sizes {
      var sizes = CollectionInfo.Sizes()
      for row in try connection.query(
        """
        SELECT c.relname::text, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
        """
      ).rows {
        let (name, table, indexes) = (try row.text(0), Int(try row.integer(1)), Int(try row.integer(2)))
        if name.hasPrefix("passages") {
          (sizes.text, sizes.rest) = (sizes.text + table, sizes.rest + indexes)
        } else if name.hasPrefix("vectors") || name.hasPrefix("signs") {
          sizes.vectors += table + indexes
        } else if name == "blocks" || name == "words" {
          sizes.postings += table + indexes
        } else {
          sizes.rest += table + indexes
        }
      }
      return sizes
    }
  }
#endif
