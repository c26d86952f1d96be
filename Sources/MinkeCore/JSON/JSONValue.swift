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
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch self {
    case .object(let members):
      text += "{"
      for (index, key) in members.keys.sorted().enumerated() {
        if index > 0 { text += "," }
        Self.write(key, to: &text)
        text += ":"
        members[key]?.write(to: &text)
      }
      text += "}"
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        element.write(to: &text)
      }
      text += "]"
    case .string(let string): Self.write(string, to: &text)
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? value.description : "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .null: text += "null"
    }
  }

  /// Appends `string` in quotes, with what JSON does not allow in them escaped, and also what could steer a terminal.
  public static func write(_ string: some StringProtocol, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.isTerminalControl:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
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
