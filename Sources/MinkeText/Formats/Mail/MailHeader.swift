/// What the values of header fields say (RFC 2047 and RFC 2231).
enum MailHeader {
  /// The value without the line breaks and the white space around them.
  static func unfolded(_ source: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> [UInt8] {
    let lines = source.lines(in: range).map { source[$0] }
    return Array(lines.joined(separator: [UInt8(ascii: " ")]))
  }

  /// The value as text.
  static func text(of source: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> String {
    text(of: unfolded(source, in: range))
  }

  /// The value as text, encoded words decoded.
  static func text(of value: [UInt8]) -> String {
    var text = ""
    // Encoded words of one charset belong together: a character may be divided between two of them.
    var open: (charset: String, bytes: [UInt8])?
    var plain: [UInt8] = []
    func isBlank(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy(\.isSpace) }
    func closePlain() {
      text += string(plain, charset: "")
      plain = []
    }
    func closeWord() {
      if let open { text += string(open.bytes, charset: open.charset) }
      open = nil
    }
    var position = 0
    while position < value.count {
      guard let word = EncodedWord(value, at: position) else {
        plain.append(value[position])
        position += 1
        continue
      }
      if let last = open, isBlank(plain) {
        plain = []
        if last.charset == word.charset { open = (last.charset, last.bytes + word.bytes) } else { closeWord() }
      } else {
        closeWord()
        closePlain()
      }
      if open == nil { open = (word.charset, word.bytes) }
      position = word.end
    }
    closeWord()
    closePlain()
    return text
  }

  /// Bytes in a charset as text; one that is not known is taken for UTF-8, and what is not for Windows-1252.
  static func string(_ bytes: [UInt8], charset: String) -> String {
    var text: [UInt8] = []
    var encoding = TextEncoding(name: charset) ?? .utf8
    if encoding == .utf8 {
      if let valid = String(validating: bytes, as: UTF8.self) { return valid }
      encoding = .windows1252
    }
    var decoder = TextDecoder(encoding)
    decoder.appendAnything(bytes, isLast: true, to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}

/// A word such as `=?utf-8?Q?caf=C3=A9?=`.
private struct EncodedWord {
  let charset: String
  let bytes: [UInt8]
  let end: Int

  /// Bytes of a word, at most; more than the 75 that are allowed.
  private static let longest = 1000

  init?(_ value: [UInt8], at start: Int) {
    guard start + 8 <= value.count, value[start] == UInt8(ascii: "="), value[start + 1] == UInt8(ascii: "?") else {
      return nil
    }
    let rest = value[start + 2..<min(value.count, start + Self.longest)]
    let parts = rest.split(separator: UInt8(ascii: "?"), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[1].count == 1, parts[3].first == UInt8(ascii: "=") else { return nil }
    let name = String(decoding: parts[0], as: UTF8.self).lowercased()
    // A language may follow the charset behind a star.
    charset = name.split(separator: "*").first.map(String.init) ?? ""
    end = parts[3].startIndex + 1
    switch parts[1].first.map(\.lowercasedASCII) {
    case UInt8(ascii: "b"): bytes = Base64Decoder.decoded(parts[2])
    case UInt8(ascii: "q"):
      var bytes: [UInt8] = []
      var position = parts[2].startIndex
      while position < parts[2].endIndex {
        let byte = parts[2][position]
        if byte == UInt8(ascii: "="), position + 2 < parts[2].endIndex,
          let value = hexadecimal(parts[2][position + 1], parts[2][position + 2])
        {
          bytes.append(value)
          position += 3
        } else {
          bytes.append(byte == UInt8(ascii: "_") ? UInt8(ascii: " ") : byte)
          position += 1
        }
      }
      self.bytes = bytes
    default: return nil
    }
  }
}

/// The value of a field such as `text/plain; charset="utf-8"`.
struct MailValue {
  /// What stands before the first semicolon, in small letters.
  let first: String
  private var parameters: [(name: String, value: String)] = []

  init(_ value: [UInt8]) {
    var parts: [[UInt8]] = [[]]
    var isQuoted = false
    var position = 0
    while position < value.count {
      let byte = value[position]
      if isQuoted, byte == UInt8(ascii: "\\"), position + 1 < value.count {
        position += 1
        parts[parts.count - 1].append(value[position])
      } else if byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if byte == UInt8(ascii: ";"), !isQuoted {
        parts.append([])
      } else {
        parts[parts.count - 1].append(byte)
      }
      position += 1
    }
    func string(_ bytes: some Sequence<UInt8>) -> String {
      MailHeader.string(Array(bytes), charset: "").trimmingSpaces
    }
    first = string(parts[0]).lowercased()
    for part in parts.dropFirst() {
      guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { continue }
      parameters.append((string(part[..<equals]).lowercased(), string(part[(equals + 1)...])))
    }
  }

  /// The value of a parameter, whose name is given in small letters; its pieces joined, percent signs decoded.
  subscript(name: String) -> String? {
    if let plain = parameters.first(where: { $0.name == name }) { return plain.value }
    let pieces = parameters.filter { $0.name.hasPrefix(name + "*") }
    guard let first = pieces.first else { return nil }
    var bytes: [UInt8] = []
    var charset = ""
    for piece in pieces {
      var value = Array(piece.value.utf8)[...]
      if piece.name.hasSuffix("*") {
        if piece.name == first.name {
          let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
          if parts.count == 3 {
            charset = String(decoding: parts[0], as: UTF8.self)
            value = parts[2]
          }
        }
        while let byte = value.popFirst() {
          if byte == UInt8(ascii: "%"), value.count >= 2,
            let code = hexadecimal(value[value.startIndex], value[value.startIndex + 1])
          {
            bytes.append(code)
            value = value.dropFirst(2)
          } else {
            bytes.append(byte)
          }
        }
      } else {
        bytes += value
      }
    }
    return MailHeader.string(bytes, charset: charset)
  }
}

/// The byte that two hexadecimal digits stand for.
func hexadecimal(_ high: UInt8, _ low: UInt8) -> UInt8? {
  guard let high = Character(Unicode.Scalar(high)).hexDigitValue, let low = Character(Unicode.Scalar(low)).hexDigitValue
  else { return nil }
  return UInt8(high << 4 | low)
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
