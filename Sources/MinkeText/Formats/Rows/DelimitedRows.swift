/// Reads the rows of a table whose fields are divided by commas, tabs or other signs (RFC 4180).
///
/// Each row becomes a part of its own, a line for each field that is not empty, with the field's name where the first
/// row holds names.
struct DelimitedRows {
  private let source: UnsafeBufferPointer<UInt8>
  private let separator: UInt8
  private var position: Int
  private(set) var text = StructuredTextBuilder()
  private var names: [[UInt8]] = []
  /// Whether quotes mean anything; not any more once one was not closed.
  private var matchesQuotes = true
  private let limit: Int

  /// A field of a row: its bytes without the quotes around them, and whether there are doubled quotes in it.
  private struct Field {
    let range: Range<Int>
    let hasQuotes: Bool
  }

  /// Bytes of a field's name, at most: it stands in every row.
  private static let longestName = 80
  /// A row of so many bytes or fewer is not looked into for the places of its fields.
  private static let shortRow = 512

  /// - Parameter limit: bytes of text, at most.
  init(_ source: UnsafeBufferPointer<UInt8>, separator: UInt8? = nil, limit: Int) {
    self.source = source
    self.limit = limit
    position = source.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    self.separator = separator ?? Self.separator(of: source)
  }

  /// The sign that divides the first row into the most fields.
  private static func separator(of source: UnsafeBufferPointer<UInt8>) -> UInt8 {
    let line = source.prefix(1 << 12).prefix { $0 != UInt8(ascii: "\n") }
    let signs = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t"), UInt8(ascii: "|")]
    var (best, most) = (signs[0], 0)
    for sign in signs {
      var (count, isQuoted) = (0, false)
      for byte in line {
        if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
        if byte == sign, !isQuoted { count += 1 }
      }
      if count > most { (best, most) = (sign, count) }
    }
    return best
  }

  /// - Throws: ``SkipReason/tooLarge(limit:)`` when the text would be.
  mutating func read() throws(SkipReason) {
    var isFirst = true
    while position < source.count {
      let start = position
      let row = nextRow()
      if isFirst, isHeader(row) {
        names = row.map { field in
          var end = field.range.lowerBound + min(field.range.count, Self.longestName)
          while end > field.range.lowerBound, end < field.range.upperBound, source[end] & 0xc0 == 0x80 { end -= 1 }
          return source[source.trimmed(field.range.lowerBound..<end)].map { $0 == UInt8(ascii: "\n") ? 0x20 : $0 }
        }
      } else {
        write(row, from: start)
      }
      isFirst = isFirst && row.allSatisfy(\.range.isEmpty)
      if text.text.count > limit { throw .tooLarge(limit: limit) }
    }
  }

  /// Whether a row holds names: short ones, none of them a number.
  private func isHeader(_ row: [Field]) -> Bool {
    row.contains { !$0.range.isEmpty }
      && row.allSatisfy { field in
        field.range.count <= 200
          && (field.range.isEmpty || Double(String(decoding: source[field.range], as: UTF8.self)) == nil)
      }
  }

  private mutating func nextRow() -> [Field] {
    var row: [Field] = []
    while true {
      row.append(nextField())
      guard position < source.count else { return row }
      let byte = source[position]
      position += 1
      if byte == separator { continue }
      if byte == UInt8(ascii: "\r"), source.at(position) == UInt8(ascii: "\n") { position += 1 }
      return row
    }
  }

  /// The next field; the place moves to the sign behind it.
  private mutating func nextField() -> Field {
    let start = position
    if matchesQuotes, source.at(position) == UInt8(ascii: "\"") {
      var hasQuotes = false
      position += 1
      while position < source.count {
        if source[position] == UInt8(ascii: "\"") {
          if source.at(position + 1) != UInt8(ascii: "\"") {
            let field = Field(range: start + 1..<position, hasQuotes: hasQuotes)
            position += 1
            // What stands between the quote and the next sign is not lost.
            let rest = position
            skipPlain()
            return position == rest ? field : Field(range: start..<position, hasQuotes: false)
          }
          hasQuotes = true
          position += 1
        }
        position += 1
      }
      matchesQuotes = false
      position = start
    }
    skipPlain()
    return Field(range: start..<position, hasQuotes: false)
  }

  private mutating func skipPlain() {
    while position < source.count, source[position] != separator, source[position] != UInt8(ascii: "\n"),
      source[position] != UInt8(ascii: "\r")
    {
      position += 1
    }
  }

  private mutating func write(_ row: [Field], from start: Int) {
    for (index, field) in row.enumerated() {
      let range = source.trimmed(field.range)
      if range.isEmpty { continue }
      if !text.isEmpty { text.append([UInt8(ascii: "\n")], from: range.lowerBound..<range.lowerBound) }
      if index < names.count, !names[index].isEmpty {
        text.append(names[index] + ": ".utf8, from: range.lowerBound..<range.lowerBound)
      }
      var part = range.lowerBound
      if field.hasQuotes {
        // Of two quotes the first is kept.
        var position = range.lowerBound
        while position < range.upperBound {
          let isDoubled = source[position] == UInt8(ascii: "\"") && source.at(position + 1) == UInt8(ascii: "\"")
          position += 1
          if isDoubled {
            text.append(part..<position, of: source)
            position += 1
            part = min(position, range.upperBound)
          }
        }
      }
      text.append(part..<range.upperBound, of: source)
    }
    if position - start <= Self.shortRow { text.setSource(source.trimmed(start..<position)) }
    text.endPart(startsPassage: true)
  }
}
