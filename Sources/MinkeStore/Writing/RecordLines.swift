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

  private let name: String
  private let read: () throws -> Data?
  private var buffer: [UInt8] = []
  /// Where the next line begins in it.
  private var start = 0
  private var isAtEnd = false
  private var line = 0
  /// Lines that were left out.
  package private(set) var mistakes: [Mistake] = []
  /// Bytes read so far.
  package private(set) var bytes = 0

  /// Lines longer than that are no text that a person wrote.
  private static let longestLine = 1 << 28

  /// - Parameters:
  ///   - name: what errors call it, and records without an id, with the line behind it.
  ///   - read: gives the next piece; nil at the end.
  package init(name: String, read: @escaping () throws -> Data?) {
    self.name = name
    self.read = read
  }

  /// The file at `path`.
  package init(contentsOf path: FilePath) throws {
    guard let handle = path.openForReading() else {
      throw MinkeError(.inputOutput, path.description, expected: "a file that can be read", found: "none")
    }
    self.init(name: path.description) {
      let piece = try handle.read(upToCount: 1 << 20) ?? Data()
      return piece.isEmpty ? nil : piece
    }
  }

  /// The next records, about `count` of them; nil at the end.
  package mutating func next(_ count: Int) throws -> [TextRecord]? {
    var lines: [[UInt8]] = []
    let first = line
    while lines.count < count, let next = try nextLine() { lines.append(next) }
    if lines.isEmpty { return nil }
    let (all, name) = (lines, name)
    let results = try Workers.map(count: all.count, grain: 64) { index -> Result<TextRecord?, MinkeError> in
      do {
        return .success(try TextRecord(line: all[index], number: first + index + 1, of: name))
      } catch let error as MinkeError {
        return .failure(error)
      }
    }
    var records: [TextRecord] = []
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let record): if let record { records.append(record) }
      case .failure(let error): mistakes.append(Mistake(line: first + index + 1, error: error))
      }
    }
    return records
  }

  /// The next line without its end; nil at the end.
  mutating func nextLine() throws -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer.firstNewline(from: searched) {
        defer { start = end + 1 }
        line += 1
        return Array(buffer[start..<end])
      }
      guard buffer.count - start <= Self.longestLine else {
        throw MinkeError(
          .malformedFile, "\(name): line \(line + 1)", expected: "at most \(Self.longestLine) bytes", found: "more")
      }
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { (buffer, start) = ([], 0) }
        line += 1
        return Array(buffer[start...])
      }
      guard let piece = try read() else {
        isAtEnd = true
        continue
      }
      bytes += piece.count
      // What was given goes, so that it does not pile up in front.
      searched = buffer.count - start
      buffer.removeSubrange(..<start)
      start = 0
      buffer += piece
    }
  }
}

extension [UInt8] {
  /// The first line feed at `start` or behind it.
  fileprivate func firstNewline(from start: Int) -> Int? {
    withUnsafeBufferPointer { bytes in
      guard start < bytes.count, let base = bytes.baseAddress else { return nil }
      return memchr(base + start, 0x0a, bytes.count - start).map { UnsafeRawPointer(base).distance(to: $0) }
    }
  }
}

extension TextRecord {
  /// Reads a line; nil for one that is empty.
  init?(line: [UInt8], number: Int, of name: String) throws {
    if line.allSatisfy({ $0 == 0x20 || ($0 >= 0x09 && $0 <= 0x0d) }) { return nil }
    let subject = "\(name): line \(number)"
    guard case .object(var members) = try line.withUnsafeBytes({ try JSONValue(parsing: $0, subject: subject) }) else {
      throw MinkeError(.malformedFile, subject, expected: "a JSON object", found: "another value")
    }
    guard case .string(let text)? = members.removeValue(forKey: "text") else {
      throw MinkeError(.malformedFile, subject, expected: "a string \"text\"", found: "none")
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
    self.init(id: id ?? "\(name):\(number)", text: text, title: title, metadata: members)
  }
}
