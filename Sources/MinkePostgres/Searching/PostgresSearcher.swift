#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeSearch
  import MinkeStore
  import MinkeText

  /// Searches in one state of a collection: by words here, and by meaning on the server.
  struct PostgresSearcher: PassageSearcher {
    /// Which passages may be found: all that each of these lets through.
    struct Filter {
      var condition: DocumentCondition?
      /// What phrases and words that must not occur leave over.
      var words: IDFilter?
      var excluded: [Int64] = []
    }

    let collection: PostgresCollection
    let connection: PostgresConnection
    let state: PostgresState
    let words: WordSearch

    init(collection: PostgresCollection, connection: PostgresConnection, state: PostgresState) {
      (self.collection, self.connection, self.state) = (collection, connection, state)
      words = WordSearch(state.words.map { ($0.segment, $0.dead) }, analyzer: state.settings.analyzer)
    }

    var location: String { collection.location }
    var passageCount: Int { state.passageCount }

    // MARK: Filters

    func filter(of query: WordQuery, and condition: Filter?) throws -> Filter? {
      let constraint = try words.constraint(of: query)
      guard constraint != nil || !query.fields.isEmpty else { return condition }
      var filter = condition ?? Filter()
      filter.words = constraint
      if !query.fields.isEmpty {
        let fields = DocumentFilter(fields: query.fields).condition
        filter.condition = filter.condition.map { .all([$0, fields]) } ?? fields
      }
      return filter
    }

    func ids(_ filter: Filter) throws -> IDFilter {
      var filters = [filter.words].compactMap { $0 }
      if let condition = filter.condition {
        let condition = PostgresCondition(condition, after: [])
        let rows = try connection.query(
          "SELECT p.id FROM documents d JOIN passages p ON p.document = d.id WHERE \(condition.sql)",
          condition.parameters
        ).rows
        filters.append(IDFilter(try rows.map { try $0.integer(0) }))
      }
      if filters.count == 1 { return filters[0] }
      let all = filters
      return IDFilter(where: { id in all.allSatisfy { $0.contains(id) } })
    }

    /// What a filter says of the passage in column `column`, with the parameters of the whole statement.
    private func sql(
      _ filter: Filter?, _ column: String, after parameters: [PostgresParameter]
    ) -> (sql: String, parameters: [PostgresParameter]) {
      var (parts, parameters): ([String], [PostgresParameter]) = ([], parameters)
      if let condition = filter?.condition {
        let condition = PostgresCondition(condition, after: parameters)
        parameters = condition.parameters
        parts.append(
          "\(column) IN (SELECT p.id FROM documents d JOIN passages p ON p.document = d.id WHERE \(condition.sql))")
      }
      if let words = filter?.words {
        // Whichever are fewer, those that are let through or the others.
        var (wanted, others): ([Int64], [Int64]) = ([], [])
        for part in state.words {
          for id in part.segment.ids where !part.range.gone.contains(Int(id - part.range.first)) {
            if words.contains(id) { wanted.append(id) } else { others.append(id) }
          }
        }
        let takesWanted = wanted.count <= others.count
        parameters.append(.integers(takesWanted ? wanted : others))
        parts.append("\(column) \(takesWanted ? "= ANY" : "<> ALL") ($\(parameters.count))")
      }
      if let excluded = filter?.excluded, !excluded.isEmpty {
        parameters.append(.integers(excluded))
        parts.append("\(column) <> ALL ($\(parameters.count))")
      }
      return (parts.isEmpty ? "" : "WHERE " + parts.joined(separator: " AND "), parameters)
    }

    // MARK: By meaning

    func nearest(_ queries: Embeddings, k: Int, among filter: Filter?) throws -> [[Match]] {
      let settings = state.settings
      let vectors = settings.metric == .cosine ? try queries.normalized() : queries
      let signs = settings.storage == .float32 ? nil : try queries.binarized().packedBits
      let candidates = try settings.storage == .twoStage ? settings.vectorFormat().candidates(for: k) : k
      if state.search == .hnsw {
        // As many as are asked for come out of the graph; what a filter leaves out is made up for.
        let breadth = min(1000, max(200, candidates))
        try connection.execute(
          "SET LOCAL hnsw.ef_search = \(breadth); SET LOCAL hnsw.iterative_scan = strict_order")
      }
      let sql = Statement(settings, state.search, schema: collection.database.vectors)
      return try (0..<queries.count).map { index in
        try Task.checkCancellation()
        var parameters = [PostgresParameter.integer(Int64(k))]
        if let floats = vectors.floats, settings.storage != .binary {
          parameters.append(.vector(floats[index * settings.dimension..<(index + 1) * settings.dimension]))
        }
        if let signs {
          let width = settings.dimension / 8
          parameters.append(.bits(signs[index * width..<(index + 1) * width]))
        }
        if settings.storage == .twoStage { parameters.append(.integer(Int64(candidates))) }
        let (condition, all) = self.sql(filter, sql.candidate, after: parameters)
        return try connection.query(sql.text(condition), all).rows.map { row in
          Match(id: try row.integer(0), score: similarity(try row.number(1)))
        }
      }
    }

    /// How alike vectors are between which the server finds a distance.
    private func similarity(_ distance: Double) -> Float {
      state.settings.storage == .binary
        ? Metric.hamming.similarity(ofScore: Float(distance), dimension: state.settings.dimension)
        : state.settings.metric.similarity(ofScore: Float(-distance), dimension: state.settings.dimension)
    }

    /// The statement that finds the nearest vectors: id and distance.
    struct Statement {
      private let storage: CollectionSettings.Storage
      private let schema: String
      /// Of equal ones the first come first, which an index cannot promise.
      private let isExact: Bool

      init(_ settings: CollectionSettings, _ search: PostgresCollection.VectorSearch, schema: String) {
        (storage, self.schema, isExact) = (settings.storage, schema, search == .exact)
      }

      /// The column of the passage where candidates are looked for.
      var candidate: String { storage == .float32 ? "v.passage" : "s.passage" }

      /// - Parameter condition: `WHERE` and what the candidates must be, or nothing.
      func text(_ condition: String) -> String {
        let product = "v.embedding OPERATOR(\(schema).<#>) $2::\(schema).vector"
        func nearest(_ table: String, _ columns: String, by distance: String, limit: String) -> String {
          "SELECT \(columns) FROM \(table) \(condition) ORDER BY \(distance)\(isExact ? ", \(candidate)" : "") "
            + "LIMIT \(limit)"
        }
        switch storage {
        case .float32, .int8:
          return nearest("vectors v", "v.passage, \(product)", by: product, limit: "$1")
        case .binary:
          let distance = "s.bits OPERATOR(\(schema).<~>) $2"
          return nearest("signs s", "s.passage, \(distance)", by: distance, limit: "$1")
        case .twoStage:
          let inner = nearest("signs s", "s.passage", by: "s.bits OPERATOR(\(schema).<~>) $3", limit: "$4")
          return "SELECT v.passage, \(product) FROM (\(inner)) c JOIN vectors v ON v.passage = c.passage "
            + "ORDER BY 2, 1 LIMIT $1"
        }
      }
    }

    // MARK: Passages

    func stored(_ ids: [Int64]) throws -> [Int64: StoredPassage] {
      var found: [Int64: StoredPassage] = [:]
      let rows = try connection.query(
        "SELECT \(StoredPassage.postgresColumns) WHERE p.id = ANY ($1)", [.integers(ids)]
      ).rows
      for row in rows {
        let passage = try StoredPassage(row)
        found[passage.id] = passage
      }
      return found
    }

    func surrounded(_ found: FoundPassage, by count: Int) throws -> FoundPassage {
      guard let id = found.id else { return found }
      func texts(_ comparison: String, _ order: String) throws -> [String] {
        try connection.query(
          """
          SELECT text FROM passages WHERE document = (SELECT document FROM passages WHERE id = $1) AND id \(comparison) $1
          ORDER BY id \(order) LIMIT $2
          """, [.integer(id), .integer(Int64(count))]
        ).rows.map { try $0.text(0) }
      }
      var copy = found
      copy.before = try texts("<", "DESC").reversed()
      copy.after = try texts(">", "ASC")
      return copy
    }
  }
#endif
