#if PostgreSQL
  import Foundation
  import Minke
  import MinkeCore
  import MinkeModels
  import MinkeSearch
  import MinkeStore

  extension PostgresCollection {
    /// Makes a collection of what ``export(to:progress:)``, or `Collection` in a file, wrote, without encoding anything
    /// anew. It is one transaction: the collection appears whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: an exported collection.
    ///   - address: where the collection is to be; there must be none.
    ///   - encoder: the model that made the vectors; nil loads it by the name that it had.
    ///   - storage: how vectors are kept; nil for as they were.
    ///   - progress: hears how many passages are read.
    /// - Returns: the new collection, open.
    /// - Throws: `MinkeError` when the files are not those of an export, do not fit together or were made with another
    ///   model, vectors were kept in 8 bits and `storage` says nothing else, or something is at `address`;
    ///   `CancellationError`.
    public static func `import`(
      from folder: URL, into address: PostgresAddress, encoder: (any TextEncoder)? = nil,
      storage: CollectionSettings.Storage? = nil, progress: ProgressHandler? = nil
    ) throws -> PostgresCollection {
      let reader = try ExportReader(folder, storage: storage)
      let (encoder, settings) = (try reader.encoder(encoder, of: folder), reader.settings)
      let database = PostgresDatabase(address)
      try database.findVectors(creates: true)
      try PostgresSchema.check(settings, .exact, database.place)
      try database.write { connection in
        guard try make(connection, database, settings, .exact) else {
          throw MinkeError(
            .invalidArgument, database.place, expected: "a place for a new collection", found: "one that exists")
        }
        // From the beginning, also where the transaction is tried again.
        var reader = try ExportReader(folder, storage: storage)
        while case let documents = try reader.nextDocuments(), !documents.isEmpty {
          try connection.add(documents)
        }
        try connection.query(
          """
          SELECT setval(pg_get_serial_sequence('documents', 'id'), greatest(1, (SELECT max(id) FROM documents)),
            EXISTS (SELECT 1 FROM documents))
          """)
        var counters = try Counters(locking: connection, database.place)
        let meter = ProgressMeter(total: reader.passageCount, handler: progress)
        while let (passages, vectors) = try reader.nextPassages() {
          let ids = passages.map(\.id)
          try connection.addPassages(passages.map { ($0.id, $0.document, $0.new) })
          try connection.addVectors(vectors, ids: ids, settings, keepsLengths: true)
          try connection.addWords(
            passages.map { NewPassage.searchedText($0.new.text, context: $0.new.passage.context) }, ids: ids, settings,
            &counters)
          counters.nextPassage = (ids.last ?? 0) + 1
          meter.advance(by: ids.count)
        }
        let strays = try connection.query(
          "SELECT count(*) FROM passages p WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = p.document)"
        ).first?.count(0)
        if let strays, strays > 0 { throw reader.strays(strays) }
        try counters.write(to: connection)
      }
      let collection = try PostgresCollection(address, encoder: encoder, creates: false)
      try collection.tidy()
      return collection
    }
  }

  extension PostgresConnection {
    /// Adds the rows of documents by the numbers that they had, and those of the files that they are from.
    fileprivate func add(_ documents: [ExportedDocument]) throws {
      let sources = documents.compactMap(\.source)
      if !sources.isEmpty {
        // They are read again when they are next indexed; what did not change is then known by its hash.
        try query(
          """
          INSERT INTO sources (key, size, modified) SELECT DISTINCT key, -1, -1 FROM unnest($1::bytea[]) AS n (key)
          ON CONFLICT (sha256(key)) DO NOTHING
          """, [.byteStrings(sources)])
      }
      try query(
        """
        INSERT INTO documents (id, kind, key, name, title, size, modified, hash, whole, run, source, metadata)
        OVERRIDING SYSTEM VALUE
        SELECT n.id, n.kind, n.key, n.name, n.title, n.size, n.modified, n.hash, n.hash IS NOT NULL, 0, s.id,
          n.metadata::jsonb
        FROM unnest(
          $1::bigint[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[],
          $9::bytea[], $10::text[]) AS n (id, kind, key, name, title, size, modified, hash, source, metadata)
        LEFT JOIN sources s ON sha256(s.key) = sha256(n.source)
        """,
        [
          .integers(documents.map(\.id)), .integers(documents.map(\.kind.rawValue)), .byteStrings(documents.map(\.key)),
          .texts(documents.map(\.name)), .texts(documents.map(\.title)), .integers(documents.map(\.size)),
          .integers(documents.map(\.modified)), .byteStrings(documents.map(\.hash)),
          .byteStrings(documents.map(\.source)), .texts(documents.map { $0.metadata?.withoutNUL.stored }),
        ])
    }
  }
#endif
