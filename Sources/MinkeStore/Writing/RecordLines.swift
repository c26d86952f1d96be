import Foundation
import MinkeCore
import MinkeText

/// Reads records from JSON Lines: one object a line, with `text`, perhaps `id` and `title`, and any metadata.
package struct RecordLines {
  /// A line that is no record.
  package struct Mistake: Sendable {
    package let line: Int
    package let error: MinkeError
  }

  private var lines: FileLines
  /// Lines that were left out.
  package private(set) var mistakes: [Mistake] = []

  /// - Parameter lines: their name is what errors call them, and records without an id, with the line behind it.
  package init(_ lines: FileLines) { self.lines = lines }

  /// Bytes read so far.
  package var bytes: Int { lines.bytes }

  /// The next records, about `count` of them; nil at the end.
  package mutating func next(_ count: Int) throws -> [TextRecord]? {
    let first = lines.line
    let results = try lines.next(count) { line -> Result<TextRecord?, MinkeError> in
      do {
        return .success(try TextRecord(line))
      } catch let error as MinkeError {
        return .failure(error)
      }
    }
    guard let results else { return nil }
    var records: [TextRecord] = []
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let record): if let record { records.append(record) }
      case .failure(let error): mistakes.append(Mistake(line: first + index + 1, error: error))
      }
    }
    return records
  }
}

extension TextRecord {
  /// Reads a line; nil for one that is empty. A record without an id is called by its file and line.
  init?(_ line: FileLine) throws {
    if line.bytes.isBlank { return nil }
    guard case .object(var members) = try line.json() else {
      throw MinkeError(.malformedFile, line.subject, expected: "a JSON object", found: "another value")
    }
    guard case .string(let text)? = members.removeValue(forKey: "text") else {
      throw MinkeError(.malformedFile, line.subject, expected: "a string \"text\"", found: "none")
    }
    var id: String?
    for key in ["id", "_id"] where id == nil {
      switch members[key] {
      case .string(let value): id = value
      case .integer(let value): id = String(value)
      default: continue
      }
      members[key] = nil
    }
    var title: String?
    if case .string(let value)? = members["title"] {
      title = value.isEmpty ? nil : value
      members["title"] = nil
    }
    self.init(id: id ?? "\(line.file):\(line.number)", text: text, title: title, metadata: members)
  }
}
