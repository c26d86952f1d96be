import Synchronization

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

/// The files and folders of this process that are still being written, each under a name of its own:
/// `.NAME.PROCESS.RANDOM.part` beside the place that NAME is to take.
///
/// A draft goes away when its writer does. A program that is asked to end calls ``removeAll(andThen:)``; the drafts of
/// one that had no time for it are removed by the next that writes to the same place. Each draft is locked (`flock`)
/// while its process lives, so that no draft of a living one is taken for a leftover, also where processes on several
/// machines or in several containers share a folder.
package enum Drafts {
  private static let paths = Mutex<Set<String>>([])
  private static let ending = ".part"

  /// Makes a draft for `destination` and notes it.
  ///
  /// - Parameter isFolder: whether the draft is a folder, else an empty file.
  /// - Returns: its path, and a descriptor that holds its lock, open for writing where it is a file.
  static func make(
    for destination: String, isFolder: Bool, mode: mode_t
  ) throws(MinkeError) -> (path: String, descriptor: Int32) {
    let (folder, name) = parts(of: destination)
    removeLeftovers(of: name, in: folder)
    let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let path = "\(folder)/\(start(of: name))\(getpid()).\(random)\(ending)"
    let (descriptor, code) = paths.withLock { paths -> (Int32, Int32) in
      if isFolder, mkdir(path, mode) != 0 { return (-1, errno) }
      let flags = isFolder ? O_RDONLY | O_DIRECTORY | O_CLOEXEC : O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
      let descriptor = open(path, flags, mode)
      let code = errno
      guard descriptor >= 0 else {
        if isFolder { rmdir(path) }
        return (-1, code)
      }
      paths.insert(path)
      return (descriptor, 0)
    }
    guard descriptor >= 0 else {
      throw MinkeError.systemCall(code, destination, expected: "a place to write a \(isFolder ? "folder" : "file")")
    }
    // Where a file system has no locks, nothing is ever taken for a leftover.
    _ = flock(descriptor, LOCK_EX | LOCK_NB)
    return (path, descriptor)
  }

  /// Calls `rename`, which puts the draft `path` in its place, and forgets the draft if that gives true.
  static func settle(_ path: String, _ rename: () -> Bool) -> Bool {
    paths.withLock { paths in
      guard rename() else { return false }
      paths.remove(path)
      return true
    }
  }

  /// Removes the draft `path`, unless it was settled.
  static func discard(_ path: String) {
    let isOurs = paths.withLock { $0.remove(path) != nil }
    if isOurs { remove(path) }
  }

  /// Leaves the draft `path` where it is for a person to find.
  static func keep(_ path: String) { _ = paths.withLock { $0.remove(path) } }

  /// Removes all drafts of this process and calls `end`, which ends it. No draft is made or settled from now on.
  package static func removeAll(andThen end: () -> Never) -> Never {
    paths.withLock { paths in
      for path in paths { remove(path) }
      end()
    }
  }

  private static func remove(_ path: String) {
    // Other threads may still be putting files into a folder.
    for _ in 0..<10 {
      if unlink(path) == 0 || errno == ENOENT { return }
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// Removes drafts for `name` whose process is gone.
  private static func removeLeftovers(of name: String, in folder: String) {
    let start = start(of: name)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for candidate in names where candidate.hasPrefix(start) && candidate.hasSuffix(ending) {
      let pieces = candidate.dropFirst(start.count).dropLast(ending.count).split(separator: ".")
      guard pieces.count == 2, let process = pid_t(pieces[0]), process > 0, kill(process, 0) != 0, errno == ESRCH
      else { continue }
      let path = "\(folder)/\(candidate)"
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remove(path) }
      close(descriptor)
    }
  }

  /// What the name of a draft for `name` begins with. A name may have 255 bytes, and the rest of a draft's takes some.
  private static func start(of name: String) -> String {
    name.utf8.count <= 200 ? ".\(name)." : ".\(String(decoding: name.utf8.prefix(200), as: UTF8.self).prefix(60))."
  }

  /// The folder that holds `path`, and its name there.
  static func parts(of path: String) -> (folder: String, name: String) {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.index(after: slash)...]))
  }
}
