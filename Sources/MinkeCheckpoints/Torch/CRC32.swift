/// The checksum of zip files: the cyclic redundancy check of ISO 3309 with polynomial 0xedb88320, bits reversed.
enum CRC32 {
  /// Element `256 * k + b` is the checksum register after byte b and k zero bytes, so that eight bytes go in one step.
  private static let table: [UInt32] = {
    var table = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var register = UInt32(byte)
      for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0xedb8_8320 : register >> 1 }
      table[byte] = register
    }
    for index in 256..<table.count {
      let previous = table[index - 256]
      table[index] = previous >> 8 ^ table[Int(previous & 0xff)]
    }
    return table
  }()

  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    table.withUnsafeBufferPointer { table in
      var register = UInt32.max
      var position = 0
      while position + 8 <= bytes.count {
        let next = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        let word = next ^ UInt64(register)
        register = 0
        for byte in 0..<8 { register ^= table[(7 - byte) * 256 + Int(word >> (8 * UInt64(byte)) & 0xff)] }
        position += 8
      }
      for byte in bytes[position...] { register = register >> 8 ^ table[Int((register ^ UInt32(byte)) & 0xff)] }
      return ~register
    }
  }
}
