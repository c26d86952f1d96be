#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeSearch
  import MinkeStore
  import MinkeText

  extension PostgresSearcher: PassageExplorer {
    var settings: CollectionSettings { state.settings }
    var wordParts: [WordPart] { state.words }

    // MARK: All vectors

    /// Passages of a part, those removed included: a block of the vectors that are compared. A part never holds
    /// passages of two parts of the index of words, which know the ids.
    private var partLength: Int { (try? pairFormat().capacity) ?? 1024 }

    private func parts(_ words: WordPart) -> Int { (words.range.count + partLength - 1) / partLength }

    var partCount: Int { state.words.reduce(0) { $0 + parts($1) } }

    func ids(ofPart part: Int) -> [Int64] {
      var part = part
      for words in state.words {
        let count = parts(words)
        guard part >= count else {
          let ordinals = part * partLength..<min(words.range.count, (part + 1) * partLength)
          return ordinals.map { words.segment.id(of: $0) }
            .filter { !words.range.gone.contains(Int($0 - words.range.first)) }
        }
        part -= count
      }
      return []
    }

    func vectors(ofPart part: Int, at positions: [Int]?) throws -> Embeddings {
      let ids = ids(ofPart: part)
      return try vectors(of: positions.map { $0.map { ids[$0] } } ?? ids).normalized()
    }

    /// Vectors of passages, whose ids ascend, as numbers.
    private func vectors(of ids: [Int64]) throws -> Embeddings {
      if settings.storage == .binary {
        let bits = try bits(of: ids)
        return try Embeddings(
          floats: (0..<bits.count).flatMap { bits[$0] }, dimension: settings.dimension)
      }
      let rows = try rows(of: ids, "vectors", "embedding")
      var floats: [Float] = []
      floats.reserveCapacity(ids.count * settings.dimension)
      for row in rows { try floats += row.vector(1, dimension: settings.dimension) }
      return try Embeddings(floats: floats, dimension: settings.dimension)
    }

    private func bits(of ids: [Int64]) throws -> Embeddings {
      let rows = try rows(of: ids, "signs", "bits")
      return try Embeddings(
        packed: rows.flatMap { try $0.bits(1, dimension: settings.dimension) }, dimension: settings.dimension)
    }

    private func rows(of ids: [Int64], _ table: String, _ column: String) throws -> [PostgresRow] {
      let rows = try Array(
        connection.query(
          "SELECT passage, \(column) FROM \(table) WHERE passage = ANY ($1) ORDER BY passage", [.integers(ids)]
        ).rows)
      guard try rows.map({ try $0.integer(0) }) == ids else {
        throw MinkeError(
          .malformedFile, location, expected: "vectors of \(ids.count) passages",
          found: "\(rows.count); minke collection verify says more")
      }
      return rows
    }

    /// What candidates are found by is what is compared: bits where there are any, as in a file.
    func pairFormat() throws -> VectorBlockFormat {
      settings.storage == .float32
        ? try settings.vectorFormat()
        : try VectorBlockFormat(dimension: settings.dimension, metric: .hamming, storage: .binary)
    }

    func pairs(ofPart part: Int) throws -> (block: VectorBlock, removed: [Int])? {
      let (ids, format) = (ids(ofPart: part), try pairFormat())
      guard !ids.isEmpty else { return nil }
      let vectors = settings.storage == .float32 ? try vectors(of: ids) : try bits(of: ids)
      let bytes = try format.write(vectors, 0..<ids.count).block
      return (try VectorBlock(UnsafeRawBufferPointer(bytes.pointer), ids: ids, format: format, subject: location), [])
    }

    func overlap(_ first: Int64, _ second: Int64) throws -> Bool {
      try connection.query(
        """
        SELECT EXISTS (SELECT 1 FROM passages a JOIN passages b ON b.document = a.document
          WHERE a.id = $1 AND b.id = $2 AND a.first_byte < b.last_byte AND b.first_byte < a.last_byte)
        """, [.integer(first), .integer(second)]
      ).first?.boolean(0) ?? false
    }

    // MARK: One document

    func places(of document: String) throws -> [PassagePlace]? {
      guard let row = try collection.documentRow(document, connection) else { return nil }
      return try connection.query(
        "SELECT id, first_line, last_line FROM passages WHERE document = $1 ORDER BY id", [.integer(row)]
      ).rows.map { row in
        let (first, last) = (try row.count(1), try row.count(2))
        return PassagePlace(id: try row.integer(0), lines: first...max(first, last))
      }
    }

    func mean(of ids: [Int64]) throws -> Embeddings {
      let vectors = try vectors(of: ids)
      var sum = [Double](repeating: 0, count: vectors.dimension)
      for row in 0..<vectors.count {
        for (index, value) in vectors[row].enumerated() { sum[index] += Double(value) }
      }
      return try Embeddings(floats: sum.map { Float($0 / Double(ids.count)) }, dimension: vectors.dimension)
    }

    func filter(_ condition: DocumentFilter?, excluding ids: [Int64]) -> Filter {
      Filter(condition: condition?.condition, excluded: ids)
    }

    // MARK: All rows

    func forEachDocument(_ body: (_ id: Int64, _ name: String) throws -> Void) throws {
      try connection.forEachRow(of: "documents", "id, name") { try body($0.integer(0), $0.text(1)) }
    }

    func forEachPassage(_ body: (_ id: Int64, _ document: Int64) throws -> Void) throws {
      try connection.forEachRow(of: "passages", "id, document") { try body($0.integer(0), $0.integer(1)) }
    }
  }

  extension PostgresConnection {
    /// All rows of a table, some thousands at a time, in the order of their first column, a number above 0.
    ///
    /// - Parameter columns: what is read, the key first.
    func forEachRow(of table: String, _ columns: String, _ body: (PostgresRow) throws -> Void) throws {
      let key = columns.prefix { $0 != "," }
      var last: Int64 = 0
      while true {
        try Task.checkCancellation()
        let rows = try query(
          "SELECT \(columns) FROM \(table) WHERE \(key) > $1 ORDER BY \(key) LIMIT 16384", [.integer(last)])
        if rows.count == 0 { return }
        for row in rows.rows {
          last = try row.integer(0)
          try body(row)
        }
      }
    }
  }
#endif
