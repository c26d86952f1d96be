#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Large memory in large pages: a scan spends less time on address translation, and memory that is written for the first
/// time costs one page fault for 2 MiB instead of 512, each of which may cost more than the numbers that go there.
package enum HugePages {
  /// Bytes of a huge page; memory below that is left alone.
  package static let size = 2 << 20

  /// Asks for huge pages where they fit into `memory`. Where there are none, nothing happens.
  package static func advise(_ memory: UnsafeMutableRawBufferPointer) {
    #if os(Linux)
      guard memory.count >= size, let start = memory.baseAddress else { return }
      let first = (UInt(bitPattern: start) + UInt(size) - 1) / UInt(size) * UInt(size)
      let end = (UInt(bitPattern: start) + UInt(memory.count)) / UInt(size) * UInt(size)
      guard first < end, let pages = UnsafeMutableRawPointer(bitPattern: first) else { return }
      // 14 is MADV_HUGEPAGE, which the C library's module does not export everywhere.
      madvise(pages, Int(end - first), 14)
    #endif
  }
}
