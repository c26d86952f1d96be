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

/// A file's bytes, mapped into memory for reading: opening costs nothing, reading costs the pages touched.
///
/// The bytes stay valid for the life of the object, also when the file is deleted or replaced by another meanwhile.
/// Shortening the file in place while it is mapped is the one thing that the operating system does not survive.
package final class MappedFile: Sendable {
  package let path: String
  // SAFETY: the mapping is private and read-only and lives until deinit, so any thread may read it.
  package nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// Maps the file at `url`.
  ///
  /// - Throws: ``MinkeError`` when there is no such file, it is a folder or a device, or cannot be opened.
  package init(_ url: URL) throws(MinkeError) {
    path = url.relativePath
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(url.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw MinkeError.systemCall(errno, path, expected: "a readable file") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw MinkeError.systemCall(errno, path, expected: "a readable file")
    }
    if let kind = status.kindUnlessPlain {
      throw MinkeError(.inputOutput, path, expected: "a file", found: kind)
    }
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw MinkeError.systemCall(errno, path, expected: "a file that can be mapped into memory")
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit {
    if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
  }
}

extension MinkeError {
  /// The error for a system call that failed on `path` with the error number `code`.
  package static func systemCall(_ code: Int32, _ path: String, expected: String) -> MinkeError {
    let found =
      switch code {
      case EMFILE, ENFILE: "no room for another open file (raise the limit, `ulimit -n`)"
      case EISDIR: "a folder"
      default: String(cString: strerror(code)).lowercased()
      }
    return MinkeError(
      code == ENOENT || code == ENOTDIR ? .notFound : .inputOutput, path, expected: expected, found: found)
  }
}
