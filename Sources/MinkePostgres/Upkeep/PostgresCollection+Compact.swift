#if PostgreSQL
  import MinkeCore
  import MinkeSearch
  import MinkeStore

  extension PostgresCollection {
    /// A number that rises with every change.
    package var generation: Int64 { get throws { try withState { $1.row.generation } } }

    /// Makes the collection as small, and searches as fast, as can be: few parts of the index of words, nothing of what
    /// was removed, and tables written anew without free room (`VACUUM FULL`), for which they take as much room again
    /// meanwhile, and make others wait who search. A table of vectors with an HNSW index is left where it is
    /// (`VACUUM`), as making the index anew takes long.
    ///
    /// What is found stays the same. The user must own the tables; parts on other servers stay as they are.
    /// - Parameter progress: hears how many parts of words and tables are done.
    /// - Throws: `MinkeError` when the collection may not be written to or the server does not answer; `CancellationError`.
    ///   What was done before stays.
    @discardableResult
    public func compact(progress: ProgressHandler? = nil) throws -> CompactionReport {
      let (before, dropped, parts, search) = try withState { connection, state in
        (
          try Self.sizes(connection).total, state.words.reduce(0) { $0 + $1.range.gone.count }, state.words.count,
          state.search
        )
      }
      let tables = try database.read { connection in
        try connection.query(
          """
          SELECT c.relname::text, EXISTS (
            SELECT 1 FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_am a ON a.oid = n.relam
            WHERE i.indrelid = c.oid AND a.amname = 'hnsw')
          FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' ORDER BY 1
          """
        ).rows.map { (name: try $0.text(0), hasGraph: try $0.boolean(1)) }
      }
      let meter = ProgressMeter(total: parts + tables.count, handler: progress)
      try compactWords(meter)
      try removeStrayBlocks()
      for table in tables {
        try Task.checkCancellation()
        let options = table.hasGraph && search == .hnsw ? "(ANALYZE)" : "(FULL, ANALYZE)"
        let name = table.name.replacing("\"", with: "\"\"")
        try database.executeAlone("VACUUM \(options) \"\(name)\"")
        meter.advance(by: 1)
      }
      return CompactionReport(bytesBefore: before, bytesAfter: try byteCount, dropped: dropped)
    }

    private func compactWords(_ meter: ProgressMeter) throws {
      var start: Int64 = 0
      while true {
        try Task.checkCancellation()
        let next: Int64? = try database.write { connection in
          var counters = try Counters(locking: connection, location)
          let state = try state(in: connection)
          let group = Collection.compactable(state.words, from: start)
          guard let last = group.last else { return nil }
          if group.count > 1 || !last.range.gone.isEmpty {
            try merge(group, connection, &counters)
            try counters.write(to: connection)
          }
          meter.advance(by: group.count)
          return last.range.last + 1
        }
        guard let next else { return }
        start = next
      }
    }

    /// Removes blocks that belong to nothing.
    private func removeStrayBlocks() throws {
      try database.write { connection in
        _ = try Counters(locking: connection, location)
        try connection.query(
          """
          DELETE FROM blocks b
          WHERE NOT EXISTS (SELECT 1 FROM words w WHERE b.id >= w.block AND b.id < w.block + w.blocks)
          """)
      }
    }
  }
#endif
