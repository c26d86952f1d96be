#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file of UTF-8 text, read whole.
public struct TextFile: Sendable {
  public let path: String
  /// The file's bytes as they are, with the byte order mark where there is one.
  public let bytes: [UInt8]

  /// The text without the byte order mark.
  public var text: String {
    String(decoding: bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...], as: UTF8.self)
  }

  /// What came of reading a file.
  public enum Reading: Sendable {
    case text(TextFile)
    /// It holds a NUL byte or bytes that are not UTF-8.
    case binary
    /// It is gone, is no plain file, may not be read, or is larger than ``largestSize``.
    case unreadable
  }

  /// The most bytes that a file may have: 1 GiB.
  public static let largestSize = 1 << 30

  /// Reads the file at `path`.
  public static func read(_ path: String) -> Reading {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return .unreadable }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= largestSize else {
      return .unreadable
    }
    var bytes: [UInt8] = []
    // One byte more than expected, so that the end is seen with the first read.
    var room = Int(status.st_size) + 1
    while true {
      var count = 0
      let start = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: room))
      bytes.withUnsafeMutableBytes { count = readSome(descriptor, into: $0, from: start) }
      bytes.removeLast(room - max(0, count))
      if count < 0 || bytes.count > largestSize { return .unreadable }
      if bytes[start...].contains(0) { return .binary }
      if count == 0 { break }
      room = 1 << 16
    }
    guard String(validating: bytes, as: UTF8.self) != nil else { return .binary }
    return .text(TextFile(path: path, bytes: bytes))
  }

  private static func readSome(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer, from start: Int) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    while true {
      let count = Self.systemRead(descriptor, base + start, bytes.count - start)
      if count < 0, errno == EINTR { continue }
      return count
    }
  }

  private static func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.read(descriptor, bytes, count)
    #elseif canImport(Musl)
      Musl.read(descriptor, bytes, count)
    #else
      Darwin.read(descriptor, bytes, count)
    #endif
  }
}
