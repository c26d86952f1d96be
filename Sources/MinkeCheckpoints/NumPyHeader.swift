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

  init(reading file: UnsafeRawBufferPointer, path: String) throws(MinkeError) {
    func malformed(_ expected: String, found: String) -> MinkeError {
      MinkeError(.malformedFile, path, expected: expected, found: found)
    }
    guard file.count >= 10, file.prefix(6).elementsEqual(Self.magic) else {
      throw malformed("a .npy file", found: "other bytes at its beginning")
    }
    let start: Int
    let length: Int
    switch file[6] {
    case 1: (start, length) = (10, Int(UInt16(littleEndian: file.loadUnaligned(fromByteOffset: 8, as: UInt16.self))))
    case 2, 3:
      guard file.count >= 12 else { throw malformed("a .npy header", found: "the end of the file") }
      (start, length) = (12, Int(UInt32(littleEndian: file.loadUnaligned(fromByteOffset: 8, as: UInt32.self))))
    default:
      throw MinkeError(.unsupportedFile, path, expected: ".npy version 1, 2 or 3", found: "version \(file[6])")
    }
    guard length <= file.count - start else {
      throw malformed("a header of at most \(file.count - start) bytes", found: "one of \(length) bytes")
    }
    byteCount = start + length
    var literal = PythonLiteral(text: UnsafeRawBufferPointer(rebasing: file[start..<byteCount]), subject: path)
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

  /// The header that `numpy.save` writes before the elements of `values`.
  static func bytes(for values: Tensor) throws(MinkeError) -> [UInt8] {
    guard let description = descriptions.first(where: { $0.1 == values.elementType })?.0,
      values.shape.count <= axisLimit
    else {
      throw MinkeError(
        .invalidArgument, values.subject, expected: "elements of a type that NumPy has, on at most \(axisLimit) axes",
        found: "\(values.elementType.rawValue) on \(values.shape.count) axes")
    }
    let axes = values.shape.map(String.init).joined(separator: ", ") + (values.shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(description)', 'fortran_order': False, 'shape': (\(axes)), }".utf8)
    // The elements begin at a multiple of 64 bytes, so that a mapped file is aligned for vector instructions.
    text += repeatElement(UInt8(ascii: " "), count: 63 - (10 + text.count) % 64)
    text.append(UInt8(ascii: "\n"))
    return magic + [1, 0] + littleEndian(UInt16(truncatingIfNeeded: text.count)) + text
  }
}

/// Reads the few Python literals that a `.npy` header is made of.
private struct PythonLiteral {
  let text: UnsafeRawBufferPointer
  let subject: String
  private var position = 0

  init(text: UnsafeRawBufferPointer, subject: String) {
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
