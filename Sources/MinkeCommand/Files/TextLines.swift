import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The texts of a file or of standard input, a line each, read in batches so that input of any size fits.
///
/// A line ends at LF or CRLF; bytes that are not UTF-8 become U+FFFD; an empty line is an empty text.
struct TextLines: ~Copyable {
  private let descriptor: Int32
  private let name: String
  private let isJSON: Bool
  private var pending: [UInt8] = []
  private var atEnd = false
  private var line = 0

  /// Bytes read so far.
  private(set) var bytesRead = 0
  /// Bytes of the file; nil for a pipe or a terminal.
  let byteCount: Int?

  /// - Parameters:
  ///   - path: a file; nil or `-` for standard input.
  ///   - isJSON: whether each line is a JSON object whose member `text` is the text.
  /// - Throws: ``MinkeError`` when the file cannot be opened.
  init(_ path: String?, isJSON: Bool) throws(MinkeError) {
    self.isJSON = isJSON
    if let path, path != "-" {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      name = path
      guard descriptor >= 0 else { throw MinkeError.systemCall(errno, path, expected: "a readable file") }
    } else {
      descriptor = STDIN_FILENO
      name = "standard input"
    }
    var status = stat()
    let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    byteCount = isFile ? Int(status.st_size) : nil
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  /// The next texts: at least one and, unless a line is longer, about `bytes` bytes of them; nil at the end.
  ///
  /// - Throws: ``MinkeError`` when reading fails or a JSON line is not an object with a string `text`.
  mutating func next(bytes wanted: Int = 1 << 20) throws -> [String]? {
    var texts: [String] = []
    // Where the search for a line end goes on: a long line is not searched again from its start for every piece read.
    var searched = 0
    while texts.isEmpty {
      if !atEnd { try fill(wanted) }
      var start = 0
      while let end = pending[max(start, searched)...].firstIndex(of: UInt8(ascii: "\n")) {
        try texts.append(text(pending[start..<end]))
        start = end + 1
      }
      searched = start == 0 ? pending.count : 0
      if atEnd, start < pending.count {
        try texts.append(text(pending[start...]))
        start = pending.count
      }
      pending.removeFirst(start)
      if atEnd { break }
    }
    return texts.isEmpty ? nil : texts
  }

  private mutating func fill(_ wanted: Int) throws(MinkeError) {
    let before = pending.count
    var received = 0
    pending.append(contentsOf: repeatElement(0, count: wanted))
    repeat {
      received = pending.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + before, wanted) }
    } while received < 0 && errno == EINTR
    let code = errno
    pending.removeLast(wanted - max(0, received))
    guard received >= 0 else { throw MinkeError.systemCall(code, name, expected: "readable text") }
    atEnd = received == 0
    bytesRead += received
  }

  private mutating func text(_ bytes: ArraySlice<UInt8>) throws -> String {
    line += 1
    let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    guard isJSON else { return String(decoding: bytes, as: UTF8.self) }
    let value: JSONValue
    do {
      value = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, subject: "JSON") }
    } catch let error as MinkeError {
      throw error.inside("\(name), line \(line)")
    }
    guard let text = value["text"]?.string else {
      throw MinkeError(
        .malformedFile, "\(name), line \(line)", expected: "a JSON object with a string \"text\"", found: value.text)
    }
    return text
  }
}
