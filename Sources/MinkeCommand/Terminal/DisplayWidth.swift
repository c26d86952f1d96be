/// How many columns of a terminal text takes: two for a wide East Asian character or an emoji, none for a mark that
/// joins the character before it.
enum DisplayWidth {
  static func columns(of text: some StringProtocol) -> Int {
    text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.reduce(0) { $0 + columns(of: $1) }
  }

  static func columns(of character: Character) -> Int {
    if character.isASCII { return 1 }
    var columns = 0
    for scalar in character.unicodeScalars {
      // The picture form of a symbol that also has a text form.
      if scalar == "\u{FE0F}" { return 2 }
      columns = max(columns, self.columns(of: scalar))
    }
    return columns
  }

  /// `text` with spaces behind it, or before it, up to `width` columns.
  static func padded(_ text: String, to width: Int, leading: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - columns(of: text)))
    return leading ? spaces + text : text + spaces
  }

  /// `line` in pieces of at most `width` columns, cut at spaces where there are any.
  static func wrapped(_ line: String, width: Int) -> [String] {
    var pieces: [String] = []
    var rest = line[...]
    while let end = firstBeyond(width, rest) {
      // A space just behind the last column is as good as one before it.
      let reach = rest[end] == " " ? end : rest[..<end].lastIndex(of: " ")
      let cut = reach.flatMap { $0 > rest.startIndex ? $0 : nil } ?? max(end, rest.index(after: rest.startIndex))
      pieces.append(String(rest[..<cut]))
      rest = rest[cut...].drop { $0 == " " }
    }
    pieces.append(String(rest))
    return pieces.map { String($0.reversed().drop { $0 == " " }.reversed()) }
  }

  /// The first character of `text` that ends beyond `width` columns; nil where all fits.
  private static func firstBeyond(_ width: Int, _ text: Substring) -> String.Index? {
    var taken = 0
    return text.indices.first { index in
      taken += columns(of: text[index])
      return taken > width
    }
  }

  private static func columns(of scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: return scalar.properties.isEmojiPresentation || isWide(scalar.value) ? 2 : 1
    }
  }

  /// Blocks whose characters are wide or full width by Unicode's East_Asian_Width.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97c,
    0xac00...0xd7a3, 0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6,
    0x16fe0...0x18aff, 0x1aff0...0x1b2ff, 0x1f200...0x1f265, 0x20000...0x2fffd, 0x30000...0x3fffd,
  ]

  private static func isWide(_ value: UInt32) -> Bool {
    value >= 0x1100 && wide.contains { $0.contains(value) }
  }
}
