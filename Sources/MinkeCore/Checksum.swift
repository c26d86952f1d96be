import MinkeKernels

/// A checksum that tells damaged bytes from whole ones, at about the speed of memory.
///
/// It is the same on every machine, and kept in files. It is no protection against bytes that were made to have it.
package enum Checksum {
  package static func of(_ bytes: UnsafeRawBufferPointer) -> Int64 {
    Int64(bitPattern: minke_checksum(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
