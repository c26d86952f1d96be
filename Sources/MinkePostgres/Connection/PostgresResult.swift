#if PostgreSQL
  import CPostgreSQL
  import MinkeCore

  /// What a statement gave: rows of values in binary form.
  final class PostgresResult {
    private let handle: OpaquePointer
    /// What the rows are, for errors.
    let subject: String

    init(_ handle: OpaquePointer, subject: String) { (self.handle, self.subject) = (handle, subject) }

    deinit { PQclear(handle) }

    var status: ExecStatusType { PQresultStatus(handle) }
    var count: Int { Int(PQntuples(handle)) }
    var rows: some Sequence<PostgresRow> { (0..<count).lazy.map { PostgresRow(result: self, index: Int32($0)) } }
    var first: PostgresRow? { count > 0 ? PostgresRow(result: self, index: 0) : nil }

    /// Why the statement failed.
    var failure: PostgresFailure {
      func field(_ code: Character) -> String? {
        PQresultErrorField(handle, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
      }
      let message = field("M") ?? String(cString: PQresultErrorMessage(handle))
      return PostgresFailure(
        code: field("C"), message: [message, field("D")].compactMap { $0 }.joined(separator: "; "))
    }

    fileprivate func withBytes<Value>(
      _ row: Int32, _ column: Int32, _ body: (UnsafeRawBufferPointer?) throws -> Value
    ) rethrows -> Value {
      if column >= PQnfields(handle) || PQgetisnull(handle, row, column) == 1 { return try body(nil) }
      return try body(
        UnsafeRawBufferPointer(start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column))))
    }
  }

  /// A row of a result, whose values are checked as they are read.
  struct PostgresRow {
    fileprivate let result: PostgresResult
    fileprivate let index: Int32

    private func malformed(_ column: Int, _ expected: String) -> MinkeError {
      MinkeError(
        .malformedFile, result.subject, expected: "\(expected) in column \(column)", found: "something else")
    }

    func optionalInteger(_ column: Int) throws -> Int64? {
      try result.withBytes(index, Int32(column)) { bytes in
        switch bytes?.count {
        case nil: nil
        case 2: bytes.map { Int64(Int16(bigEndian: $0.loadUnaligned(as: Int16.self))) }
        case 4: bytes.map { Int64(Int32(bigEndian: $0.loadUnaligned(as: Int32.self))) }
        case 8: bytes.map { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) }
        default: throw malformed(column, "a whole number")
        }
      }
    }

    func integer(_ column: Int) throws -> Int64 {
      guard let value = try optionalInteger(column) else { throw malformed(column, "a whole number") }
      return value
    }

    /// A whole number that is not below 0 and no more than 2^40, such as a count or a place.
    func count(_ column: Int) throws -> Int {
      let value = try integer(column)
      guard (0...1 << 40).contains(value) else { throw malformed(column, "a count") }
      return Int(value)
    }

    func number(_ column: Int) throws -> Double {
      try result.withBytes(index, Int32(column)) { bytes in
        guard let bytes, bytes.count == 8 else { throw malformed(column, "a number") }
        return Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)))
      }
    }

    func boolean(_ column: Int) throws -> Bool {
      try result.withBytes(index, Int32(column)) { bytes in
        guard let bytes, bytes.count == 1 else { throw malformed(column, "true or false") }
        return bytes[0] != 0
      }
    }

    func optionalText(_ column: Int) throws -> String? {
      try result.withBytes(index, Int32(column)) { bytes in
        guard let bytes else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed(column, "text") }
        return text
      }
    }

    func text(_ column: Int) throws -> String {
      guard let value = try optionalText(column) else { throw malformed(column, "text") }
      return value
    }

    func optionalBytes(_ column: Int) -> [UInt8]? { result.withBytes(index, Int32(column)) { $0.map { Array($0) } } }

    func bytes(_ column: Int) throws -> [UInt8] {
      guard let value = optionalBytes(column) else { throw malformed(column, "bytes") }
      return value
    }

    /// A copy of bytes where kernels may read them.
    func sharedBytes(_ column: Int) throws -> SharedBuffer<UInt8> {
      try result.withBytes(index, Int32(column)) { bytes in
        guard let bytes else { throw malformed(column, "bytes") }
        return SharedBuffer(copying: bytes.assumingMemoryBound(to: UInt8.self))
      }
    }

    /// The numbers of a `vector(dimension)`.
    func vector(_ column: Int, dimension: Int) throws -> [Float] {
      try result.withBytes(index, Int32(column)) { bytes in
        guard let bytes, bytes.count == 4 + 4 * dimension,
          UInt16(bigEndian: bytes.loadUnaligned(as: UInt16.self)) == dimension
        else { throw malformed(column, "a vector of \(dimension) numbers") }
        return (0..<dimension).map {
          Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 + 4 * $0, as: UInt32.self)))
        }
      }
    }

    /// The packed bits of a `bit(dimension)`.
    func bits(_ column: Int, dimension: Int) throws -> [UInt8] {
      try result.withBytes(index, Int32(column)) { bytes in
        guard let bytes, bytes.count == 4 + dimension / 8,
          Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)) == dimension
        else { throw malformed(column, "\(dimension) bits") }
        return Array(bytes[4...])
      }
    }
  }
#endif
