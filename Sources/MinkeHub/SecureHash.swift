import Crypto

/// SHA-256, or SHA-1, which is how git names files and no protection against bytes that were made to have it.
enum SecureHash {
  case sha256(SHA256)
  case sha1(Insecure.SHA1)

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .sha256(var hash):
      hash.update(bufferPointer: bytes)
      self = .sha256(hash)
    case .sha1(var hash):
      hash.update(bufferPointer: bytes)
      self = .sha1(hash)
    }
  }

  /// The hash of all bytes, in hexadecimal digits.
  var digits: String {
    switch self {
    case .sha256(let hash): "\(hexadecimal: hash.finalize())"
    case .sha1(let hash): "\(hexadecimal: hash.finalize())"
    }
  }
}

extension String.StringInterpolation {
  fileprivate mutating func appendInterpolation(hexadecimal bytes: some Sequence<UInt8>) {
    for byte in bytes { appendLiteral((byte < 16 ? "0" : "") + String(byte, radix: 16)) }
  }
}
