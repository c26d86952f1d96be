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

/// A blob on its way: the file `HASH.incomplete` beside its place, which outlasts whatever ends the process, so that the
/// next one goes on where it stopped.
///
/// Its bytes are written at their own places in the file. If two processes ever write it together, on a file system
/// without locks, they write the same.
final class PartialBlob {
  /// Bytes that are there.
  private(set) var count = 0

  private let file: HubFile
  private let place: URL
  private let draft: URL
  private let descriptor: Int32
  private var hasher: SecureHash

  /// Opens the file beside `place`, empty or as it was left. ``readWhatIsThere()`` must follow.
  ///
  /// - Throws: `MinkeError` when it cannot be opened.
  init(_ file: HubFile, at place: URL) throws {
    (self.file, self.place) = (file, place)
    draft = place.deletingLastPathComponent().appendingPathComponent("\(file.hash.name).incomplete")
    hasher = file.hash.hasher(size: file.size)
    try FolderWriter.makeFolder(place.deletingLastPathComponent())
    descriptor = open(draft.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else { throw MinkeError.systemCall(errno, draft.path, expected: "a file to write") }
  }

  deinit { close(descriptor) }

  /// Whether all bytes are there.
  var isFull: Bool { count == file.size }

  /// Hashes the bytes that an earlier run left.
  ///
  /// - Throws: `MinkeError` when they cannot be read, `CancellationError`.
  func readWhatIsThere() async throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.kindUnlessPlain == nil else {
      throw MinkeError(.inputOutput, draft.path, expected: "a file", found: "something else")
    }
    if Int(status.st_size) > file.size { return try restart() }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while count < Int(status.st_size) {
      try Task.checkCancellation()
      let read = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(count)) }
      if read < 0, errno == EINTR { continue }
      guard read > 0 else { throw MinkeError.systemCall(errno, draft.path, expected: "a readable file") }
      buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<read])) }
      count += read
      await Task.yield()
    }
  }

  /// Forgets all bytes.
  ///
  /// - Throws: `MinkeError` when the file cannot be written to.
  func restart() throws {
    guard ftruncate(descriptor, 0) == 0 else {
      throw MinkeError.systemCall(errno, draft.path, expected: "a file to write")
    }
    count = 0
    hasher = file.hash.hasher(size: file.size)
  }

  /// Adds `bytes`.
  ///
  /// - Throws: `MinkeError` when they are more than the file has, or cannot be written.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count <= file.size - count else {
      throw MinkeError(.malformedFile, file.path, expected: "\(file.size) bytes", found: "more")
    }
    var written = 0
    while written < bytes.count, let start = bytes.baseAddress {
      let result = pwrite(descriptor, start + written, bytes.count - written, off_t(count + written))
      if result < 0, errno != EINTR {
        throw MinkeError.systemCall(
          errno, draft.path, expected: "room to write; what was fetched stays, and the next pull goes on from there")
      }
      written += max(0, result)
    }
    hasher.update(bytes)
    count += bytes.count
  }

  /// Whether the bytes have the hash that they should have; to be asked when all are there.
  var isRight: Bool { hasher.digits == file.hash.name }

  /// Puts the file in its place.
  ///
  /// - Throws: `MinkeError` when its bytes are wrong, which removes them, or it cannot be moved.
  func settle() throws(MinkeError) {
    guard isRight else {
      unlink(draft.path)
      throw MinkeError(.malformedFile, file.path, expected: "bytes of the hash \(file.hash.name)", found: hasher.digits)
    }
    guard fsync(descriptor) == 0 || errno == EINVAL, rename(draft.path, place.path) == 0 else {
      let code = errno
      // Where there are no locks, another process may have been faster.
      if code == ENOENT, access(place.path, R_OK) == 0 { return }
      throw MinkeError.systemCall(code, place.path, expected: "a place to write a file")
    }
  }
}
