#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory of our own for `count` elements, on a cache-line boundary (a page boundary of 2 MiB when large).
///
/// It is the one owner of its memory and frees it at the end of its life. Fenced here: `baseAddress` is valid for
/// `count` elements as long as the buffer lives, and nobody else writes there.
///
/// A class and not a noncopyable value: the life of an object in a variable reaches over the last access through one of
/// its pointers, while a noncopyable value may end with the last mention of its name, before the pointer is used.
package final class AlignedBuffer<Element: BitwiseCopyable> {
  package let baseAddress: UnsafeMutablePointer<Element>
  package let count: Int

  /// Zero-filled memory for `count` elements.
  package convenience init(zeroed count: Int) {
    self.init(uninitialized: count)
    UnsafeMutableRawPointer(baseAddress).initializeMemory(
      as: UInt8.self, repeating: 0, count: count * MemoryLayout<Element>.stride)
  }

  /// Memory whose content is arbitrary until it is written.
  package init(uninitialized count: Int) {
    precondition(count >= 0)
    let bytes = max(1, count * MemoryLayout<Element>.stride)
    let alignment = bytes >= HugePages.size ? HugePages.size : 64
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, alignment, bytes) == 0, let memory else {
      preconditionFailure("out of memory: \(bytes) bytes")
    }
    HugePages.advise(UnsafeMutableRawBufferPointer(start: memory, count: bytes))
    baseAddress = memory.bindMemory(to: Element.self, capacity: count)
    self.count = count
  }

  deinit { free(UnsafeMutableRawPointer(baseAddress)) }

  package var pointer: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: baseAddress, count: count) }
  package var mutablePointer: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: baseAddress, count: count)
  }

  /// A copy of the elements, all of which must have been written.
  package func copied() -> [Element] {
    withExtendedLifetime(self) { Array(pointer) }
  }
}

// SAFETY: the buffer is the only owner of its memory, so sending it sends the memory with it.
extension AlignedBuffer: @unchecked Sendable {}
