import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The lines of a file, or of what comes from elsewhere in pieces, one after the other.
package struct FileLines {
  /// What errors call the file.
  package let name: String
  private let read: () throws -> [UInt8]?
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
  package init(name: String, read: @escaping () throws -> [UInt8]?) {
    self.name = name
    self.read = read
  }

  /// The file at `path`.
  ///
  /// - Throws: `MinkeError` when there is none that can be read.
  package init(contentsOf path: FilePath) throws {
    let file = try FileBytes(path)
    self.init(name: path.description) { try file.next() }
  }

  /// What errors call the line given last.
  package var subject: String { "\(name), line \(line)" }

  /// The next line without its end; nil at the end. A byte order mark in front of the first is no part of it.
  package mutating func next() throws -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer.firstNewline(from: searched) {
        defer { start = end + 1 }
        return take(buffer[start..<end])
      }
      guard buffer.count - start <= Self.longestLine else {
        throw MinkeError(
          .malformedFile, "\(name), line \(line + 1)", expected: "at most \(Self.longestLine) bytes", found: "more")
      }
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { (buffer, start) = ([], 0) }
        return take(buffer[start...])
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

  private mutating func take(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    line += 1
    return Array(line == 1 && bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes)
  }

  /// What `parse` makes of the next lines, about `count` of them, on all cores; nil at the end.
  package mutating func next<Value: Sendable>(
    _ count: Int, _ parse: @Sendable (FileLine) throws -> Value
  ) throws -> [Value]? {
    var lines: [FileLine] = []
    while lines.count < count, let next = try next() { lines.append(FileLine(bytes: next, file: name, number: line)) }
    if lines.isEmpty { return nil }
    let all = lines
    return try Workers.map(count: all.count, grain: 64) { try parse(all[$0]) }
  }

  /// The next values of a file of JSON Lines, about `count` of them, each with its line; nil at the end. Empty lines are
  /// passed over.
  package mutating func nextJSON(_ count: Int) throws -> [(value: JSONValue, line: FileLine)]? {
    while let values = try next(
      count,
      { line -> (value: JSONValue, line: FileLine)? in
        line.bytes.isBlank ? nil : (value: try line.json(), line: line)
      })
    {
      let present = values.compactMap { $0 }
      if !present.isEmpty { return present }
    }
    return nil
  }
}

/// A line of a file.
package struct FileLine: Sendable {
  /// The line without its end.
  package let bytes: [UInt8]
  /// What errors call the file.
  package let file: String
  /// Its place in the file, from 1 on.
  package let number: Int

  /// What errors call the line.
  package var subject: String { "\(file), line \(number)" }

  /// What the line says as JSON.
  package func json() throws -> JSONValue {
    try bytes.withUnsafeBytes { try JSONValue(parsing: $0, subject: file, line: number) }
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

/// The bytes of a file or a pipe from front to back; closed when nobody holds it any more.
private final class FileBytes {
  private let descriptor: Int32
  private let name: String

  init(_ path: FilePath) throws(MinkeError) {
    name = path.description
    descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw MinkeError.systemCall(errno, name, expected: "a readable file") }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.isFolder {
      throw MinkeError(.inputOutput, name, expected: "a file", found: "a folder")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The next piece; nil at the end.
  func next() throws(MinkeError) -> [UInt8]? {
    var code: Int32 = 0
    let piece = [UInt8](unsafeUninitializedCapacity: 1 << 20) { room, count in
      repeat { count = read(descriptor, room.baseAddress, room.count) } while count < 0 && errno == EINTR
      if count < 0 { (code, count) = (errno, 0) }
    }
    guard code == 0 else { throw MinkeError.systemCall(code, name, expected: "a readable file") }
    return piece.isEmpty ? nil : piece
  }
}
