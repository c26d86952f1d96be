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
  }
#endif
