/// How the characters of a file are written as bytes.
public enum TextEncoding: String, Sendable, CaseIterable {
  /// UTF-8.
  case utf8 = "utf-8"
  /// UTF-16, the lower byte first.
  case utf16LittleEndian = "utf-16le"
  /// UTF-16, the higher byte first.
  case utf16BigEndian = "utf-16be"
  /// Windows-1252, which is Latin-1 with printing characters where that has controls; Latin-1 is read by it, as in
  /// browsers. Every byte is a character.
  case windows1252 = "windows-1252"

  /// The encoding of a name, in capitals or small letters; nil for one that is not known.
  public init?(name: String) {
    switch name.lowercased() {
    case "utf-8", "utf8": self = .utf8
    case "utf-16le", "utf16le", "utf-16", "utf16": self = .utf16LittleEndian
    case "utf-16be", "utf16be": self = .utf16BigEndian
    case "windows-1252", "cp1252", "latin-1", "latin1", "iso-8859-1": self = .windows1252
    default: return nil
    }
  }

  var displayName: String { rawValue.uppercased() }

  /// The encoding that a mark at the start of a file tells; nil without one.
  init?(markOf bytes: some Collection<UInt8>) {
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
      self = .utf8
    } else if bytes.starts(with: [0xff, 0xfe]) {
      self = .utf16LittleEndian
    } else if bytes.starts(with: [0xfe, 0xff]) {
      self = .utf16BigEndian
    } else {
      return nil
    }
  }

  /// The characters of the bytes 0x80 to 0x9f in Windows-1252; the five that stand for nothing are controls.
  fileprivate static let windows1252Scalars: [Unicode.Scalar] = Array(
    "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ".unicodeScalars)

  /// The character of a byte in Windows-1252.
  static func windows1252Scalar(_ byte: UInt8) -> Unicode.Scalar? {
    (0x80..<0xa0).contains(byte) ? windows1252Scalars[Int(byte - 0x80)] : Unicode.Scalar(byte)
  }

  /// Bytes that a scalar takes in this encoding, told from the first byte of its UTF-8 form; 0 for other bytes.
  @inline(__always)
  func width(ofScalarFrom byte: UInt8) -> Int {
    switch self {
    case .utf8: 1
    case .windows1252: byte & 0xc0 == 0x80 ? 0 : 1
    case .utf16LittleEndian, .utf16BigEndian: byte & 0xc0 == 0x80 ? 0 : byte >= 0xf0 ? 4 : 2
    }
  }
}

/// Turns the bytes of a file, as they come in pieces, into UTF-8, and tells what is no text.
package struct TextDecoder: Sendable {
  package let encoding: TextEncoding
  /// Bytes of a character whose rest has not come yet.
  private var pending: [UInt8] = []

  package init(_ encoding: TextEncoding) { self.encoding = encoding }

  /// Appends what `bytes` stand for to `text`, the mark at the start of a file included.
  ///
  /// - Parameter isLast: whether nothing follows.
  /// - Throws: ``SkipReason/binary`` at a NUL character, ``SkipReason/notText(_:)`` at bytes that are no UTF-8. What is
  ///   wrong in UTF-16 becomes U+FFFD.
  mutating func append(_ bytes: [UInt8], isLast: Bool, to text: inout [UInt8]) throws(SkipReason) {
    guard encoding != .utf8 else { return try appendUTF8(bytes, isLast: isLast, to: &text) }
    let start = text.count
    appendAnything(bytes, isLast: isLast, to: &text)
    if text[start...].contains(0) { throw .binary }
  }

  /// The same for bytes that are taken as text whatever they are: UTF-8 goes through unseen.
  package mutating func appendAnything(_ bytes: [UInt8], isLast: Bool, to text: inout [UInt8]) {
    switch encoding {
    case .utf8: text += bytes
    case .windows1252: appendWindows1252(bytes, to: &text)
    case .utf16LittleEndian, .utf16BigEndian: appendUTF16(bytes, isLast: isLast, to: &text)
    }
  }

  private mutating func appendUTF8(_ bytes: [UInt8], isLast: Bool, to text: inout [UInt8]) throws(SkipReason) {
    let start = text.count
    if text.isEmpty, pending.isEmpty { text = bytes } else { text += pending + bytes }
    pending = []
    let checked = text.withUnsafeBufferPointer { Self.check($0, from: start) }
    switch checked {
    case .text: break
    case .binary: throw .binary
    case .wrong(let position):
      // What is wrong at the very end may be the start of a scalar.
      guard !isLast, text.count - position < 4, Self.isStartOfScalar(text[position...]) else { throw .notText(.utf8) }
      pending = Array(text[position...])
      text.removeSubrange(position...)
    }
  }

  private enum Check { case text, binary, wrong(at: Int) }

  private static func check(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Check {
    var position = start
    let (tops, ones): (UInt64, UInt64) = (0x8080_8080_8080_8080, 0x0101_0101_0101_0101)
    let raw = UnsafeRawBufferPointer(text)
    while position < text.count {
      if position + 8 <= text.count {
        let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        // Eight bytes below 0x80, none of them 0: subtracting 1 sets the top bit of a zero byte only.
        if (word | (word &- ones)) & tops == 0 {
          position += 8
          continue
        }
      }
      let start = position
      guard let scalar = text.decodeValidScalar(at: &position) else { return .wrong(at: start) }
      if scalar == 0 { return .binary }
    }
    return .text
  }

  /// Whether the bytes are those that a scalar of more bytes may begin with.
  private static func isStartOfScalar(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first, first >= 0xc2, first <= 0xf4 else { return false }
    let length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    return bytes.count < length && bytes.dropFirst().allSatisfy { $0 & 0xc0 == 0x80 }
  }

  private mutating func appendWindows1252(_ bytes: [UInt8], to text: inout [UInt8]) {
    text.reserveCapacity(text.count + bytes.count)
    for byte in bytes {
      switch byte {
      case ..<0x80: text.append(byte)
      case 0x80..<0xa0: text += String(TextEncoding.windows1252Scalars[Int(byte - 0x80)]).utf8
      default:
        text.append(0xc0 | byte >> 6)
        text.append(0x80 | byte & 0x3f)
      }
    }
  }

  private mutating func appendUTF16(_ bytes: [UInt8], isLast: Bool, to text: inout [UInt8]) {
    let bytes = pending + bytes
    pending = []
    var units: [UInt16] = []
    units.reserveCapacity(bytes.count / 2 + 1)
    let (low, high) = encoding == .utf16LittleEndian ? (0, 1) : (1, 0)
    for start in stride(from: 0, to: bytes.count - 1, by: 2) {
      units.append(UInt16(bytes[start + low]) | UInt16(bytes[start + high]) << 8)
    }
    if isLast {
      if bytes.count % 2 == 1 { units.append(0xfffd) }
    } else {
      if bytes.count % 2 == 1 { pending = [bytes[bytes.count - 1]] }
      if let last = units.last, UTF16.isLeadSurrogate(last) {
        units.removeLast()
        pending = Array(bytes[(units.count * 2)...])
      }
    }
    text += String(decoding: units, as: UTF16.self).utf8
  }
}
