import Foundation
import GRDB
import MinkeCore

/// A row of a table whose values may be of any type, as SQLite allows and damage makes likely.
struct StoredRow {
  let row: Row
  /// What the row is, for errors.
  let subject: String

  init(_ row: Row, _ subject: @autoclosure () -> String) {
    self.row = row
    self.subject = subject()
  }

  private func malformed(_ column: Int, _ expected: String) -> MinkeError {
    MinkeError(.malformedFile, subject, expected: "\(expected) in column \(column)", found: "something else")
  }

  private func value(_ column: Int) -> DatabaseValue.Storage {
    let value: DatabaseValue = row[column]
    return value.storage
  }

  func integer(_ column: Int) throws(MinkeError) -> Int64 {
    guard case .int64(let value) = value(column) else { throw malformed(column, "a whole number") }
    return value
  }

  /// A whole number that is not below 0 and no more than 2^40, such as a count or a place.
  func count(_ column: Int) throws(MinkeError) -> Int {
    let value = try integer(column)
    guard (0...1 << 40).contains(value) else { throw malformed(column, "a count") }
    return Int(value)
  }

  func text(_ column: Int) throws(MinkeError) -> String {
    guard case .string(let text) = value(column) else { throw malformed(column, "text") }
    return text
  }

  func bytes(_ column: Int) throws(MinkeError) -> [UInt8] {
    switch value(column) {
    case .blob(let data): return Array(data)
    // An empty blob and empty text are one to some.
    case .string(let text) where text.isEmpty: return []
    default: throw malformed(column, "bytes")
    }
  }

  func optionalText(_ column: Int) throws(MinkeError) -> String? { try isNull(column) ? nil : text(column) }
  func optionalInteger(_ column: Int) throws(MinkeError) -> Int64? { try isNull(column) ? nil : integer(column) }
  func optionalBytes(_ column: Int) throws(MinkeError) -> [UInt8]? { try isNull(column) ? nil : bytes(column) }

  private func isNull(_ column: Int) -> Bool { if case .null = value(column) { true } else { false } }
}

extension Database {
  /// The rows that `sql` gives, each handed to `body`.
  func forEachRow(
    _ sql: String, _ arguments: StatementArguments = [], of subject: @autoclosure () -> String,
    _ body: (StoredRow) throws -> Void
  ) throws {
    let rows = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
    while let row = try rows.next() { try body(StoredRow(row, subject())) }
  }

  /// What `body` makes of the first row that `sql` gives; nil where there is none.
  func firstRow<Result>(
    _ sql: String, _ arguments: StatementArguments = [], of subject: @autoclosure () -> String,
    _ body: (StoredRow) throws -> Result
  ) throws -> Result? {
    let rows = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
    return try rows.next().map { try body(StoredRow($0, subject())) }
  }

  /// Runs `sql`, which gives no rows.
  func run(_ sql: String, _ arguments: StatementArguments = []) throws {
    try cachedStatement(sql: sql).execute(arguments: arguments)
  }
}
