/// Reads JSON text (RFC 8259) from front to back without building a tree.
///
/// The caller says what it expects next; anything else is an error that names the file, the line and what was found.
/// Nesting deeper than ``maximumDepth`` and keys that stand twice in one object are errors too: the files read with
/// this come from anywhere.
package struct JSONReader {
  /// How deep objects and arrays may nest.
  package static let maximumDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private let subject: String
  private let firstLine: Int
  private var position = 0
  private var depth = 0

  /// What the next value is, seen from its first byte.
  package enum Kind: String {
    case object = "an object"
    case array = "an array"
    case string = "a string"
    case number = "a number"
    case boolean = "true or false"
    case null = "null"
  }

  /// Calls `body` with a reader at the start of `bytes`; what follows the value that `body` reads must be white space.
  ///
  /// - Parameters:
  ///   - subject: the file's name, for error texts.
  ///   - line: the number of the first line, where `bytes` are not the file's beginning.
  package static func read<Result>(
    _ bytes: UnsafeRawBufferPointer, subject: String, line: Int = 1, _ body: (inout JSONReader) throws -> Result
  ) throws -> Result {
    var reader = JSONReader(bytes: bytes, subject: subject, firstLine: line)
    let result = try body(&reader)
    reader.skipWhitespace()
    if reader.position < bytes.count { throw reader.unexpected("the end of the JSON text") }
    return result
  }

  private init(bytes: UnsafeRawBufferPointer, subject: String, firstLine: Int) {
    self.bytes = bytes
    self.subject = subject
    self.firstLine = firstLine
  }

  /// The byte reached so far; after ``peek()`` the first of the next value.
  package var offset: Int { position }

  // MARK: Values

  /// What the next value is; nothing is consumed.
  package mutating func peek() throws -> Kind {
    skipWhitespace()
    guard position < bytes.count else { throw unexpected("a JSON value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t") where isNext("true"), UInt8(ascii: "f") where isNext("false"): return .boolean
    case UInt8(ascii: "n") where isNext("null"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw unexpected("a JSON value")
    }
  }

  /// Calls `member` for each key of an object; `member` must read (or skip) exactly the key's value.
  ///
  /// - Parameter checkingDuplicates: whether a key that stands twice is an error. Turn it off only where the caller
  ///   checks this itself, as for a vocabulary of many thousand keys.
  package mutating func readObject(
    checkingDuplicates: Bool = true, _ member: (inout JSONReader, String) throws -> Void
  ) throws {
    var seen = Set<String>()
    try readObjectBytes { reader, key in
      let key = String(decoding: key, as: UTF8.self)
      if checkingDuplicates, !seen.insert(key).inserted {
        throw reader.error("each key once", found: "\"\(key)\" twice")
      }
      try member(&reader, key)
    }
  }

  /// Like ``readObject(checkingDuplicates:_:)`` with the key as UTF-8 bytes, valid during the call; duplicates pass.
  package mutating func readObjectBytes(
    _ member: (inout JSONReader, UnsafeBufferPointer<UInt8>) throws -> Void
  ) throws {
    try open("{", "an object")
    if close("}") { return }
    var key: [UInt8] = []
    repeat {
      key.removeAll(keepingCapacity: true)
      try readString(into: &key)
      try expect(":", "\":\" after the key")
      try key.withUnsafeBufferPointer { try member(&self, $0) }
    } while try nextElement(closing: "}")
  }

  /// Calls `element` once for each element of an array; it must read (or skip) exactly that value.
  package mutating func readArray(_ element: (inout JSONReader) throws -> Void) throws {
    try open("[", "an array")
    if close("]") { return }
    repeat { try element(&self) } while try nextElement(closing: "]")
  }

  /// Reads a string.
  package mutating func readString() throws -> String {
    var text: [UInt8] = []
    try readString(into: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the string's UTF-8 bytes to `text`.
  package mutating func readString(into text: inout [UInt8]) throws {
    try expect("\"", "a string")
    while true {
      let start = position
      var ascii = true
      while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\""),
        bytes[position] != UInt8(ascii: "\\")
      {
        ascii = ascii && bytes[position] < 0x80
        position += 1
      }
      let run = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
      if !ascii, !Self.isUTF8(run) { throw error("UTF-8 text", found: "bytes that are not") }
      text.append(contentsOf: run)
      guard position < bytes.count else { throw unexpected("the string's closing quote") }
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"):
        position += 1
        try readEscape(into: &text)
      default:
        throw error("no control character in a string", found: "byte \(bytes[position])")
      }
    }
  }

  /// Reads `true` or `false`.
  package mutating func readBool() throws -> Bool {
    if take("true") { return true }
    if take("false") { return false }
    throw unexpected("true or false")
  }

  /// Consumes `null` if it comes next.
  package mutating func readNull() -> Bool {
    skipWhitespace()
    return take("null")
  }

  /// Reads a whole number of at most 64 bits.
  package mutating func readInt() throws -> Int {
    if let value = takeShortInt() { return value }
    let text = try numberText()
    guard let value = Int(text) else { throw error("a whole number of at most 64 bits", found: text) }
    return value
  }

  /// Reads a number; `integer` is nil where it is not whole or goes beyond 64 bits.
  package mutating func readNumber() throws -> (integer: Int?, double: Double) {
    if let value = takeShortInt() { return (value, Double(value)) }
    let text = try numberText()
    guard let value = Double(text), value.isFinite else { throw error("a number of double range", found: text) }
    return (Int(text) ?? Int(exactly: value), value)
  }

  /// Reads the next value, whatever it is.
  ///
  /// - Returns: its JSON text just as it stands.
  package mutating func readText() throws -> String {
    skipWhitespace()
    let start = position
    try skipValue()
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// Reads a number.
  package mutating func readDouble() throws -> Double {
    let text = try numberText()
    guard let value = Double(text), value.isFinite else { throw error("a number of double range", found: text) }
    return value
  }

  /// Reads the next value, whatever it is, and forgets it.
  package mutating func skipValue() throws {
    switch try peek() {
    case .object: try readObjectBytes { reader, _ in try reader.skipValue() }
    case .array: try readArray { try $0.skipValue() }
    case .string:
      var ignored: [UInt8] = []
      try readString(into: &ignored)
    case .number: _ = try numberText()
    case .boolean: _ = try readBool()
    case .null: if !readNull() { throw unexpected("null") }
    }
  }

  /// An error at the place reached so far.
  package func error(_ expected: String, found: String) -> MinkeError {
    let line = firstLine + bytes[..<min(position, bytes.count)].count { $0 == UInt8(ascii: "\n") }
    return MinkeError(
      .malformedFile, "\(subject), line \(line), byte \(position)", expected: expected, found: found)
  }

  // MARK: Pieces

  private func unexpected(_ expected: String) -> MinkeError {
    guard position < bytes.count else { return error(expected, found: "the end of the text") }
    let rest = bytes[position..<min(position + 16, bytes.count)]
    return error(expected, found: "\"\(String(decoding: rest, as: UTF8.self))\"")
  }

  private mutating func skipWhitespace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func take(_ literal: StaticString) -> Bool {
    skipWhitespace()
    guard isNext(literal) else { return false }
    position += literal.utf8CodeUnitCount
    return true
  }

  private func isNext(_ literal: StaticString) -> Bool {
    let length = literal.utf8CodeUnitCount
    guard position + length <= bytes.count else { return false }
    for index in 0..<length where bytes[position + index] != literal.utf8Start[index] { return false }
    return true
  }

  private mutating func expect(_ literal: StaticString, _ expected: String) throws {
    if !take(literal) { throw unexpected(expected) }
  }

  private mutating func open(_ bracket: StaticString, _ expected: String) throws {
    try expect(bracket, expected)
    depth += 1
    if depth > Self.maximumDepth {
      throw error("at most \(Self.maximumDepth) levels of nesting", found: "more")
    }
  }

  private mutating func close(_ bracket: StaticString) -> Bool {
    guard take(bracket) else { return false }
    depth -= 1
    return true
  }

  private mutating func nextElement(closing bracket: StaticString) throws -> Bool {
    if take(",") { return true }
    if close(bracket) { return false }
    throw unexpected("\",\" or \"\(bracket)\"")
  }

  /// Consumes a whole number of at most 18 digits and no sign, by far the most frequent; nil for anything else.
  private mutating func takeShortInt() -> Int? {
    skipWhitespace()
    var value = 0
    var index = position
    while index < bytes.count, index - position < 18, case let digit = bytes[index] &- UInt8(ascii: "0"), digit < 10 {
      value = value * 10 + Int(digit)
      index += 1
    }
    let length = index - position
    guard length == 1 || (length > 1 && bytes[position] != UInt8(ascii: "0")), index < bytes.count else { return nil }
    switch bytes[index] {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
    default:
      position = index
      return value
    }
  }

  private mutating func numberText() throws -> String {
    skipWhitespace()
    let start = position
    func digits(_ position: inout Int) -> Int {
      let first = position
      while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
      return position - first
    }
    func isNext(_ choices: UInt8...) -> Bool { position < bytes.count && choices.contains(bytes[position]) }
    if isNext(UInt8(ascii: "-")) { position += 1 }
    let leadingZero = isNext(UInt8(ascii: "0"))
    let whole = digits(&position)
    var valid = whole == 1 || (whole > 1 && !leadingZero)
    if valid, isNext(UInt8(ascii: ".")) {
      position += 1
      valid = digits(&position) > 0
    }
    if valid, isNext(UInt8(ascii: "e"), UInt8(ascii: "E")) {
      position += 1
      if isNext(UInt8(ascii: "+"), UInt8(ascii: "-")) { position += 1 }
      valid = digits(&position) > 0
    }
    if !valid {
      position = start
      throw unexpected("a number")
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func readEscape(into text: inout [UInt8]) throws {
    guard position < bytes.count else { throw unexpected("an escape") }
    let letter = bytes[position]
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try readHex()
      if (0xd800...0xdbff).contains(code) {
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
          bytes[position + 1] == UInt8(ascii: "u")
        else { throw unexpected("the second half of a surrogate pair") }
        position += 2
        let low = try readHex()
        guard (0xdc00...0xdfff).contains(low) else {
          throw error("the second half of a surrogate pair", found: "\\u" + String(low, radix: 16))
        }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw error("a Unicode scalar", found: "\\u" + String(code, radix: 16))
      }
      text.append(contentsOf: UTF8.encode(scalar)!)
    default:
      position -= 1
      throw unexpected("an escape of JSON")
    }
  }

  private mutating func readHex() throws -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
        throw unexpected("four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
  }
}
