import MinkeCore

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

/// A file being written under another name, which takes its real name, and any older file's place, when it is whole.
///
/// Until then, and for ever if something fails, whatever stood at the place stays as it was.
struct FileReplacement: ~Copyable {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  /// Bytes written so far.
  private(set) var count = 0

  /// Calls `body` to write the new content of the file at `url`.
  static func at(_ url: URL, _ body: (inout FileReplacement) throws(MinkeError) -> Void) throws(MinkeError) {
    var file = try FileReplacement(url)
    do {
      try body(&file)
      try file.finish()
    } catch {
      file.discard()
      throw error
    }
  }

  private init(_ url: URL) throws(MinkeError) {
    path = url.path
    temporaryPath = "\(url.path).\(getpid())-\(UInt32.random(in: .min ... .max)).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw MinkeError.systemCall(errno, path, expected: "a file that can be written") }
  }

  deinit { close(descriptor) }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(MinkeError) {
    var rest = bytes
    while let address = rest.baseAddress, rest.count > 0 {
      // Some systems refuse to write more than 2 GiB at once.
      let written = write(descriptor, address, min(rest.count, 1 << 30))
      guard written > 0 || errno == EINTR else {
        throw MinkeError.systemCall(errno, path, expected: "\(rest.count) bytes more to be written")
      }
      if written > 0 { rest = UnsafeRawBufferPointer(rebasing: rest[written...]) }
    }
    count += bytes.count
  }

  mutating func append(_ bytes: [UInt8]) throws(MinkeError) {
    var failure: MinkeError?
    bytes.withUnsafeBytes {
      do throws(MinkeError) { try append($0) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  mutating func append(_ bytes: SharedBuffer<UInt8>) throws(MinkeError) {
    try append(UnsafeRawBufferPointer(bytes.pointer))
  }

  private func finish() throws(MinkeError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw MinkeError.systemCall(errno, path, expected: "a file that can be written")
    }
  }

  private func discard() { unlink(temporaryPath) }
}
