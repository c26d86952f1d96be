import Foundation
import MinkeCore
import MinkeEvaluation
import MinkeText

/// Reads the rows that a selection takes, some thousand at a time.
// SAFETY of @unchecked: a block is read by one thread at a time.
final class RowReader: @unchecked Sendable {
  private let selection: DataSelection
  private let purpose: DataPurpose
  private var files: ArraySlice<String>
  private var lines: FileLines?
  private var columns: DataColumns?
  /// Rows of all files gone by, and those of them that were taken.
  private var (rows, taken) = (0, 0)

  private static let blockSize = 8192

  init(_ selection: DataSelection, _ purpose: DataPurpose) {
    (self.selection, self.purpose) = (selection, purpose)
    files = selection.files[...]
  }

  /// Calls `body` with the rows, block after block, while the next is read.
  func forEachBlock(_ body: (RowBlock) throws -> Void) throws {
    var next = try nextBlock()
    while let block = next {
      (_, next) = try Workers.concurrently({ try body(block) }, { try self.nextBlock() })
    }
  }

  /// The next rows of a file; nil when there are no more.
  private func nextBlock() throws -> RowBlock? {
    while selection.limit.map({ taken < $0 }) ?? true {
      if lines == nil {
        guard let file = files.popFirst() else { return nil }
        if ["tsv", "csv"].contains(CompressedFile.form(of: file)) {
          if let block = try table(file) { return block }
          continue
        }
        if purpose == .pairs, PassagePairs.takes(file) {
          if let block = block(of: file, try PassagePairs.rows(of: file), .pairs(selection)) { return block }
          continue
        }
        lines = try CompressedFile.lines(file)
        columns = nil
      }
      if let block = try nextLines() { return block }
      lines = nil
    }
    return nil
  }

  private func nextLines() throws -> RowBlock? {
    guard var lines else { return nil }
    var (found, numbers): ([[UInt8]], [Int32]) = ([], [])
    while found.count < Self.blockSize, let line = try lines.next() {
      if line.isBlank { continue }
      if columns == nil {
        let subject = lines.subject
        let row = try line.withUnsafeBytes { try JSONValue(parsing: $0, subject: subject) }
        columns = try DataColumns(row, selection, purpose, subject: subject)
      }
      if takesNext() {
        found.append(line)
        numbers.append(Int32(lines.line))
      }
      if selection.limit == taken { break }
    }
    self.lines = lines
    guard let columns, !found.isEmpty else { return nil }
    return RowBlock(
      name: lines.name, columns: columns, selection: selection, rows: .lines(found, numbers: numbers))
  }

  /// Whether the next row is one of those to take.
  private func takesNext() -> Bool {
    defer { rows += 1 }
    guard rows >= selection.offset, (rows - selection.offset).isMultiple(of: selection.every) else { return false }
    taken += 1
    return true
  }

  /// The scored pairs of a table, all at once.
  private func table(_ file: String) throws -> RowBlock? {
    let pairs = try ScoredPairs(contentsOf: URL(fileURLWithPath: file))
    let rows = pairs.scores.indices.map {
      DataRow(texts: [pairs.first[$0], pairs.second[$0]], score: pairs.scores[$0])
    }
    return block(of: file, rows, .scored(selection))
  }

  /// Those of `rows` that are to be taken; nil for none.
  private func block(of file: String, _ rows: [DataRow], _ columns: DataColumns) -> RowBlock? {
    var found: [DataRow] = []
    for row in rows where selection.limit.map({ taken < $0 }) ?? true {
      if takesNext() { found.append(row) }
    }
    return found.isEmpty ? nil : RowBlock(name: file, columns: columns, selection: selection, rows: .rows(found))
  }
}
