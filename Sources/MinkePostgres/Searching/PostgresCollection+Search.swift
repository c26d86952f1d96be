#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeModels
  import MinkeSearch
  import MinkeStore
  import MinkeText

  extension PostgresCollection {
    /// The passages that suit each of `queries` best, the best first.
    ///
    /// All are answered from one state of the collection.
    /// - Throws: `MinkeError` when an option is out of its range or the server does not answer; `CancellationError`.
    public func search(_ queries: [String], options: CollectionSearchOptions) throws -> [[FoundPassage]] {
      try options.search.check()
      let parsed = queries.map { WordQuery(parsing: $0) }
      let vectors =
        options.search.mode == .words
        ? nil : try encoder.encode(parsed.map(\.text), dimension: try settings.dimension, role: .query)
      return try withState { connection, state in
        let searcher = PostgresSearcher(collection: self, connection: connection, state: state)
        let condition = options.filter.map { PostgresSearcher.Filter(condition: $0.condition) }
        return try searcher.search(parsed, vectors, options, among: condition)
      }
    }

    /// The passages whose meaning is nearest to that of a passage that is held, the nearest first; itself is left out.
    ///
    /// - Parameters:
    ///   - document: the id or the path of the document.
    ///   - line: a line of the document; of passages that share it, the one in whose middle it is counts, and of a line
    ///     between passages the nearest. Nil compares with the whole document, the mean of its passages, and leaves all of
    ///     it out.
    ///   - options: how many are given, and from among what. Words do not count.
    /// - Throws: `MinkeError` of kind `notFound` when there is no such document or it has no text, `invalidArgument` when
    ///   `line` is below 1 or an option out of its range; `CancellationError`.
    public func similar(
      to document: String, line: Int? = nil, options: CollectionSearchOptions = CollectionSearchOptions()
    ) throws -> [FoundPassage] {
      try options.search.check()
      guard line ?? 1 > 0 else {
        throw MinkeError(.invalidArgument, "line", expected: "1 or more", found: "\(line ?? 0)")
      }
      return try withState { connection, state in
        let own = try places(of: document, at: line, connection)
        let searcher = PostgresSearcher(collection: self, connection: connection, state: state)
        let query = try searcher.mean(of: own)
        let filter = PostgresSearcher.Filter(condition: options.filter?.condition, excluded: own)
        var options = options
        options.search.mode = .meaning
        let ranking = try Ranking(
          options.search, queries: 1, of: state.passageCount,
          meaning: { _, k in try searcher.nearest(query, k: k, among: filter) }, words: { _, _ in { [[]] } })
        return try searcher.passages(ranking, 0, options)
      }
    }

    /// The passage at a line of a document, or all of it.
    private func places(
      of document: String, at line: Int?, _ connection: PostgresConnection
    ) throws -> [Int64] {
      guard let row = try documentRow(document, connection) else {
        throw MinkeError(.notFound, document, expected: "a document of \(location)", found: "none")
      }
      let places = try connection.query(
        "SELECT id, first_line, last_line FROM passages WHERE document = $1 ORDER BY id", [.integer(row)]
      ).rows.map { (id: try $0.integer(0), first: try $0.count(1), last: try $0.count(2)) }
      guard !places.isEmpty else {
        throw MinkeError(.notFound, document, expected: "a document with text", found: "none")
      }
      guard let line else { return places.map(\.id) }
      /// How far a line is from a passage, and from its middle.
      func distance(_ place: (id: Int64, first: Int, last: Int)) -> (Int, Int) {
        (max(place.first - line, line - place.last, 0), abs(place.first + place.last - 2 * line))
      }
      return places.min { distance($0) < distance($1) }.map { [$0.id] } ?? []
    }
  }
#endif
