#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeStore
  import MinkeText

  extension StoredPassage {
    /// What ``init(_:)`` reads, and from where.
    static let postgresColumns = """
      p.id, p.document, p.first_byte, p.last_byte, p.first_line, p.last_line, p.page, p.context, p.text, \
      d.kind, d.key, d.name, d.title, d.metadata::text FROM passages p JOIN documents d ON d.id = p.document
      """

    init(_ row: PostgresRow) throws {
      let (bytes, lines) = ((try row.count(2), try row.count(3)), (try row.count(4), try row.count(5)))
      let id = try row.integer(0)
      guard bytes.0 <= bytes.1, lines.0 <= lines.1, let kind = DocumentKind(rawValue: try row.integer(9)) else {
        throw MinkeError(.malformedFile, "passage \(id)", expected: "places in order", found: "others")
      }
      self.init(
        id: id, document: try row.integer(1), kind: kind, key: try row.bytes(10), name: try row.text(11),
        title: try row.optionalText(12), metadata: try row.json(13),
        passage: Passage(
          byteRange: bytes.0..<bytes.1, lines: lines.0...lines.1, page: try row.optionalInteger(6).map { Int($0) },
          context: try row.optionalText(7)),
        text: try row.text(8))
    }
  }

  extension PostgresRow {
    /// JSON, which came as text.
    func json(_ column: Int) throws -> JSONValue? {
      try optionalText(column).map { text in
        try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "metadata") }
      }
    }
  }

  extension PostgresCollection {
    /// The names of all documents, in the order in which they came.
    public var documents: [String] {
      get throws {
        try database.read { try $0.query("SELECT name FROM documents ORDER BY id").rows.map { try $0.text(0) } }
      }
    }

    /// The names of up to `count` documents in the order in which they came, after the first `offset`.
    public func documents(from offset: Int, count: Int) throws -> [String] {
      try database.read { connection in
        try connection.query(
          "SELECT name FROM documents ORDER BY id LIMIT $1 OFFSET $2",
          [.integer(Int64(count)), .integer(Int64(offset))]
        ).rows.map { try $0.text(0) }
      }
    }

    /// Whether a document of this id or path is held.
    public func contains(_ document: String) throws -> Bool {
      try database.read { try documentRow(document, $0) != nil }
    }

    /// The passages of a document in order, which is known by its id or its path; none where there is no such document.
    public func passages(of document: String) throws -> [FoundPassage] {
      try database.read { connection in
        guard let row = try documentRow(document, connection) else { return [] }
        return try connection.query(
          "SELECT \(StoredPassage.postgresColumns) WHERE p.document = $1 ORDER BY p.id", [.integer(row)]
        ).rows.map { FoundPassage(try StoredPassage($0), score: 1) }
      }
    }

    /// The number of the first passage of a document, which is known by its id or its path; nil where there is none.
    public func firstPassage(of document: String) throws -> Int64? {
      try database.read { connection in
        guard let row = try documentRow(document, connection) else { return nil }
        return try connection.query("SELECT min(id) FROM passages WHERE document = $1", [.integer(row)])
          .first?.optionalInteger(0)
      }
    }

    /// The passage with this number, and up to `count` of its document before it and behind it; nil where there is none.
    public func surroundings(
      ofPassage id: Int64, count: Int
    ) throws -> (before: [FoundPassage], passage: FoundPassage, after: [FoundPassage])? {
      try database.read { connection in
        let row = try connection.query("SELECT \(StoredPassage.postgresColumns) WHERE p.id = $1", [.integer(id)]).first
        guard let stored = try row.map({ try StoredPassage($0) }) else { return nil }
        func neighbors(_ comparison: String, _ order: String) throws -> [FoundPassage] {
          try connection.query(
            """
            SELECT \(StoredPassage.postgresColumns) WHERE p.document = $1 AND p.id \(comparison) $2
            ORDER BY p.id \(order) LIMIT $3
            """, [.integer(stored.document), .integer(id), .integer(Int64(count))]
          ).rows.map { FoundPassage(try StoredPassage($0), score: 0) }
        }
        return (try neighbors("<", "DESC").reversed(), FoundPassage(stored, score: 0), try neighbors(">", "ASC"))
      }
    }

    /// The row of the document with this id, or else of the file with this path, as it is or as results show it.
    func documentRow(_ document: String, _ connection: PostgresConnection) throws -> Int64? {
      let keys: [(DocumentKind, [UInt8])] = [
        (.record, Array(document.utf8)), (.file, FilePath(document).absolute.bytes),
      ]
      for (kind, key) in keys {
        let found = try connection.query(
          "SELECT id FROM documents WHERE kind = $1 AND sha256(key) = sha256($2)",
          [.integer(kind.rawValue), .bytes(key)]
        ).first
        if let found { return try found.integer(0) }
      }
      return try connection.query(
        "SELECT id FROM documents WHERE kind = 1 AND name = $1 AND length(name) < 1000 ORDER BY id LIMIT 1",
        [.text(document)]
      ).first?.integer(0)
    }
  }
#endif
