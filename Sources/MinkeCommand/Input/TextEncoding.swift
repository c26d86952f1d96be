import ArgumentParser

/// How the bytes of a text stand for its characters.
enum TextEncoding: String, ExpressibleByArgument, CaseIterable {
  case automatic = "auto"
  case utf8 = "utf-8"
  /// In the order that its mark says, else the lower byte first.
  case utf16 = "utf-16"
  case utf16LittleEndian = "utf-16le"
  case utf16BigEndian = "utf-16be"
  case latin1 = "latin-1"
  case windows1252 = "windows-1252"
}

/// Turns a text that comes in pieces into UTF-8; a byte order mark is left out.
///
/// What cannot be turned becomes U+FFFD, but for UTF-8, which goes through as it is.
struct Transcoder {
  private var encoding: TextEncoding
  private var isAtStart = true
  /// The beginning of a character or of a mark whose end is still to come.
  private var held: [UInt8] = []

  init(from encoding: TextEncoding) { self.encoding = encoding }

  /// The next piece in UTF-8.
  mutating func utf8(_ bytes: consuming [UInt8], isLast: Bool) -> [UInt8] {
    var bytes = bytes
    if !held.isEmpty {
      bytes = held + bytes
      held = []
    }
    if isAtStart {
      guard isLast || !Self.couldBecomeMark(bytes) else {
        held = bytes
        return []
      }
      isAtStart = false
      bytes.removeFirst(settleEncoding(bytes))
    }
    switch encoding {
    case .automatic, .utf8: return bytes
    case .utf16, .utf16LittleEndian: return utf16(bytes, isLast: isLast) { UInt16($1) << 8 | UInt16($0) }
    case .utf16BigEndian: return utf16(bytes, isLast: isLast) { UInt16($0) << 8 | UInt16($1) }
    case .latin1: return Array(String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })).utf8)
    case .windows1252: return Array(String(String.UnicodeScalarView(bytes.map(Self.windows1252))).utf8)
    }
  }

  private static let marks: [(bytes: [UInt8], encoding: TextEncoding)] = [
    ([0xef, 0xbb, 0xbf], .utf8), ([0xff, 0xfe], .utf16LittleEndian), ([0xfe, 0xff], .utf16BigEndian),
  ]

  private static func couldBecomeMark(_ bytes: [UInt8]) -> Bool {
    marks.contains { bytes.count < $0.bytes.count && $0.bytes.starts(with: bytes) }
  }

  /// Learns the encoding from the mark that `bytes` begin with, and gives the mark's length.
  private mutating func settleEncoding(_ bytes: [UInt8]) -> Int {
    guard let mark = Self.marks.first(where: { bytes.starts(with: $0.bytes) }) else { return 0 }
    switch (encoding, mark.encoding) {
    case (.automatic, let found): encoding = found
    case (.utf16, .utf16LittleEndian), (.utf16, .utf16BigEndian): encoding = mark.encoding
    case (let given, let found) where given == found: break
    default: return 0
    }
    return mark.bytes.count
  }

  private mutating func utf16(_ bytes: [UInt8], isLast: Bool, _ unit: (UInt8, UInt8) -> UInt16) -> [UInt8] {
    var units = Swift.stride(from: 0, to: bytes.count - 1, by: 2).map { unit(bytes[$0], bytes[$0 + 1]) }
    if isLast {
      if !bytes.count.isMultiple(of: 2) { units.append(0xfffd) }
    } else {
      var rest = bytes.count % 2
      // The first half of a pair waits for the second.
      if let last = units.last, UTF16.isLeadSurrogate(last) {
        units.removeLast()
        rest += 2
      }
      held = Array(bytes.suffix(rest))
    }
    return Array(String(decoding: units, as: UTF16.self).utf8)
  }

  /// https://encoding.spec.whatwg.org/index-windows-1252.txt, 0x80 to 0x9f.
  private static let windows1252Upper: [UInt32] = [
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d,
    0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d,
    0x17e, 0x178,
  ]

  private static func windows1252(_ byte: UInt8) -> Unicode.Scalar {
    guard (0x80..<0xa0).contains(byte) else { return Unicode.Scalar(byte) }
    return Unicode.Scalar(windows1252Upper[Int(byte) - 0x80]) ?? "\u{FFFD}"
  }
}
