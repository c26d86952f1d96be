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

/// Writes bytes to standard output, or to a file that appears whole when ``finish()`` is called and not before.
///
/// A file is written under another name beside its own; if the writer goes away without ``finish()``, what was there
/// before is still there, untouched.
public struct FileWriter: ~Copyable {
  private let descriptor: Int32
  private let name: String
  private let destination: String?
  private let draft: String?
  private var buffer: [UInt8] = []
  /// Bytes written so far.
  public private(set) var count = 0
  private static let bufferSize = 1 << 16

  /// A writer to standard output.
  public init() {
    self.init(descriptor: STDOUT_FILENO, name: "standard output", destination: nil, draft: nil)
  }

  /// A writer to the file at `url`, new or to be replaced.
  ///
  /// - Throws: ``MinkeError`` when its folder does not exist or cannot be written to.
  public init(_ url: URL) throws(MinkeError) {
    // Through a symbolic link the file it names is replaced, not the link.
    let path = url.resolvingSymlinksInPath().path
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      // A device or a pipe is written to; it would be wrong to put a file in its place.
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      let code = errno
      self.init(descriptor: descriptor, name: url.relativePath, destination: nil, draft: nil)
      if descriptor < 0 { throw MinkeError.systemCall(code, name, expected: "a file to write") }
      return
    }
    let draft = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).part"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    let code = errno
    self.init(descriptor: descriptor, name: url.relativePath, destination: path, draft: draft)
    if descriptor < 0 { throw MinkeError.systemCall(code, name, expected: "a place to write a file") }
  }

  private init(descriptor: Int32, name: String, destination: String?, draft: String?) {
    self.descriptor = descriptor
    self.name = name
    self.destination = destination
    self.draft = draft
  }

  deinit {
    if descriptor >= 0, descriptor != STDOUT_FILENO { close(descriptor) }
    // After finish() nothing goes by the draft's name any more, and nothing is removed.
    if let draft { unlink(draft) }
  }

  /// Writes `text` as UTF-8.
  public mutating func write(_ text: String) throws(MinkeError) {
    try write(Array(text.utf8))
  }

  /// Writes `bytes` as they are.
  public mutating func write(_ bytes: [UInt8]) throws(MinkeError) {
    count += bytes.count
    buffer += bytes
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Writes `bytes` as they are.
  public mutating func write(_ bytes: SharedBuffer<UInt8>) throws(MinkeError) {
    try write(UnsafeRawBufferPointer(bytes.pointer))
  }

  /// Writes `bytes` as they are.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(MinkeError) {
    count += bytes.count
    if bytes.count < Self.bufferSize {
      buffer += bytes
      if buffer.count >= Self.bufferSize { try flush() }
    } else {
      try flush()
      try writeAll(bytes)
    }
  }

  /// Hands over all that was written. A file is now safe on the disk under its own name.
  ///
  /// - Throws: ``MinkeError`` of kind `closedPipe` when standard output's reader went away, else `inputOutput`.
  public mutating func finish() throws(MinkeError) {
    try flush()
    guard let draft, let destination else { return }
    guard fsync(descriptor) == 0 || errno == EINVAL, rename(draft, destination) == 0 else {
      throw MinkeError.systemCall(errno, name, expected: "a place to write a file")
    }
  }

  /// Writes what is held back so far, so that a reader sees it now.
  public mutating func flush() throws(MinkeError) {
    let bytes = buffer
    buffer.removeAll(keepingCapacity: true)
    var failure: MinkeError?
    bytes.withUnsafeBytes { bytes in
      do throws(MinkeError) { try writeAll(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(MinkeError) {
    var written = 0
    while written < bytes.count, let start = bytes.baseAddress {
      // At most 1 GiB at a time: some systems refuse more.
      let count = systemWrite(descriptor, start + written, min(bytes.count - written, 1 << 30))
      if count >= 0 {
        written += count
      } else if errno == EPIPE {
        throw MinkeError(.closedPipe, name, expected: "a reader", found: "a closed pipe")
      } else if errno != EINTR {
        throw MinkeError.systemCall(errno, name, expected: "room to write")
      }
    }
  }
}

/// The system's `write`, which a method of that name would hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
