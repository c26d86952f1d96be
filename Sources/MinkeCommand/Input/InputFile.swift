import Minke

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file, a pipe or standard input, read piece by piece.
struct InputFile: ~Copyable {
  private let descriptor: Int32
  /// What errors call it.
  let name: String
  /// Bytes read so far.
  private(set) var bytesRead = 0
  /// Bytes of the file; nil for a pipe or a terminal.
  let byteCount: Int?

  /// - Parameter path: a file; nil or `-` for standard input.
  /// - Throws: `MinkeError` when the file cannot be opened.
  init(_ path: String?) throws(MinkeError) {
    name = Self.name(of: path)
    if let path, path != "-" {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw MinkeError.systemCall(errno, path, expected: "a readable file") }
    } else {
      descriptor = STDIN_FILENO
    }
    var status = stat()
    let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    byteCount = isFile ? Int(status.st_size) : nil
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  static func name(of path: String?) -> String {
    if let path, path != "-" { path } else { "standard input" }
  }

  /// Waits for bytes and gives those that have arrived, at most `wanted`; none at the end.
  mutating func read(_ wanted: Int) throws(MinkeError) -> [UInt8] {
    var bytes: [UInt8] = []
    repeat {
      var received = 0
      var code: Int32 = 0
      let before = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: min(wanted - before, 1 << 20)))
      bytes.withUnsafeMutableBytes { buffer in
        repeat {
          received = systemRead(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[before...]))
          code = errno
          if received < 0, code == EAGAIN { _ = isReady(waiting: true) }
        } while received < 0 && (code == EINTR || code == EAGAIN)
      }
      bytes.removeLast(bytes.count - before - max(0, received))
      guard received >= 0 else { throw MinkeError.systemCall(code, name, expected: "readable text") }
      bytesRead += received
      if received == 0 { break }
    } while bytes.count < wanted && isReady(waiting: false)
    return bytes
  }

  /// All of a file, or of standard input, as one text.
  ///
  /// - Throws: `MinkeError` when its bytes are not text in `encoding`, or it cannot be read.
  static func text(of path: String?, _ encoding: InputEncoding = .automatic) throws(MinkeError) -> String {
    guard let text = String(validating: try bytes(of: path, encoding), as: UTF8.self) else {
      throw MinkeError(.malformedFile, name(of: path), expected: "UTF-8 text", found: "bytes that are not")
    }
    return text
  }

  /// All of a file, or of standard input, in UTF-8 where it is text.
  static func bytes(of path: String?, _ encoding: InputEncoding = .automatic) throws(MinkeError) -> [UInt8] {
    var file = try InputFile(path)
    var transcoder = Transcoder(from: encoding)
    var all: [UInt8] = []
    while true {
      let bytes = try file.read(1 << 20)
      let isLast = bytes.isEmpty
      all += transcoder.utf8(bytes, isLast: isLast)
      if isLast { return all }
    }
  }

  private func isReady(waiting: Bool) -> Bool {
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&wanted, 1, waiting ? -1 : 0) > 0 && wanted.revents & Int16(POLLIN) != 0
  }
}

/// The system's `read`, which a method of that name would hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}
