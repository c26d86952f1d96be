/// Where a web page comes from: its scheme, host and port, as the header `Origin` says it.
struct Origin: Hashable, Sendable {
  let scheme: String
  let host: String
  let port: Int

  /// Reads `https://example.org:8443`; nil for anything else.
  init?(_ text: some StringProtocol) {
    guard let mark = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<mark.lowerBound].lowercased()
    guard ["http", "https"].contains(scheme), let authority = Authority(text[mark.upperBound...]) else { return nil }
    self.scheme = scheme
    host = authority.host
    port = authority.port ?? (scheme == "https" ? 443 : 80)
  }
}

/// A host and perhaps a port, as the header `Host` says it.
struct Authority: Hashable, Sendable {
  /// In small letters; an IPv6 address without its brackets.
  let host: String
  let port: Int?

  /// Reads `example.org:8080` or `[::1]:8080`; nil for anything else.
  init?(_ text: some StringProtocol) {
    var rest = text[...]
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      host = rest[rest.index(after: rest.startIndex)..<end].lowercased()
      guard Self.isIPv6(host) else { return nil }
      rest = rest[rest.index(after: end)...]
    } else {
      let end = rest.firstIndex(of: ":") ?? rest.endIndex
      host = rest[..<end].lowercased()
      guard !host.isEmpty, host.utf8.allSatisfy(Self.isNamePart) else { return nil }
      rest = rest[end...]
    }
    if rest.isEmpty {
      port = nil
    } else {
      let digits = rest.dropFirst()
      guard rest.first == ":", !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(digits), number <= 65_535
      else { return nil }
      port = number
    }
  }

  /// Whether the host is an address and no name: what a name stands for can be changed by whoever owns it.
  var isAddress: Bool {
    if host.utf8.contains(UInt8(ascii: ":")) { return true }
    var (number, digits, dots) = (0, 0, 0)
    for byte in host.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        number = 10 * number + Int(byte - UInt8(ascii: "0"))
        digits += 1
        guard digits <= 3, number <= 255 else { return false }
      case UInt8(ascii: "."):
        guard digits > 0 else { return false }
        (number, digits, dots) = (0, 0, dots + 1)
      default: return false
      }
    }
    return dots == 3 && digits > 0
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func isIPv6(_ text: String) -> Bool {
    text.contains(":")
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: ":"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}
