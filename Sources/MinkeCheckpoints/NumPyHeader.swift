import MinkeCore

/// What stands before the elements in a `.npy` file: magic bytes, version, and a Python dictionary of fixed keys.
struct NumPyHeader {
  let elementType: ElementType
  let shape: [Int]
  /// Bytes before the first element.
  let byteCount: Int

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// NumPy itself has no arrays of more axes.
  private static let axisLimit = 64

  /// NumPy's name of each element type.
  private static let descriptions: [(String, ElementType)] = [
    ("|b1", .bool), ("|u1", .uint8), ("|i1", .int8), ("<i2", .int16), ("<f2", .float16), ("<i4", .int32),
    ("<f4", .float32), ("<f8", .float64), ("<i8", .int64),
  ]

  /// Bytes from which the length of a header is known.
  static let prefixCount = 12

  /// How many bytes stand before the first element, by the first ``prefixCount`` bytes of a file, or fewer if it is
  /// shorter.
  static func byteCount(ofHeader prefix: [UInt8], path: String) throws(MinkeError) -> Int {
    guard prefix.count >= 10, prefix.starts(with: magic) else {
      throw MinkeError(.malformedFile, path, expected: "a .npy file", found: "other bytes at its beginning")
    }
    let length = prefix[8...].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    switch prefix[6] {
    case 1: return 10 + length & 0xffff
    case 2, 3:
      guard prefix.count == prefixCount else {
        throw MinkeError(.malformedFile, path, expected: "a .npy header", found: "the end of the file")
      }
      guard length <= lengthLimit else {
        throw MinkeError(
          .malformedFile, path, expected: "a header of at most \(lengthLimit) bytes", found: "one of \(length) bytes")
      }
      return prefixCount + length
    default:
      throw MinkeError(.unsupportedFile, path, expected: ".npy version 1, 2 or 3", found: "version \(prefix[6])")
    }
  }

  /// No header of numbers is nearly as long.
  private static let lengthLimit = 1 << 20

  /// - Parameter file: at least the bytes before the first element.
  init(reading file: some RandomAccessCollection<UInt8>, path: String) throws(MinkeError) {
    let prefix = Array(file.prefix(Self.prefixCount))
    byteCount = try Self.byteCount(ofHeader: prefix, path: path)
    guard byteCount <= file.count else {
      throw MinkeError(
        .malformedFile, path, expected: "a header of \(byteCount) bytes", found: "the end after \(file.count)")
    }
    let start = prefix[6] == 1 ? 10 : Self.prefixCount
    var literal = PythonLiteral(text: Array(file.prefix(byteCount).dropFirst(start)), subject: path)
    (elementType, shape) = try Self.parse(&literal, path: path)
  }

  private static func parse(
    _ literal: inout PythonLiteral, path: String
  ) throws(MinkeError) -> (elementType: ElementType, shape: [Int]) {
    var description: String?
    var isFortran: Bool?
    var shape: [Int]?
    try literal.expect("{")
    while !literal.take("}") {
      let key = try literal.readString()
      try literal.expect(":")
      switch key {
      case "descr" where description == nil:
        if literal.isNext("[") {
          throw MinkeError(.unsupportedFile, path, expected: "an array of numbers", found: "an array of records")
        }
        description = try literal.readString()
      case "fortran_order" where isFortran == nil: isFortran = try literal.readBool()
      case "shape" where shape == nil: shape = try literal.readTuple(limit: axisLimit)
      default:
        throw MinkeError(
          .malformedFile, path, expected: "a header of descr, fortran_order and shape", found: "\"\(key.prefix(32))\"")
      }
      if !literal.take(",") {
        try literal.expect("}")
        break
      }
    }
    try literal.expectEnd()
    guard let description, let isFortran, let shape else {
      throw MinkeError(
        .malformedFile, path, expected: "a header of descr, fortran_order and shape", found: "not all of them")
    }
    guard let elementType = descriptions.first(where: { $0.0 == description })?.1 else {
      throw MinkeError(
        .unsupportedFile, path, expected: "dtype \(descriptions.map(\.0).joined(separator: ", "))",
        found: "\"\(description.prefix(32))\"")
    }
    if isFortran {
      throw MinkeError(.unsupportedFile, path, expected: "an array in C order", found: "Fortran order")
    }
    return (elementType, shape)
  }

