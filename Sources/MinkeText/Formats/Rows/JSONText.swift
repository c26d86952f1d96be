import MinkeCore

extension StructuredTextBuilder {
  /// Appends the text of a JSON string that was read without an error; `range` is what stands between its quotes.
  mutating func append(jsonString range: Range<Int>, of source: UnsafeBufferPointer<UInt8>) {
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      guard source[position] == UInt8(ascii: "\\") else {
        position += 1
        continue
      }
      if start < position { append(start..<position, of: source) }
      let length = source.at(position + 1) != UInt8(ascii: "u") ? 2 : isSurrogate(source, position) ? 12 : 6
      let end = min(position + length, range.upperBound)
      append(unescaped(source, position..<end), from: position..<end)
      position = end
      start = end
    }
    if start < range.upperBound { append(start..<range.upperBound, of: source) }
  }

  private func isSurrogate(_ source: UnsafeBufferPointer<UInt8>, _ position: Int) -> Bool {
    source.at(position + 2) | 0x20 == UInt8(ascii: "d") && hexadecimal(source, position + 2) & 0xfc00 == 0xd800
  }

  private func hexadecimal(_ source: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 << 4 | UInt32(Character(Unicode.Scalar(source.at(start + $1))).hexDigitValue ?? 0) }
  }

  private func unescaped(_ source: UnsafeBufferPointer<UInt8>, _ escape: Range<Int>) -> [UInt8] {
    let start = escape.lowerBound
    switch source.at(start + 1) {
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = hexadecimal(source, start + 2)
      if escape.count == 12 { code = 0x10000 + (code & 0x3ff) << 10 + hexadecimal(source, start + 8) & 0x3ff }
      return Array(String(Character(Unicode.Scalar(code) ?? "\u{fffd}")).utf8)
    case let byte: return [byte]
    }
  }
}

/// Reads JSON Lines: each line's strings become a part of its own.
struct JSONRows {
  private let source: UnsafeBufferPointer<UInt8>
  private(set) var text = StructuredTextBuilder()
  /// The lines that are no JSON.
  private(set) var omitted: OmittedLines?

  /// A string of a line, without its quotes.
  private struct Member {
    let name: [UInt8]
    let range: Range<Int>

    /// Titles and texts go first, and without their names.
    var rank: Int { name == Array("title".utf8) ? 0 : name == Array("text".utf8) ? 1 : 2 }
  }

  init(_ source: UnsafeBufferPointer<UInt8>) { self.source = source }

  mutating func read() {
    var start = source.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    var line = 0
    while start < source.count {
      line += 1
      var end = start
      while end < source.count, source[end] != UInt8(ascii: "\n") { end += 1 }
      let content = source.trimmed(start..<end)
      if !content.isEmpty {
        do {
          write(try members(of: content))
        } catch {
          let count = (omitted?.count ?? 0) + 1
          omitted = OmittedLines(
            count: count, firstLine: omitted?.firstLine ?? line, reason: omitted?.reason ?? Self.words(of: error))
        }
      }
      start = end + 1
    }
  }

  private static func words(of error: any Error) -> String {
    guard let error = error as? MinkeError else { return "\(error)" }
    return "expected \(error.expected), found \(error.found)"
  }

  private func members(of line: Range<Int>) throws -> [Member] {
    var members: [Member] = []
    let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: source[line]))
    try JSONReader.read(bytes, subject: "line") { reader in
      try Self.collect(&reader, name: [], base: line.lowerBound, into: &members)
    }
    return members.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element)
  }

  /// Finds the strings of the next value, those within it included.
  private static func collect(
    _ reader: inout JSONReader, name: [UInt8], base: Int, into members: inout [Member]
  ) throws {
    switch try reader.peek() {
    case .object:
      try reader.readObjectBytes { reader, key in
        try collect(&reader, name: Array(key), base: base, into: &members)
      }
    case .array: try reader.readArray { try collect(&$0, name: name, base: base, into: &members) }
    case .string:
      let start = base + reader.offset + 1
      try reader.skipValue()
      members.append(Member(name: name, range: start..<base + reader.offset - 1))
    default: try reader.skipValue()
    }
  }

  private mutating func write(_ members: [Member]) {
    for member in members where !member.range.isEmpty {
      let place = member.range.lowerBound..<member.range.lowerBound
      // A text is a paragraph of its own, other members a line each.
      if !text.isEmpty { text.append(member.rank == 1 ? [0x0a, 0x0a] : [0x0a], from: place) }
      if member.rank == 2, !member.name.isEmpty {
        text.append(member.name.map { $0 == 0x0a ? 0x20 : $0 } + ": ".utf8, from: place)
      }
      text.append(jsonString: member.range, of: source)
    }
    text.endPart(startsPassage: true)
  }
}

/// Reads the cells of a Jupyter notebook.
struct NotebookReader {
  private let source: UnsafeBufferPointer<UInt8>
  private(set) var text = StructuredTextBuilder()

  init(_ source: UnsafeBufferPointer<UInt8>) { self.source = source }

  /// - Throws: `MinkeError` when the file is no notebook.
  mutating func read() throws {
    let start = source.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: source[start...]))
    var hasCells = false
    try JSONReader.read(bytes, subject: "notebook") { reader in
      try reader.readObjectBytes { reader, key in
        // The worksheets of notebooks before version 4 hold the cells.
        if key.elementsEqual("worksheets".utf8) {
          try reader.readArray { reader in
            try reader.readObjectBytes { reader, key in
              hasCells = try readCells(&reader, of: key, base: start) || hasCells
            }
          }
        } else {
          hasCells = try readCells(&reader, of: key, base: start) || hasCells
        }
      }
    }
    if !hasCells { throw MinkeError(.malformedFile, "notebook", expected: "\"cells\"", found: "no such member") }
  }

  private mutating func readCells(
    _ reader: inout JSONReader, of key: UnsafeBufferPointer<UInt8>, base: Int
  ) throws -> Bool {
    guard key.elementsEqual("cells".utf8) else {
      try reader.skipValue()
      return false
    }
    try reader.readArray { try readCell(&$0, base: base) }
    return true
  }

  private mutating func readCell(_ reader: inout JSONReader, base: Int) throws {
    var kind = ""
    var lines: [Range<Int>] = []
    try reader.readObjectBytes { reader, key in
      if key.elementsEqual("cell_type".utf8), try reader.peek() == .string {
        kind = try reader.readString()
      } else if key.elementsEqual("source".utf8) || key.elementsEqual("input".utf8) {
        if try reader.peek() == .array {
          try reader.readArray { lines.append(try Self.string(&$0, base: base)) }
        } else {
          lines = [try Self.string(&reader, base: base)]
        }
      } else {
        try reader.skipValue()
      }
    }
    for line in lines { text.append(jsonString: line, of: source) }
    text.endPart(kind == "markdown" ? .markdown : .plain, isCode: kind == "code")
  }

  /// Where the next string stands, without its quotes.
  private static func string(_ reader: inout JSONReader, base: Int) throws -> Range<Int> {
    guard try reader.peek() == .string else { throw reader.error("a string", found: try reader.peek().rawValue) }
    let start = base + reader.offset + 1
    try reader.skipValue()
    return start..<base + reader.offset - 1
  }
}
