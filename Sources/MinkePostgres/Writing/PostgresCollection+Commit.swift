#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeModels
  import MinkeSearch
  import MinkeStore
  import MinkeText

  extension PostgresCollection {
    package func commit(_ documents: [NewDocument], vectors: Embeddings?, run: Int64) throws {
      guard !documents.isEmpty else { return }
      try database.write { connection in
        var counters = try Counters(locking: connection, location)
        let state = try state(in: connection)
        let rows = try save(documents, run: run, connection)
        var passages: [(id: Int64, document: Int64, new: NewPassage)] = []
        // Which of the vectors are of passages that are written.
        var kept: [Int] = []
        var position = 0
        for (document, row) in zip(documents, rows) {
          for new in document.passages {
            if let row {
              passages.append((counters.nextPassage, row, new))
              kept.append(position)
              counters.nextPassage += 1
            }
            position += 1
          }
        }
        if !passages.isEmpty {
          let ids = passages.map(\.id)
          try connection.addPassages(passages)
          if let vectors { try connection.addVectors(vectors.choosing(kept), ids: ids, state.settings) }
          let texts = passages.map { NewPassage.searchedText($0.new.text, context: $0.new.passage.context) }
          try connection.addWords(texts, ids: ids, state.settings, &counters)
        }
        try counters.write(to: connection)
      }
      try tidy()
    }

    @discardableResult
    package func removeDocuments(_ documents: [Int64]) throws -> Int {
      var removed = 0
      // Transactions of bounded size: each keeps others waiting for a moment only.
      for start in stride(from: 0, to: documents.count, by: 4096) {
        try Task.checkCancellation()
        let some = Array(documents[start..<min(documents.count, start + 4096)])
        removed += try database.write { connection in
          let counters = try Counters(locking: connection, location)
          let count = try removePassages(of: some, connection)
          try connection.query("DELETE FROM documents WHERE id = ANY ($1)", [.integers(some)])
          try counters.write(to: connection)
          return count
        }
        try tidy()
      }
      return removed
    }

    // MARK: Documents

    private struct Key: Hashable {
      let kind: Int64
      let key: [UInt8]
    }

    private struct Present {
      let id: Int64
      let isWhole: Bool
      let hash: [UInt8]?
      let run: Int64
    }

    /// Writes the rows of documents, and takes out the passages of those that are replaced.
    ///
    /// - Returns: of each its row; nil where it is not to be written: another writer was here meanwhile with the same
    ///   contents, or with a document of which this is no further piece.
    private func save(
      _ documents: [NewDocument], run: Int64, _ connection: PostgresConnection
    ) throws -> [Int64?] {
      let keys = documents.map { Key(kind: $0.kind.rawValue, key: $0.key) }
      var present: [Key: Present] = [:]
      for row in try connection.query(
        """
        SELECT d.kind, d.key, d.id, d.whole, d.hash, d.run FROM documents d
        JOIN unnest($1::bigint[], $2::bytea[]) AS n (kind, key) ON d.kind = n.kind AND sha256(d.key) = sha256(n.key)
        """, [.integers(keys.map(\.kind)), .byteStrings(keys.map(\.key))]
      ).rows {
        present[Key(kind: try row.integer(0), key: try row.bytes(1))] = Present(
          id: try row.integer(2), isWhole: try row.boolean(3), hash: row.optionalBytes(4), run: try row.integer(5))
      }
      var rows = [Int64?](repeating: nil, count: documents.count)
      var (added, changed): ([Int], [Int]) = ([], [])
      var replaced: [Int64] = []
      for (index, document) in documents.enumerated() {
        let before = present[keys[index]]
        if document.continues {
          guard let before, before.run == run else { continue }
          rows[index] = before.id
          changed.append(index)
        } else if let before {
          if before.isWhole, before.hash != nil, before.hash == document.hash { continue }
          rows[index] = before.id
          changed.append(index)
          replaced.append(before.id)
        } else {
          added.append(index)
        }
      }
      try removePassages(of: replaced, connection)
      try update(changed.map { documents[$0] }, rows: changed.map { rows[$0] ?? 0 }, run: run, connection)
      for row in try insert(added.map { documents[$0] }, run: run, connection) {
        let key = Key(kind: try row.integer(1), key: try row.bytes(2))
        for index in added where keys[index] == key { rows[index] = try row.integer(0) }
      }
      return rows
    }

    /// The columns of documents but for their keys, and the parameters that hold them.
    private static func columns(_ documents: [NewDocument], run: Int64) -> [PostgresParameter] {
      [
        .texts(documents.map(\.name)), .texts(documents.map(\.title)),
        .integers(documents.map { $0.size.map { Int64($0) } }), .integers(documents.map(\.modified)),
        .byteStrings(documents.map(\.hash)), .booleans(documents.map(\.isWhole)), .integers(documents.map(\.source)),
        .texts(documents.map { $0.metadata?.withoutNUL.stored }), .integer(run),
      ]
    }

    private func insert(
      _ documents: [NewDocument], run: Int64, _ connection: PostgresConnection
    ) throws -> [PostgresRow] {
      guard !documents.isEmpty else { return [] }
      let result = try connection.query(
        """
        INSERT INTO documents (name, title, size, modified, hash, whole, source, metadata, run, kind, key)
        SELECT name, title, size, modified, hash, whole, source, metadata::jsonb, $9, kind, key
        FROM unnest(
          $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::boolean[], $7::bigint[], $8::text[],
          $10::bigint[], $11::bytea[])
          WITH ORDINALITY AS n (name, title, size, modified, hash, whole, source, metadata, kind, key, place)
        ORDER BY place RETURNING id, kind, key
        """,
        Self.columns(documents, run: run) + [
          .integers(documents.map(\.kind.rawValue)), .byteStrings(documents.map(\.key)),
        ])
      return Array(result.rows)
    }

    private func update(
      _ documents: [NewDocument], rows: [Int64], run: Int64, _ connection: PostgresConnection
    ) throws {
      guard !documents.isEmpty else { return }
      try connection.query(
        """
        UPDATE documents d SET name = n.name, title = n.title, size = n.size, modified = n.modified, hash = n.hash,
          whole = n.whole, source = n.source, metadata = n.metadata::jsonb, run = $9
        FROM unnest(
          $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::boolean[], $7::bigint[], $8::text[],
          $10::bigint[]) AS n (name, title, size, modified, hash, whole, source, metadata, id)
        WHERE d.id = n.id
        """, Self.columns(documents, run: run) + [.integers(rows)])
    }

    // MARK: Passages

    /// Takes out the passages of documents, with their vectors and words; gives their number.
    @discardableResult
    private func removePassages(of documents: [Int64], _ connection: PostgresConnection) throws -> Int {
      guard !documents.isEmpty else { return 0 }
      let gone = try connection.query(
        "DELETE FROM passages WHERE document = ANY ($1) RETURNING id", [.integers(documents)]
      ).rows.map { try $0.integer(0) }.sorted()
      guard !gone.isEmpty else { return 0 }
      let state = try state(in: connection)
      for table in state.settings.vectorTables {
        try connection.query("DELETE FROM \(table) WHERE passage = ANY ($1)", [.integers(gone)])
      }
      for part in state.words {
        var range = part.range
        for id in gone.within(part.range) { range.gone.insert(Int(id - part.range.first)) }
        guard range.gone.count != part.range.gone.count else { continue }
        if range.living == 0 {
          try connection.removeWords(part)
        } else {
          try connection.query(
            "UPDATE words SET removed = $1, gone = $2 WHERE id = $3",
            [.integer(Int64(range.gone.count)), .bytes(range.gone.bytes), .integer(part.id)])
        }
      }
      return gone.count
    }
  }
#endif
