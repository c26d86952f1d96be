/// A JSON text as a tree, for small files: configurations and headers.
public enum JSONValue: Equatable, Sendable {
  /// Members by their names.
  case object([String: JSONValue])
  /// Values in order.
  case array([JSONValue])
  /// A text.
  case string(String)
  /// A whole number of 64 bits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// True or false.
  case boolean(Bool)
  /// `null`.
  case null

  /// Reads the whole of `bytes`.
  ///
  /// - Parameters:
  ///   - subject: the file's name, for error texts.
  ///   - line: the number of the first line, where `bytes` are not the file's beginning.
  /// - Throws: ``MinkeError`` with line and byte where the text is not JSON, nests too deep or repeats a key.
  package init(parsing bytes: UnsafeRawBufferPointer, subject: String, line: Int = 1) throws {
    self = try JSONReader.read(bytes, subject: subject, line: line) { try JSONValue(reading: &$0) }
  }

  /// Reads the next value of `reader`.
  package init(reading reader: inout JSONReader) throws {
    switch try reader.peek() {
    case .object:
      var members: [String: JSONValue] = [:]
      try reader.readObject { members[$1] = try JSONValue(reading: &$0) }
      self = .object(members)
    case .array:
      var elements: [JSONValue] = []
      try reader.readArray { elements.append(try JSONValue(reading: &$0)) }
      self = .array(elements)
    case .string: self = .string(try reader.readString())
    case .boolean: self = .boolean(try reader.readBool())
    case .number:
      let (integer, value) = try reader.readNumber()
      self = integer.map { .integer($0) } ?? .number(value)
    case .null:
      _ = reader.readNull()
      self = .null
    }
  }

  /// The member of an object; nil for another key or anything that is no object.
  public subscript(key: String) -> JSONValue? { object?[key] }

  /// The members of an object; nil for anything else.
  public var object: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
  /// The values of an array; nil for anything else.
  public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  /// The text; nil for anything else.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The whole number; nil for anything else.
  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  /// True or false; nil for anything else.
  public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }

  /// The value of a number, whole or not.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { $1 })
  }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue {
  /// The value as JSON text on one line, keys in order.
  public var text: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, key) in members.keys.sorted().enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        members[key]?.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .string(let string): Self.write(string, to: &bytes)
    case .integer(let value): bytes += String(value).utf8
    case .number(let value): bytes += (value.isFinite ? value.description : "null").utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .null: bytes += "null".utf8
    }
  }

  /// Appends `string` in quotes, with what JSON does not allow in them escaped, and also what could steer a terminal.
  public static func write(_ string: some StringProtocol, to text: inout String) {
    var bytes: [UInt8] = []
    write(string, to: &bytes)
    text += String(decoding: bytes, as: UTF8.self)
  }

  private static func write(_ string: some StringProtocol, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    let isWritten: Void? = string.utf8.withContiguousStorageIfAvailable { write($0, to: &bytes) }
    if isWritten == nil { Array(string.utf8).withUnsafeBufferPointer { write($0, to: &bytes) } }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends text in runs that need no escapes.
  private static func write(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    var (written, place) = (0, 0)
    while place < text.count {
      let byte = text[place]
      if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        place += 1
        continue
      }
      guard let (scalar, width) = escaped(text, at: place) else {
        place += 1
        continue
      }
      bytes += text[written..<place]
      switch scalar {
      case "\"": bytes += "\\\"".utf8
      case "\\": bytes += "\\\\".utf8
      case "\n": bytes += "\\n".utf8
      case "\r": bytes += "\\r".utf8
      case "\t": bytes += "\\t".utf8
      default:
        let digits = String(scalar.value, radix: 16)
        bytes += "\\u".utf8
        bytes += repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count)
        bytes += digits.utf8
      }
      place += width
      written = place
    }
    bytes += text[written...]
  }

  /// The scalar that begins at `place` and its bytes, where it must be escaped.
  private static func escaped(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> (Unicode.Scalar, width: Int)? {
    // Only these bytes begin a scalar that a terminal may obey: all are of one, two or three.
    let first = UInt32(text[place])
    let width: Int
    switch first {
    case 0..<0x80: width = 1
    case 0xc2, 0xd8: width = 2
    case 0xe2, 0xef: width = 3
    default: return nil
    }
    guard place + width <= text.count else { return nil }
    var value = width == 1 ? first : first & (0x7f >> UInt32(width))
    for next in text[(place + 1)..<(place + width)] { value = value << 6 | UInt32(next & 0x3f) }
    guard let scalar = Unicode.Scalar(value),
      scalar == "\"" || scalar == "\\" || scalar.isTerminalControl
    else { return nil }
    return (scalar, width)
  }
}

extension Unicode.Scalar {
  /// Whether a terminal may obey the character instead of showing it, or show what follows in another order: controls
  /// (C0, DEL, C1), marks of direction and line separators. Joiners, which scripts and emoji need, are none.
  package var isTerminalControl: Bool {
    switch value {
    case 0..<0x20, 0x7f..<0xa0, 0x61c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfff9...0xfffb:
      true
    default: false
    }
  }
}
