#if PostgreSQL
  import CPostgreSQL
  import Foundation
  import MinkeCore

  /// A connection to a server. Calls wait for the server; where the calling task is cancelled, the server is told.
  // SAFETY of @unchecked: one caller at a time has a connection, from the database that keeps it.
  final class PostgresConnection: @unchecked Sendable {
    private let handle: OpaquePointer
    private let place: String

    /// - Throws: `MinkeError` when libpq cannot read the address; `PostgresFailure` when nobody answers or lets us in.
    init(_ address: PostgresAddress) throws {
      place = address.description
      var message: UnsafeMutablePointer<CChar>?
      let options = PQconninfoParse(address.connection, &message)
      defer { PQfreemem(message) }
      guard options != nil else {
        let found = message.map { String(cString: $0) } ?? "another"
        throw MinkeError(
          .invalidArgument, place, expected: "an address of PostgreSQL",
          found: address.withoutSecrets(found.trimmingCharacters(in: .whitespacesAndNewlines)))
      }
      PQconninfoFree(options)
      // What is in the address counts more than what stands before it, and less than what stands behind.
      let settings = [
        ("connect_timeout", "10"), ("fallback_application_name", "minke"), ("dbname", address.connection),
        ("client_encoding", "UTF8"),
      ]
      let (keys, values) = (settings.map { strdup($0.0) }, settings.map { strdup($0.1) })
      defer { for text in keys + values { free(text) } }
      let opened = PQconnectdbParams(
        keys.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 1)
      guard let opened else { throw PostgresFailure(code: nil, message: "no memory for a connection") }
      handle = opened
      // What the server remarks by the way is not for standard error.
      PQsetNoticeProcessor(handle, { _, _ in }, nil)
      guard PQstatus(handle) == CONNECTION_OK else {
        throw PostgresFailure(code: nil, message: address.withoutSecrets(String(cString: PQerrorMessage(handle))))
      }
    }

    deinit { PQfinish(handle) }

    /// Whether it can be used for something new.
    var isReady: Bool { PQstatus(handle) == CONNECTION_OK && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Whether the server went away.
    var isLost: Bool { PQstatus(handle) != CONNECTION_OK }

    /// What a statement with `$1`, `$2` and so on for `parameters` gives.
    ///
    /// - Throws: `PostgresFailure`; `CancellationError`.
    @discardableResult
    func query(_ sql: String, _ parameters: [PostgresParameter] = []) throws -> PostgresResult {
      let types = parameters.map { Oid($0.type) }
      let lengths = parameters.map { Int32($0.bytes?.count ?? 0) }
      let formats = parameters.map { _ in Int32(1) }
      // One block of memory for all values, in which each begins where the one before ends.
      let bytes = [UInt8](parameters.compactMap(\.bytes).joined()) + [0]
      let isSent = bytes.withUnsafeBytes { memory in
        var place = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
        let values = parameters.map { parameter -> UnsafePointer<CChar>? in
          guard let count = parameter.bytes?.count else { return nil }
          defer { place = place.map { $0 + count } }
          return place
        }
        return PQsendQueryParams(handle, sql, Int32(parameters.count), types, values, lengths, formats, 1)
      }
      guard isSent == 1 else { throw lost() }
      return try lastResult()
    }

    /// Runs one or more statements that give nothing.
    ///
    /// - Parameter stops: whether a cancelled task ends it.
    func execute(_ sql: String, stops: Bool = true) throws {
      guard PQsendQuery(handle, sql) == 1 else { throw lost() }
      _ = try lastResult(stops: stops)
    }

    /// Copies rows into a table, as `body` hands them on.
    ///
    /// - Parameter target: the table with its columns, such as `words (id, count)`.
    func copy(into target: String, columns: Int, _ body: (_ row: ((inout CopyRows) -> Void) -> Void) throws -> Void)
      throws
    {
      guard PQsendQuery(handle, "COPY \(target) FROM STDIN (FORMAT binary)") == 1 else { throw lost() }
      let begun = try nextResult()
      guard let begun, begun.status == PGRES_COPY_IN else {
        while try nextResult() != nil {}
        throw begun?.failure ?? lost()
      }
      var rows = CopyRows(columns: columns)
      var isSound = true
      do {
        try body { add in
          rows.beginRow()
          add(&rows)
          if isSound, let bytes = rows.takeMany() { isSound = send(bytes) }
        }
        isSound = isSound && send(rows.takeLast())
      } catch {
        if PQputCopyEnd(handle, "the writer gave up") == 1 { while try nextResult(stops: false) != nil {} }
        throw error
      }
      guard PQputCopyEnd(handle, isSound ? nil : "the connection failed") == 1 else { throw lost() }
      _ = try lastResult()
    }

    private func send(_ bytes: [UInt8]) -> Bool {
      bytes.withUnsafeBytes {
        PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count)) == 1
      }
    }

    // MARK: Results

    /// The last result, when there is no more.
    ///
    /// - Throws: the first failure.
    private func lastResult(stops: Bool = true) throws -> PostgresResult {
      var last: PostgresResult?
      var failure: PostgresFailure?
      while let result = try nextResult(stops: stops) {
        switch result.status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: last = result
        default: failure = failure ?? result.failure
        }
      }
      if let failure {
        if stops, failure.code == "57014", Workers.isCancelled { throw CancellationError() }
        throw failure
      }
      guard let last else { throw lost() }
      return last
    }

    private func nextResult(stops: Bool = true) throws -> PostgresResult? {
      var isStopped = false
      while PQisBusy(handle) == 1 {
        var waiting = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        let ready = poll(&waiting, 1, 100)
        if ready < 0, errno != EINTR { throw lost() }
        if stops, !isStopped, ready == 0, Workers.isCancelled {
          isStopped = true
          cancel()
        }
        guard PQconsumeInput(handle) == 1 else { throw lost() }
      }
      return PQgetResult(handle).map { PostgresResult($0, subject: place) }
    }

    /// Asks the server to end what it does; that then fails.
    private func cancel() {
      guard let request = PQgetCancel(handle) else { return }
      defer { PQfreeCancel(request) }
      var message = [CChar](repeating: 0, count: 256)
      PQcancel(request, &message, Int32(message.count))
    }

    private func lost() -> PostgresFailure {
      PostgresFailure(code: nil, message: String(cString: PQerrorMessage(handle)))
    }
  }
#endif