  /// The header that `numpy.save` writes before `shape` elements of a type.
  ///
  /// - Parameter growing: whether the first axis may become longer without the header doing so.
  /// - Throws: `MinkeError` of kind `invalidArgument` when NumPy has no such arrays.
  static func bytes(
    _ elementType: ElementType, shape: [Int], growing: Bool = false, subject: String
  ) throws(MinkeError) -> [UInt8] {
    guard let description = descriptions.first(where: { $0.1 == elementType })?.0, shape.count <= axisLimit else {
      throw MinkeError(
        .invalidArgument, subject, expected: "elements of a type that NumPy has, on at most \(axisLimit) axes",
        found: "\(elementType.rawValue) on \(shape.count) axes")
    }
    let axes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(description)', 'fortran_order': False, 'shape': (\(axes)), }".utf8)
    // The elements begin at a multiple of 64 bytes, so that a mapped file is aligned for vector instructions.
    let room = growing ? String(Int.max).count - (shape.first.map { String($0).count } ?? 0) : 0
    text += repeatElement(UInt8(ascii: " "), count: room + 63 - (10 + text.count + room) % 64)
    text.append(UInt8(ascii: "\n"))
    return magic + [1, 0] + littleEndian(UInt16(truncatingIfNeeded: text.count)) + text
  }
}

/// Reads the few Python literals that a `.npy` header is made of.
private struct PythonLiteral {
  let text: [UInt8]
  let subject: String
  private var position = 0

  init(text: [UInt8], subject: String) {
    self.text = text
    self.subject = subject
  }

  mutating func isNext(_ symbol: Unicode.Scalar) -> Bool {
    while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    return position < text.count && text[position] == UInt8(ascii: symbol)
  }

  mutating func take(_ symbol: Unicode.Scalar) -> Bool {
    guard isNext(symbol) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ symbol: Unicode.Scalar) throws(MinkeError) {
    if !take(symbol) { throw unexpected("\"\(symbol)\"") }
  }

  mutating func expectEnd() throws(MinkeError) {
    _ = isNext(" ")
    if position < text.count { throw unexpected("the end of the header") }
  }

  mutating func readString() throws(MinkeError) -> String {
    let quote: Unicode.Scalar = isNext("\"") ? "\"" : "'"
    try expect(quote)
    let start = position
    while position < text.count, text[position] != UInt8(ascii: quote) { position += 1 }
    let content = String(decoding: text[start..<position], as: UTF8.self)
    try expect(quote)
    return content
  }

  mutating func readBool() throws(MinkeError) -> Bool {
    for (word, value) in [("True", true), ("False", false)] {
      _ = isNext("T")
      if text[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return value
      }
    }
    throw unexpected("True or False")
  }

  mutating func readTuple(limit: Int) throws(MinkeError) -> [Int] {
    try expect("(")
    var numbers: [Int] = []
    while !take(")") {
      if numbers.count == limit { throw unexpected("at most \(limit) axes") }
      numbers.append(try readNaturalNumber())
      if !take(",") {
        try expect(")")
        break
      }
    }
    return numbers
  }

  private mutating func readNaturalNumber() throws(MinkeError) -> Int {
    _ = isNext("0")
    let start = position
    while position < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) { position += 1 }
    guard let number = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
      position = start
      throw unexpected("a number of at most 63 bits")
    }
    return number
  }

  private func unexpected(_ expected: String) -> MinkeError {
    let rest = String(decoding: text[position...].prefix(16), as: UTF8.self)
    let found = rest.isEmpty ? "its end" : "\"\(rest)\""
    return MinkeError(.malformedFile, "\(subject), header, byte \(position)", expected: expected, found: found)
  }
}
