/// What a pattern of a `tokenizer.json` finds in a text.
enum TextPattern: BitwiseCopyable, Equatable, Sendable {
  /// At most 8 bytes, the first one lowest, and their number.
  case text(UInt64, count: Int)
  /// As many characters of a class as there are, from `least` to `most`.
  case run(CharacterClass, least: Int, most: Int)
  /// As many spaces as there are, or other characters of one byte.
  case bytes(UInt8, least: Int)
  /// `[\n\r\t]`
  case lineBreakOrTab
  /// `\s{2,}|[\n\r\t]`
  case spacesLineBreakOrTab
  /// Words that leave no character out.
  case words(WordPattern)

  /// The pattern of a text that stands for itself; nil for one of more than 8 bytes.
  init?(literal text: String) {
    guard (1...8).contains(text.utf8.count) else { return nil }
    self = .text(text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }, count: text.utf8.count)
  }

  /// The pattern of a regular expression; nil for one that is not known.
  init?(expression: String) {
    if let words = WordPattern.known[expression] {
      self = .words(words)
    } else if let pattern = Self.known[expression] {
      self = pattern
    } else {
      return nil
    }
  }

  private static let known: [String: TextPattern] = [
    " ": .text(0x20, count: 1), " +": .bytes(0x20, least: 1), " {2,}": .bytes(0x20, least: 2),
    #"\n"#: .text(0x0a, count: 1), "\n": .text(0x0a, count: 1), #"\n+"#: .bytes(0x0a, least: 1),
    #"\s"#: .run(.space, least: 1, most: 1), #"\s+"#: .run(.space, least: 1, most: .max),
    #"\s{2,}"#: .run(.space, least: 2, most: .max), #"\p{N}"#: .run(.number, least: 1, most: 1),
    #"\p{N}+"#: .run(.number, least: 1, most: .max), #"\p{N}{1,3}"#: .run(.number, least: 1, most: 3),
    #"[\n\r\t]"#: .lineBreakOrTab, #"\s{2,}|[\n\r\t]"#: .spacesLineBreakOrTab,
  ]

  /// The first match at or behind `start`, which is not empty; nil when there is none.
  func match(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, _ classes: ScalarTable<CharacterClass>
  ) -> Range<Int>? {
    var position = start
    switch self {
    case .words(let pattern):
      return start < text.count ? start..<pattern.end(in: text, from: start, classes) : nil
    case .text(let bytes, let count):
      while position + count <= text.count {
        if (0..<count).allSatisfy({ text[position + $0] == UInt8(truncatingIfNeeded: bytes >> UInt64(8 * $0)) }) {
          return position..<position + count
        }
        position += 1
      }
    case .bytes(let byte, let least):
      while position < text.count {
        guard text[position] == byte else {
          position += 1
          continue
        }
        let first = position
        while position < text.count, text[position] == byte { position += 1 }
        if position - first >= least { return first..<position }
      }
    case .run(let kind, let least, let most):
      while position < text.count {
        let first = position
        var count = 0
        var end = position
        while position < text.count, count < most {
          guard !classes[text.decodeScalar(at: &position)].isDisjoint(with: kind) else { break }
          count += 1
          end = position
        }
        if count >= least { return first..<end }
      }
    case .lineBreakOrTab:
      while position < text.count {
        if Self.isLineBreakOrTab(text[position]) { return position..<position + 1 }
        position += 1
      }
    case .spacesLineBreakOrTab:
      while position < text.count {
        let first = position
        var count = 0
        var end = position
        while position < text.count, classes[text.decodeScalar(at: &position)].contains(.space) {
          count += 1
          end = position
        }
        if count >= 2 || (count == 1 && Self.isLineBreakOrTab(text[first])) { return first..<end }
      }
    }
    return nil
  }

  private static func isLineBreakOrTab(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d || byte == 0x09 }
}
