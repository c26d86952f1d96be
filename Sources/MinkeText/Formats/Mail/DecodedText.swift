/// The parts of a message as UTF-8, and where in the message each byte comes from.
struct DecodedText {
  private(set) var bytes: [UInt8] = []
  private(set) var map = PositionMap()

  /// Appends bytes that stand for those of the message in `range`.
  mutating func append(_ some: [UInt8], from range: Range<Int>) {
    bytes += some
    map.append(some.count, from: range)
  }

  /// Appends the body of a part.
  ///
  /// - Parameters:
  ///   - transfer: the transfer encoding, in small letters.
  ///   - charset: its name; one that is not known is taken for UTF-8, and what is not for Windows-1252.
  mutating func append(
    _ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>, transfer: String, charset: String
  ) {
    let start = bytes.count
    let encoding = TextEncoding(name: charset) ?? .utf8
    decode(range, of: source, transfer, isLatin: encoding == .windows1252)
    switch encoding {
    case .windows1252: break
    case .utf8:
      if String(validating: bytes[start...], as: UTF8.self) == nil {
        remove(from: start)
        decode(range, of: source, transfer, isLatin: true)
      }
    case .utf16LittleEndian, .utf16BigEndian:
      let wide = Array(bytes[start...])
      remove(from: start)
      append(Array(MailHeader.string(wide, charset: charset).utf8), from: range)
    }
  }

  private mutating func remove(from start: Int) {
    bytes.removeSubrange(start...)
    map.remove(from: start)
  }

  private mutating func decode(
    _ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>, _ transfer: String, isLatin: Bool
  ) {
    switch transfer {
    case "quoted-printable": decodeQuotedPrintable(range, of: source, isLatin)
    case "base64": decodeBase64(range, of: source, isLatin)
    default: put(range, of: source, isLatin)
    }
  }

  private mutating func decodeQuotedPrintable(
    _ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>, _ isLatin: Bool
  ) {
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      guard source[position] == UInt8(ascii: "=") else {
        position += 1
        continue
      }
      put(start..<position, of: source, isLatin)
      let next = position + 1
      if next + 1 < range.upperBound, let byte = hexadecimal(source[next], source[next + 1]) {
        put(byte, from: position..<position + 3, isLatin)
        position += 3
        start = position
        continue
      }
      // A sign at the end of a line joins it with the next.
      var end = next
      while end < range.upperBound, end - next < 80, source[end] == UInt8(ascii: " ") || source[end] == 0x0d {
        end += 1
      }
      start = position
      if end < range.upperBound, source[end] == 0x0a { start = end + 1 } else if end == range.upperBound { start = end }
      position = max(start, position + 1)
    }
    put(start..<range.upperBound, of: source, isLatin)
  }

  private mutating func decodeBase64(
    _ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>, _ isLatin: Bool
  ) {
    var decoder = Base64Decoder()
    var line = range.lowerBound
    while line < range.upperBound {
      let end = source.lineEnd(from: line, range.upperBound)
      var some: [UInt8] = []
      for byte in source[line..<end] { decoder.take(byte, into: &some) }
      if isLatin {
        for byte in some { put(byte, from: line..<end, true) }
      } else {
        append(some, from: line..<end)
      }
      line = end
    }
  }

  /// Appends bytes as they are, or as characters of Windows-1252.
  private mutating func put(_ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>, _ isLatin: Bool) {
    guard isLatin else {
      bytes += source[range]
      map.append(range.count, from: range)
      return
    }
    var start = range.lowerBound
    for position in range where source[position] >= 0x80 {
      put(start..<position, of: source, false)
      put(source[position], from: position..<position + 1, true)
      start = position + 1
    }
    put(start..<range.upperBound, of: source, false)
  }

  private mutating func put(_ byte: UInt8, from range: Range<Int>, _ isLatin: Bool) {
    if isLatin, byte >= 0x80, let scalar = TextEncoding.windows1252Scalar(byte) {
      let count = bytes.count
      bytes += String(Character(scalar)).utf8
      map.append(bytes.count - count, from: range)
    } else {
      bytes.append(byte)
      map.append(1, from: range)
    }
  }
}

/// Decodes base64 as it comes; what is none of its signs is passed over.
struct Base64Decoder {
  private var bits: UInt32 = 0
  private var count = 0

  /// Takes the next sign, and appends a byte when one is whole.
  mutating func take(_ sign: UInt8, into bytes: inout [UInt8]) {
    let value: UInt8
    switch sign {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = sign - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): value = sign - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = sign - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): value = 62
    case UInt8(ascii: "/"): value = 63
    case UInt8(ascii: "="):
      count = 0
      return
    default: return
    }
    bits = bits << 6 | UInt32(value)
    count += 6
    if count >= 8 {
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
  }

  static func decoded(_ signs: some Sequence<UInt8>) -> [UInt8] {
    var decoder = Base64Decoder()
    var bytes: [UInt8] = []
    for sign in signs { decoder.take(sign, into: &bytes) }
    return bytes
  }
}
