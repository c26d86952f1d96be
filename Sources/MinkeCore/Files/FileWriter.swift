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
/// A file is written as a draft beside its place (see ``Drafts``); if the writer goes away without ``finish()``, what
/// was there before is still there, untouched. A replaced file keeps its permissions and, where that is allowed, its
/// owner. Through a symbolic link the file it names is replaced. A file that has several names (hard links) is written
/// into when all bytes are at hand, since no replacement could take all the names. Devices and pipes are written to as
/// they are.
package struct FileWriter: ~Copyable {
  private let descriptor: Int32
  private let name: String
  private let destination: String?
  private let draft: String?
  private let isOpenedHere: Bool
  private var buffer: [UInt8] = []
  /// Bytes written so far.
  package private(set) var count = 0
  private static let bufferSize = 1 << 16

  /// A writer to standard output.
  package init() {
    self.init(descriptor: STDOUT_FILENO, name: "standard output")
  }

  /// A writer to the file at `url`, new or to be replaced.
  ///
  /// - Throws: ``MinkeError`` when its folder does not exist or cannot be written to, or when there is a folder, or a
  ///   file that may not be written to.
  package init(_ url: URL) throws(MinkeError) {
    let name = url.relativePath
    if let descriptor = Self.openDescriptor(url.path) {
      // The system would give a new descriptor at the beginning of the file, over what was written to the old one.
      let copy = dup(descriptor)
      guard copy >= 0 else { throw MinkeError.systemCall(errno, name, expected: "an open file") }
      self.init(descriptor: copy, name: name, isOpenedHere: true)
      return
    }
    let path = Self.followingLinks(url.path)
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT != S_IFREG {
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw MinkeError.systemCall(errno, name, expected: "a file to write") }
      self.init(descriptor: descriptor, name: name, isOpenedHere: true)
      return
    }
    if exists, access(path, W_OK) != 0 {
      throw MinkeError.systemCall(errno, name, expected: "a file that may be written to")
    }
    let draft: (path: String, descriptor: Int32)
    do throws(MinkeError) {
      // Nobody else reads the draft of a file that not all may read.
      draft = try Drafts.make(for: path, isFolder: false, mode: exists ? 0o600 : 0o666)
    } catch {
      throw MinkeError(error.kind, name, expected: error.expected, found: error.found)
    }
    self.init(
      descriptor: draft.descriptor, name: name, destination: path, draft: draft.path, isOpenedHere: true)
    if exists { takeOver(status) }
  }

  private init(
    descriptor: Int32, name: String, destination: String? = nil, draft: String? = nil, isOpenedHere: Bool = false
  ) {
    self.descriptor = descriptor
    self.name = name
    self.destination = destination
    self.draft = draft
    self.isOpenedHere = isOpenedHere
  }

  deinit {
    if isOpenedHere { close(descriptor) }
    if let draft { Drafts.discard(draft) }
  }

  /// Gives the draft the owner and the permissions of the file that it will replace.
  private func takeOver(_ status: stat) {
    var mode = status.st_mode & 0o7777
    if fchown(descriptor, status.st_uid, status.st_gid) != 0 {
      // A program that ran as its owner shall not run as us.
      mode &= 0o777
    }
    _ = fchmod(descriptor, mode)
  }

  // MARK: Writing

  /// Writes `text` as UTF-8.
  package mutating func write(_ text: String) throws(MinkeError) {
    count += text.utf8.count
    buffer += text.utf8
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Writes `bytes` as they are.
  package mutating func write(_ bytes: [UInt8]) throws(MinkeError) {
    var failure: MinkeError?
    bytes.withUnsafeBytes { bytes in
      do throws(MinkeError) { try write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Writes `bytes` as they are.
  package mutating func write(_ bytes: SharedBuffer<UInt8>) throws(MinkeError) {
    try write(UnsafeRawBufferPointer(bytes.pointer))
  }

  /// Writes `bytes` as they are.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(MinkeError) {
    count += bytes.count
    if bytes.count < Self.bufferSize {
      buffer += bytes
      if buffer.count >= Self.bufferSize { try flush() }
    } else {
      try flush()
      try Self.writeAll(bytes, to: descriptor, name)
    }
  }

  /// Whether ``overwrite(_:at:)`` works: in a draft it does, in a pipe it cannot.
  package var canOverwrite: Bool { draft != nil }

  /// Puts `bytes` in the place of those written at `offset`, as a header that is known at last.
  ///
  /// - Throws: ``MinkeError`` when bytes would be written past the end, or this is no draft.
  package mutating func overwrite(_ bytes: [UInt8], at offset: Int) throws(MinkeError) {
    guard canOverwrite, offset >= 0, bytes.count <= count - offset else {
      throw MinkeError(
        .invalidArgument, name, expected: "bytes in a file to write over", found: "byte \(offset) of \(count)")
    }
    try flush()
    var written = 0
    while written < bytes.count {
      let result = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written, off_t(offset + written))
      }
      if result < 0, errno != EINTR { throw MinkeError.systemCall(errno, name, expected: "room to write") }
      written += max(0, result)
    }
  }

  /// Writes what is held back so far, so that a reader sees it now.
  package mutating func flush() throws(MinkeError) {
    let bytes = buffer
    buffer.removeAll(keepingCapacity: true)
    var failure: MinkeError?
    bytes.withUnsafeBytes { bytes in
      do throws(MinkeError) { try Self.writeAll(bytes, to: descriptor, name) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  // MARK: The end

  /// Hands over all that was written. A file is now safe on the disk under its own name.
  ///
  /// - Throws: ``MinkeError`` of kind `closedPipe` when standard output's reader went away, else `inputOutput`.
  package mutating func finish() throws(MinkeError) {
    try flush()
    guard let draft, let destination else { return }
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw MinkeError.systemCall(errno, name, expected: "a place to write a file")
    }
    var status = stat()
    if stat(destination, &status) == 0, status.st_nlink > 1 {
      return try writeInto(destination, from: draft)
    }
    var code: Int32 = 0
    let isSettled = Drafts.settle(draft) {
      let isRenamed = rename(draft, destination) == 0
      code = errno
      return isRenamed
    }
    guard isSettled else { throw MinkeError.systemCall(code, name, expected: "a place to write a file") }
    Self.synchronize(folder: Drafts.parts(of: destination).folder)
  }

  /// Copies the draft into the file at `path`, which keeps its identity.
  private func writeInto(_ path: String, from draft: String) throws(MinkeError) {
    let whole = try MappedFile(URL(fileURLWithPath: draft))
    let target = open(path, O_WRONLY | O_CLOEXEC)
    guard target >= 0 else { throw MinkeError.systemCall(errno, name, expected: "a file that may be written to") }
    defer { close(target) }
    #if !canImport(Darwin)
      // Room that is missing is found before the old bytes are touched.
      let code = whole.bytes.isEmpty ? 0 : posix_fallocate(target, 0, off_t(whole.bytes.count))
      if code == ENOSPC || code == EDQUOT || code == EFBIG {
        throw MinkeError.systemCall(code, name, expected: "room to write")
      }
    #endif
    // From here on there are no old bytes to go back to; an interruption leaves the draft to the person.
    Drafts.keep(draft)
    do throws(MinkeError) {
      try Self.writeAll(whole.bytes, to: target, name)
      guard ftruncate(target, off_t(whole.bytes.count)) == 0, fsync(target) == 0 || errno == EINVAL else {
        throw MinkeError.systemCall(errno, name, expected: "a file that may be written to")
      }
    } catch {
      throw MinkeError(error.kind, name, expected: error.expected, found: "\(error.found); all of it is in \(draft)")
    }
    unlink(draft)
  }

  private static func writeAll(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ name: String
  ) throws(MinkeError) {
    var written = 0
    while written < bytes.count, let start = bytes.baseAddress {
      // At most 1 GiB at a time: some systems refuse more.
      let count = systemWrite(descriptor, start + written, min(bytes.count - written, 1 << 30))
      if count >= 0 {
        written += count
      } else if errno == EPIPE {
        throw MinkeError(.closedPipe, name, expected: "a reader", found: "a closed pipe")
      } else if errno == EAGAIN {
        // Whoever started us may have made the pipe one that never waits.
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wanted, 1, -1)
      } else if errno != EINTR {
        throw MinkeError.systemCall(errno, name, expected: "room to write")
      }
    }
  }

  // MARK: Places

  /// The descriptor that `/dev/stdout` or `/dev/fd/3` stands for.
  private static func openDescriptor(_ path: String) -> Int32? {
    if path == "/dev/stdout" { return STDOUT_FILENO }
    if path == "/dev/stderr" { return STDERR_FILENO }
    for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
      return Int32(path.dropFirst(folder.count))
    }
    return nil
  }

  /// The path of what `path` names in the end; a link may lead to a file that is not there yet.
  private static func followingLinks(_ path: String) -> String {
    var path = path
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let length = readlink(path, &buffer, buffer.count)
      guard length > 0 else { return path }
      let target = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      path = target.hasPrefix("/") ? target : "\(Drafts.parts(of: path).folder)/\(target)"
    }
    return path
  }

  /// Whether writers to both places would write over each other: to one file, under whatever names.
  package static func areOne(_ first: URL, _ second: URL) -> Bool {
    let paths = [first, second].map { followingLinks($0.standardized.path) }
    var (one, other) = (stat(), stat())
    guard stat(paths[0], &one) == 0, stat(paths[1], &other) == 0 else { return paths[0] == paths[1] }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
  }

  /// Makes what was renamed in `folder` outlast a loss of power.
  static func synchronize(folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

/// The system's `write`, which a method of that name would hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
