import Foundation
import MinkeCore

/// The lines of a file, or of what comes from elsewhere in pieces, one after the other.
package struct FileLines {
  /// What errors call the file.
  package let name: String
  private let read: () throws -> Data?
  private var buffer: [UInt8] = []
  /// Where the next line begins in it.
  private var start = 0
  private var isAtEnd = false
  /// Lines given so far.
  package private(set) var line = 0
  /// Bytes read so far.
  package private(set) var bytes = 0

  /// Lines longer than that are no text that a person wrote.
  private static let longestLine = 1 << 28

  /// - Parameter read: gives the next piece; nil at the end.
  package init(name: String, read: @escaping () throws -> Data?) {
    self.name = name
    self.read = read
  }

  /// The file at `path`.
  ///
  /// - Throws: `MinkeError` when there is none that can be read.
  package init(contentsOf path: FilePath) throws {
    guard let handle = path.openForReading() else {
      throw MinkeError(.inputOutput, path.description, expected: "a file that can be read", found: "none")
    }
    self.init(name: path.description) {
      let piece = try handle.read(upToCount: 1 << 20) ?? Data()
      return piece.isEmpty ? nil : piece
    }
  }

  /// The next line without its end; nil at the end.
  package mutating func next() throws -> [UInt8]? {
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

  /// What `parse` makes of the next lines, about `count` of them, on all cores; nil at the end.
  ///
  /// - Parameter parse: gets a line and what errors call it.
  package mutating func next<Value: Sendable>(
    _ count: Int, _ parse: @Sendable (_ line: [UInt8], _ subject: String) throws -> Value
  ) throws -> [Value]? {
    var lines: [[UInt8]] = []
    let first = line
    while lines.count < count, let next = try next() { lines.append(next) }
    if lines.isEmpty { return nil }
    let (all, name) = (lines, name)
    return try Workers.map(count: all.count, grain: 64) { try parse(all[$0], "\(name): line \(first + $0 + 1)") }
  }

  /// The next values of a file of JSON Lines, about `count` of them, each with what errors call its line; nil at the end.
  /// Empty lines are passed over.
  package mutating func nextJSON(_ count: Int) throws -> [(value: JSONValue, subject: String)]? {
    while let values = try next(
      count,
      { line, subject -> (value: JSONValue, subject: String)? in
        if line.isBlank { return nil }
        return (try line.withUnsafeBytes { try JSONValue(parsing: $0, subject: subject) }, subject)
      })
    {
      let present = values.compactMap { $0 }
      if !present.isEmpty { return present }
    }
    return nil
  }
}

extension [UInt8] {
  /// Whether there is nothing but white space of ASCII.
  package var isBlank: Bool { allSatisfy { $0 == 0x20 || ($0 >= 0x09 && $0 <= 0x0d) } }

  /// The first line feed at `start` or behind it.
  fileprivate func firstNewline(from start: Int) -> Int? {
    withUnsafeBufferPointer { bytes in
      guard start < bytes.count, let base = bytes.baseAddress else { return nil }
      return memchr(base + start, 0x0a, bytes.count - start).map { UnsafeRawPointer(base).distance(to: $0) }
    }
  }
}

extension FilePath {
  /// The file, open; nil when it cannot be. Its name need not be UTF-8.
  package func openForReading() -> FileHandle? {
    let descriptor = withCString { open($0, O_RDONLY | O_CLOEXEC) }
    return descriptor < 0 ? nil : FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }
}
