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

/// A lock between processes on a file that is there only to be locked (`flock`), the kind that Python's filelock takes.
///
/// It ends with its process at the latest. The file stays: whoever removed it would let a third process lock another
/// one of the same name. On a file system that knows no locks everyone gets one.
package struct FileLock: Sendable {
  private let descriptor: Int32

  /// The lock on the file at `url`, which is made with the folders above it; nil while somebody else has it.
  ///
  /// - Throws: ``MinkeError`` when the file cannot be opened.
  package init?(_ url: URL) throws(MinkeError) {
    try FolderWriter.makeFolder(url.deletingLastPathComponent())
    let mode: mode_t = 0o664
    let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)
    guard descriptor >= 0 else { throw MinkeError.systemCall(errno, url.path, expected: "a file to lock") }
    // Others of the group that shares the folder lock it too, whatever this process leaves to them otherwise.
    _ = fchmod(descriptor, mode)
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
      close(descriptor)
      return nil
    }
    var (held, named) = (stat(), stat())
    guard fstat(descriptor, &held) == 0, stat(url.path, &named) == 0, held.st_ino == named.st_ino else {
      // Its last holder removed the file.
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }

  /// Lets others have it; to be called once.
  package func release() { close(descriptor) }
}
