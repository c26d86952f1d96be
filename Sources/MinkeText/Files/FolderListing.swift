#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The entries of one folder, in the order of their names' bytes.
struct FolderListing {
  /// What an entry is itself, links not followed.
  enum Kind: Sendable { case folder, file, link, other }

  struct Entry: Sendable {
    let name: [UInt8]
    let kind: Kind
  }

  let entries: [Entry]

  /// - Throws: why the folder cannot be listed.
  init(_ folder: FilePath) throws(SkipReason) {
    guard let stream = folder.withCString({ opendir($0) }) else { throw SkipReason(systemError: errno) }
    defer { closedir(stream) }
    guard let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) else { throw .unreadable("no names in a folder") }
    var entries: [Entry] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw SkipReason(systemError: errno) }
        break
      }
      // SAFETY: the name ends with NUL, inside the entry, which is valid until the next call.
      let start = UnsafeRawPointer(entry) + nameOffset
      let name = Array(UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
      if name == [0x2e] || name == [0x2e, 0x2e] { continue }
      entries.append(Entry(name: name, kind: Self.kind(of: folder.entry(name), stated: Int32(entry.pointee.d_type))))
    }
    self.entries = entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  private static func kind(of path: FilePath, stated type: Int32) -> Kind {
    switch type {
    case Int32(DT_DIR): return .folder
    case Int32(DT_REG): return .file
    case Int32(DT_LNK): return .link
    case Int32(DT_UNKNOWN):
      // Some file systems do not say it here.
      var status = stat()
      guard path.withCString({ lstat($0, &status) }) == 0 else { return .other }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: return .folder
      case S_IFREG: return .file
      case S_IFLNK: return .link
      default: return .other
      }
    default: return .other
    }
  }
}
