import MinkeKernels

/// The hash function BLAKE2b (RFC 7693).
package enum BLAKE2b {
  /// The hash of `bytes`, `length` bytes long, 1 to 64.
  package static func hash(_ bytes: UnsafeRawBufferPointer, length: Int) -> [UInt8] {
    precondition((1...64).contains(length))
    return [UInt8](unsafeUninitializedCapacity: length) { digest, count in
      minke_blake2b(
        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, digest.baseAddress, length)
      count = length
    }
  }
}
