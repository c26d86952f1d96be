/// The path of a file or folder: the bytes that the operating system knows it by, which need not be UTF-8.
public struct FilePath: Sendable, Hashable, CustomStringConvertible {
  /// The path as the operating system takes it.
  public let bytes: [UInt8]

  /// A path written as text.
  public init(_ path: String) { bytes = Array(path.utf8) }

  /// A path of any bytes.
  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// The path as text; each byte that is not UTF-8 is written as `\xE9`.
  public var description: String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    bytes.withUnsafeBufferPointer { bytes in
      var position = 0
      while position < bytes.count {
        let start = position
        if bytes.decodeValidScalar(at: &position) == nil {
          let digits = String(bytes[start], radix: 16, uppercase: true)
          text += "\\x" + (digits.count < 2 ? "0" : "") + digits
          position = start + 1
        } else {
          text += String(decoding: bytes[start..<position], as: UTF8.self)
        }
      }
    }
    return text
  }

  /// Whether the path is UTF-8, so that ``description`` names it truly.
  public var isUTF8: Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// The part behind the last slash.
  package var name: ArraySlice<UInt8> {
    bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
  }

  /// The path of an entry of this folder; the empty path is the current folder.
  func entry(_ name: some Sequence<UInt8>) -> FilePath {
    if bytes.isEmpty || bytes.last == UInt8(ascii: "/") { return FilePath(bytes: bytes + name) }
    return FilePath(bytes: bytes + [UInt8(ascii: "/")] + name)
  }

  /// Calls `body` with the path as C has it; the empty path is the current folder.
  package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    var characters = (bytes.isEmpty ? [UInt8(ascii: ".")] : bytes).map { CChar(bitPattern: $0) }
    characters.append(0)
    return characters.withUnsafeBufferPointer { buffer in
      // SAFETY: the array holds at least the NUL, so it has a first element.
      body(buffer.baseAddress.unsafelyUnwrapped)
    }
  }
}

extension FilePath: ExpressibleByStringLiteral {
  /// A path written as text.
  public init(stringLiteral path: String) { self.init(path) }
}

extension UnsafeBufferPointer<UInt8> {
  /// The scalar at `position`, which moves behind it; nil where the bytes are not UTF-8.
  @inline(__always)
  func decodeValidScalar(at position: inout Int) -> UInt32? {
    let start = position
    let scalar = decodeScalar(at: &position)
    // U+FFFD stands for wrong bytes, unless the bytes are its own.
    if scalar == 0xfffd, position != start + 3 || self[start] != 0xef || self[start + 1] != 0xbf { return nil }
    return scalar
  }
}
