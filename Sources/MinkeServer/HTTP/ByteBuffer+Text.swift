import NIOCore

extension ByteBuffer {
  /// Appends `bytes` in base64 (RFC 4648, with padding).
  mutating func writeBase64(_ bytes: UnsafeRawBufferPointer) {
    let length = (bytes.count + 2) / 3 * 4
    writeWithUnsafeMutableBytes(minimumWritableBytes: length) { out in
      guard let letters = out.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
      var (from, to) = (0, 0)
      base64Pairs.withUnsafeBufferPointer { pairs in
        while from + 3 <= bytes.count {
          let group = Int(bytes[from]) << 16 | Int(bytes[from + 1]) << 8 | Int(bytes[from + 2])
          let (first, second) = (pairs[group >> 12], pairs[group & 0xfff])
          letters[to] = UInt8(truncatingIfNeeded: first)
          letters[to + 1] = UInt8(truncatingIfNeeded: first >> 8)
          letters[to + 2] = UInt8(truncatingIfNeeded: second)
          letters[to + 3] = UInt8(truncatingIfNeeded: second >> 8)
          from += 3
          to += 4
        }
        if from < bytes.count {
          let isOne = bytes.count - from == 1
          let group = Int(bytes[from]) << 16 | (isOne ? 0 : Int(bytes[from + 1]) << 8)
          let (first, second) = (pairs[group >> 12], pairs[group & 0xfff])
          letters[to] = UInt8(truncatingIfNeeded: first)
          letters[to + 1] = UInt8(truncatingIfNeeded: first >> 8)
          letters[to + 2] = isOne ? UInt8(ascii: "=") : UInt8(truncatingIfNeeded: second)
          letters[to + 3] = UInt8(ascii: "=")
        }
      }
      return length
    }
  }

  /// Appends `numbers` with commas between them.
  mutating func writeNumbers(_ numbers: some Swift.Collection<Float>) {
    var isFirst = true
    for number in numbers {
      if !isFirst { writeInteger(UInt8(ascii: ",")) }
      isFirst = false
      writeString(number.isFinite ? number.description : "null")
    }
  }
}

/// The two letters of every 12 bits, the first in the low byte.
private let base64Pairs: [UInt16] = {
  let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  return (0..<4096).map { UInt16(letters[$0 >> 6]) | UInt16(letters[$0 & 63]) << 8 }
}()
