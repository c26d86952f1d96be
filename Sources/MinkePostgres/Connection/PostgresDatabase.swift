#if PostgreSQL
  import Foundation
  import MinkeCore
  import Synchronization

  /// The database of a collection: a few connections, and transactions that see the collection's tables.
  final class PostgresDatabase: Sendable {
    let address: PostgresAddress
    private let state = Mutex(State())

    private struct State {
      var idle: [PostgresConnection] = []
      var isClosed = false
      /// The schema of pgvector, in quotation marks.
      var vectors = "public"
    }

    /// Connections kept for later: as many as threads search at a time.
    private static let kept = 8

    init(_ address: PostgresAddress) { self.address = address }

    var place: String { address.description }

    /// Closes the connections that nobody uses; those in use are closed after that.
    func close() {
      state.withLock { state in
        state.isClosed = true
        state.idle = []
      }
    }

    // MARK: Transactions

    /// The statements that begin a transaction.
    private enum Beginning: String {
      case reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
      case writing = "BEGIN ISOLATION LEVEL READ COMMITTED"
    }

    /// Calls `body` within one state of the database, which it cannot change.
    ///
    /// - Parameter holdsTables: whether all tables of the collection, which must exist, stay the same until the end. What
    ///   takes their place does so with a lock on the first of them.
    /// - Throws: what `body` throws, the server's failures as `MinkeError`; `CancellationError`.
    func read<Result>(
      holdingTables holdsTables: Bool = false, _ body: (PostgresConnection) throws -> Result
    ) throws -> Result {
      // The state is that of the first statement that reads: the lock comes before it. Whoever may not use the schema is
      // told so where it is named.
      let lock = "; LOCK TABLE \"\(address.collection)\".collection IN ACCESS SHARE MODE"
      return try explaining { try transaction(.reading, then: holdsTables ? lock : "", body) }
    }

    /// Calls `body` within a transaction, again where another one was in its way.
    ///
    /// - Throws: as ``read(_:)``; nothing is written then, unless the connection broke while the end was written.
    @discardableResult
    func write<Result>(_ body: (PostgresConnection) throws -> Result) throws -> Result {
      try explaining {
        var attempt = 1
        while true {
          do {
            return try transaction(.writing, then: "", body)
          } catch let failure as PostgresFailure where failure.isPassing && attempt < 10 {
            try Task.checkCancellation()
            Thread.sleep(forTimeInterval: .random(in: 0.5...1) * 0.005 * pow(2, Double(attempt)))
            attempt += 1
          }
        }
      }
    }

    /// Runs a statement that cannot be part of a transaction, such as VACUUM.
    func executeAlone(_ sql: String) throws {
      try explaining {
        let connection = try begin("SET search_path TO \"\(address.collection)\"")
        // The setting stays with the connection, which is therefore not used again.
        try connection.execute(sql)
      }
    }

    /// Calls `body` with the connection of the transaction that the calling thread is in, or with one of its own.
    func readWithin<Result>(_ body: (PostgresConnection) throws -> Result) throws -> Result {
      if let current = CurrentTransaction.value, current.database === self { return try body(current.connection) }
      return try read(body)
    }

    private func explaining<Result>(_ body: () throws -> Result) throws -> Result {
      do {
        return try body()
      } catch let failure as PostgresFailure {
        throw failure.explained(place)
      }
    }

    private func transaction<Result>(
      _ beginning: Beginning, then more: String, _ body: (PostgresConnection) throws -> Result
    ) throws -> Result {
      let connection = try begin(beginning.rawValue + "; SET LOCAL search_path TO \"\(address.collection)\"" + more)
      do {
        let current = CurrentTransaction(database: self, connection: connection)
        let result = try CurrentTransaction.$value.withValue(current) { try body(connection) }
        try connection.execute("COMMIT", stops: false)
        giveBack(connection)
        return result
      } catch {
        // Of a connection that is lost, the server ends the transaction itself.
        if !connection.isLost { try? connection.execute("ROLLBACK", stops: false) }
        giveBack(connection)
        throw error
      }
    }

    /// A connection on which a transaction has begun, by these statements.
    private func begin(_ sql: String) throws -> PostgresConnection {
      while true {
        let (idle, isClosed) = state.withLock { ($0.idle.popLast(), $0.isClosed) }
        guard !isClosed else {
          throw MinkeError(.inputOutput, place, expected: "an open collection", found: "a closed one")
        }
        let connection = try idle ?? PostgresConnection(address)
        do {
          try connection.execute(sql)
          return connection
        } catch let failure as PostgresFailure {
          // The server may have been started anew since.
          guard idle != nil, connection.isLost else { throw failure }
        }
      }
    }

    private func giveBack(_ connection: PostgresConnection) {
      guard connection.isReady else { return }
      state.withLock { state in
        if !state.isClosed, state.idle.count < Self.kept { state.idle.append(connection) }
      }
    }

    // MARK: pgvector

    /// The schema of pgvector, in quotation marks. It is not in the search path, in which a table of another program could
    /// then take the place of one of ours.
    var vectors: String { state.withLock { $0.vectors } }

    /// Looks for pgvector, and installs it where there is none and `creates` says so.
    ///
    /// - Throws: `MinkeError` of kind `unsupportedFile` when there is none, or an older one than 0.8.
    func findVectors(creates: Bool) throws {
      func found() throws -> (schema: String, version: String)? {
        try read { connection in
          try connection.query(
            """
            SELECT n.nspname::text, e.extversion FROM pg_catalog.pg_extension e
            JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'
            """
          ).first.map { (try $0.text(0), try $0.text(1)) }
        }
      }
      let wanted = "the extension vector (pgvector) of version 0.8 or later"
      var present = try found()
      if present == nil, creates {
        do {
          try write { try $0.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public") }
        } catch let error as MinkeError {
          throw MinkeError(.unsupportedFile, place, expected: wanted, found: error.found)
        }
        present = try found()
      }
      guard let present else { throw MinkeError(.unsupportedFile, place, expected: wanted, found: "none") }
      let version = present.version.split(separator: ".").map { Int($0) ?? 0 } + [0, 0]
      guard (version[0], version[1]) >= (0, 8) else {
        throw MinkeError(.unsupportedFile, place, expected: wanted, found: present.version)
      }
      state.withLock { $0.vectors = "\"" + present.schema.replacing("\"", with: "\"\"") + "\"" }
    }
  }

  /// The transaction that the calling thread, or task, is in.
  private struct CurrentTransaction: Sendable {
    let database: PostgresDatabase
    let connection: PostgresConnection

    @TaskLocal static var value: CurrentTransaction?
  }
#endif
