#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeModels
  import MinkeSearch
  import MinkeStore

  extension PostgresCollection {
    /// Makes the vectors and words of the collection at `address` anew, with another model or other settings, from the
    /// texts that it keeps. Documents and passages stay as they are.
    ///
    /// It is one transaction: until it ends, others find what was there before, and wait if they want to write.
    /// - Parameters:
    ///   - address: the collection, which must exist.
    ///   - encoder: makes the new vectors.
    ///   - modelName: what to call the model in the database: a built-in name or a path.
    ///   - precision: how the model's layers are held; nil for how its folder has them.
    ///   - dimension: how many leading numbers of each vector to keep; nil keeps all.
    ///   - storage: how vectors are kept; nil for as before, where the model allows it.
    ///   - stems: whether English words are reduced to their stems; nil for as before.
    ///   - progress: hears how many passages are done.
    /// - Throws: `MinkeError` when the collection cannot be written to or the settings do not go together;
    ///   `CancellationError`.
    public static func reindex(
      _ address: PostgresAddress, encoder: any TextEncoder, modelName: String? = nil, precision: Precision? = nil,
      dimension: Int? = nil, storage: CollectionSettings.Storage? = nil, stems: Bool? = nil,
      progress: ProgressHandler? = nil
    ) throws {
      let database = PostgresDatabase(address)
      try database.findVectors(creates: false)
      let before = try row(of: database).settings
      let kept = encoder.metric == .hamming || before.metric == .hamming ? nil : before.storage
      let after = try CollectionSettings(
        encoder, modelName: modelName, precision: precision, dimension: dimension,
        storage: storage ?? kept ?? (encoder.metric == .hamming ? .binary : .float32), stems: stems ?? before.stems)
      try database.write { connection in
        // Writers wait before they hold anything that would be in the way of the lock at the end.
        try connection.execute("LOCK TABLE collection IN EXCLUSIVE MODE")
        var counters = try Counters(locking: connection, database.place)
        let search = try CollectionRow(connection, database.place).search
        try PostgresSchema.check(after, search, database.place)
        // Others go on to read the old tables until the new ones take their place.
        try connection.execute(
          PostgresSchema.vectors(after, database, suffix: "_new") + "DELETE FROM words; DELETE FROM blocks")
        let total = try connection.query("SELECT count(*) FROM passages").first?.count(0) ?? 0
        var (last, done): (Int64, Int) = (0, 0)
        while true {
          try Task.checkCancellation()
          let rows = try connection.query(
            "SELECT id, context, text FROM passages WHERE id > $1 ORDER BY id LIMIT 16384", [.integer(last)])
          let texts = try rows.rows.map { NewPassage.searchedText(try $0.text(2), context: try $0.optionalText(1)) }
          let ids = try rows.rows.map { try $0.integer(0) }
          guard let highest = ids.last else { break }
          let offset = done
          let vectors = try encoder.encode(
            texts,
            options: EncodingOptions(dimension: dimension, role: .document) { completed, _ in
              progress?(offset + completed, total)
            })
          try connection.addVectors(vectors, ids: ids, after, suffix: "_new")
          try connection.addWords(texts, ids: ids, after, &counters)
          (last, done) = (highest, done + ids.count)
        }
        try connection.execute("LOCK TABLE collection IN ACCESS EXCLUSIVE MODE; DROP TABLE IF EXISTS vectors, signs")
        for table in after.vectorTables { try connection.execute("ALTER TABLE \(table)_new RENAME TO \(table)") }
        if search == .hnsw { try connection.execute(PostgresSchema.index(.hnsw, after, database)) }
        try connection.query(
          "UPDATE collection SET settings = $1", [.text(JSONValue.object(after.members).text)])
        try counters.write(to: connection)
      }
    }
  }
#endif
