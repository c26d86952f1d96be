#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file open for reading, closed when nobody holds it any more.
final class OpenFile: Sendable {
  private let descriptor: Int32
  /// Whether it can be read at any place.
  let canSeek: Bool
  private let size: Int

  init(_ path: FilePath) throws(SkipReason) {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw SkipReason(systemError: errno) }
    canSeek = true
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SkipReason(systemError: errno) }
    if let kind = status.kindUnlessPlain { throw .notPlainFile(kind) }
    size = Int(status.st_size)
  }

  init(standardInput: Void) {
    descriptor = STDIN_FILENO
    canSeek = false
    size = 0
  }

  deinit { if descriptor > STDIN_FILENO { close(descriptor) } }

  /// The next bytes, `count` of them or all that are left; sets `isAtEnd` when nothing follows.
  func read(_ count: Int, at offset: Int, isAtEnd: inout Bool) throws(SkipReason) -> [UInt8] {
    // One byte more than expected, so that the end is seen with the first read.
    let room = canSeek && size > offset ? min(count, size - offset + 1) : min(count, 1 << 16)
    var bytes: [UInt8] = []
    while !isAtEnd, bytes.count < count {
      let start = offset + bytes.count
      var failure: Int32?
      let more = [UInt8](unsafeUninitializedCapacity: min(room, count - bytes.count)) { buffer, filled in
        filled = readSome(into: UnsafeMutableRawBufferPointer(buffer), at: start, &failure)
      }
      if let failure { throw SkipReason(systemError: failure) }
      // A plain file gives less than was asked for at its end only.
      isAtEnd = more.isEmpty || canSeek && size > 0 && start + more.count >= size && more.count < room
      if bytes.isEmpty { bytes = more } else { bytes += more }
    }
    return bytes
  }

  private func readSome(into room: UnsafeMutableRawBufferPointer, at offset: Int, _ failure: inout Int32?) -> Int {
    while true {
      let count =
        canSeek ? pread(descriptor, room.baseAddress, room.count, off_t(offset)) : systemRead(descriptor, room)
      if count >= 0 { return count }
      if errno != EINTR {
        failure = errno
        return 0
      }
    }
  }
}

/// The system's `read`, which a method of that name would hide.
private func systemRead(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, room.baseAddress, room.count)
}

extension FilePath {
  /// The bytes of a plain file, `most` of them at most; nil when it cannot be read.
  package func contents(atMost most: Int = .max) -> [UInt8]? {
    var isAtEnd = false
    return try? OpenFile(self).read(most, at: 0, isAtEnd: &isAtEnd)
  }
}

extension SkipReason {
  /// The reason behind the error number of a failed system call.
  init(systemError code: Int32) {
    switch code {
    case ENOENT, ENOTDIR: self = .gone
    case EISDIR: self = .notPlainFile("a folder")
    case ENXIO: self = .notPlainFile("a pipe or device")
    default: self = .unreadable(String(cString: strerror(code)).lowercased())
    }
  }
}

extension stat {
  /// When the file was changed last, in nanoseconds since 1970.
  var modified: Int64 {
    #if canImport(Darwin)
      let time = st_mtimespec
    #else
      let time = st_mtim
    #endif
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
}
