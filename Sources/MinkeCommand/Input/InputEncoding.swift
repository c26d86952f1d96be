import ArgumentParser
import MinkeText

/// How the bytes of a text stand for its characters.
enum InputEncoding: String, ExpressibleByArgument, CaseIterable {
  case automatic = "auto"
  case utf8 = "utf-8"
  /// In the order that its mark says, else the lower byte first.
  case utf16 = "utf-16"
  case utf16LittleEndian = "utf-16le"
  case utf16BigEndian = "utf-16be"
  case latin1 = "latin-1"
  case windows1252 = "windows-1252"

  /// The encoding of what has no byte order mark; nil for UTF-8.
  var withoutMark: TextEncoding? {
    switch self {
    case .automatic, .utf8: nil
    case .utf16, .utf16LittleEndian: .utf16LittleEndian
    case .utf16BigEndian: .utf16BigEndian
    case .latin1, .windows1252: .windows1252
    }
  }
}

/// Turns a text that comes in pieces into UTF-8; a byte order mark is left out.
///
/// What cannot be turned becomes U+FFFD, but for UTF-8, which goes through as it is.
struct Transcoder {
  private var encoding: InputEncoding
  /// What turns the rest; nil until it is known whether there is a mark.
  private var decoder: TextDecoder?
  /// The beginning of a mark whose end is still to come.
  private var held: [UInt8] = []

  init(from encoding: InputEncoding) { self.encoding = encoding }

  /// The next piece in UTF-8.
  mutating func utf8(_ bytes: consuming [UInt8], isLast: Bool) -> [UInt8] {
    var bytes = bytes
    if !held.isEmpty {
      bytes = held + bytes
      held = []
    }
    if decoder == nil {
      guard isLast || !Self.couldBecomeMark(bytes) else {
        held = bytes
        return []
      }
      bytes.removeFirst(settleEncoding(bytes))
      decoder = TextDecoder(encoding.withoutMark ?? .utf8)
    }
    var text: [UInt8] = []
    decoder?.appendAnything(bytes, isLast: isLast, to: &text)
    return text
  }

  private static let marks: [(bytes: [UInt8], encoding: InputEncoding)] = [
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
}
