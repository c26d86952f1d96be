import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What tells one model from another: the name it was loaded by and a fingerprint of its weights.
public struct ModelIdentity: Hashable, Codable, Sendable, CustomStringConvertible {
  /// The built-in name, or the last part of the folder's path.
  public let name: String
  /// 16 hexadecimal digits that change when the weights do.
  public let fingerprint: String

  public init(name: String, fingerprint: String) {
    self.name = name
    self.fingerprint = fingerprint
  }

  /// The identity of a model whose weights are the bytes of `files`.
  ///
  /// Hashed (FNV-1a, 64 bits) are each file's size and 64 evenly spread pieces of 1 KiB: training or quantising touches
  /// every part of a table, and reading it all would make loading as slow as the disk.
  init(name: String, weights files: [URL]) throws(MinkeError) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for url in files {
      let file = try MappedFile(url)
      withUnsafeBytes(of: UInt64(file.bytes.count).littleEndian) { $0.forEach(mix) }
      let piece = 1024
      if file.bytes.count <= 64 * piece {
        file.bytes.forEach(mix)
      } else {
        for index in 0..<64 {
          let start = (file.bytes.count - piece) / 63 * index
          file.bytes[start..<start + piece].forEach(mix)
        }
      }
    }
    let digits = String(hash, radix: 16)
    self.init(name: name, fingerprint: String(repeating: "0", count: 16 - digits.count) + digits)
  }

  public var description: String { "\(name) (\(fingerprint))" }
}
