/// Reads the signs and words of source code, without comments, and strings as a whole.
struct CodeLexer {
  enum Token {
    case newLine(Int)
    /// A line that begins with a number sign.
    case directive(Range<Int>)
    case word(Range<Int>)
    /// A string, a character or a regular expression; of one with parts to be computed, what comes behind these.
    case literal(Range<Int>)
    case sign(UInt8, Int)
  }

  /// How a string ends, and what its backslashes say.
  private struct Quote {
    var sign: UInt8
    /// How many signs in a row.
    var count = 1
    /// Number signs behind them, and behind a backslash.
    var numberSigns = 0
    var isLong = false
    var isRaw = false
    /// Whether two signs stand for one.
    var doubles = false
  }

  private let text: UnsafeBufferPointer<UInt8>
  private let syntax: BraceSyntax
  private var position = 0
  private var isLineStart = true
  /// The last sign that is no white space; a letter for words.
  private var last: UInt8 = 0
  /// Strings whose computed parts are being read, the innermost last: the brackets open in each part.
  private var interpolations: [(quote: Quote, closing: UInt8, depth: Int)] = []

  init(_ text: UnsafeBufferPointer<UInt8>, _ syntax: BraceSyntax) {
    self.text = text
    self.syntax = syntax
    if text.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
  }

  /// The next token outside strings; nil at the end.
  mutating func next() -> Token? {
    while position < text.count {
      let start = position
      let byte = text[position]
      switch byte {
      case UInt8(ascii: "\n"):
        position += 1
        isLineStart = true
        if interpolations.isEmpty { return .newLine(start) }
        continue
      case 0x20, 0x09, 0x0b, 0x0c, 0x0d:
        position += 1
        continue
      case UInt8(ascii: "/") where skipComment(): continue
      case UInt8(ascii: "#") where syntax.hasHashComments && text.at(position + 1) != UInt8(ascii: "["):
        skipLine()
        continue
      case UInt8(ascii: "#") where isLineStart && isDirective():
        skipDirective()
        return .directive(start..<position)
      default: break
      }
      isLineStart = false
      if let quote = quote() {
        last = UInt8(ascii: "\"")
        readString(quote)
        if interpolations.isEmpty { return .literal(start..<position) }
        continue
      }
      if byte.isWordByte {
        while position < text.count, text[position].isWordByte { position += 1 }
        last = UInt8(ascii: "a")
        if interpolations.isEmpty { return .word(start..<position) }
        continue
      }
      position += 1
      last = byte
      guard let open = interpolations.last else { return .sign(byte, start) }
      let opening = open.closing == UInt8(ascii: ")") ? UInt8(ascii: "(") : UInt8(ascii: "{")
      if byte == opening {
        interpolations[interpolations.count - 1].depth += 1
      } else if byte == open.closing {
        interpolations[interpolations.count - 1].depth -= 1
        if open.depth == 0 {
          interpolations.removeLast()
          readString(open.quote)
          if interpolations.isEmpty { return .literal(start..<position) }
        }
      }
    }
    return nil
  }

  // MARK: Comments and directives

  private mutating func skipComment() -> Bool {
    switch text.at(position + 1) {
    case UInt8(ascii: "/"):
      skipLine()
      return true
    case UInt8(ascii: "*"):
      position += 2
      var depth = 1
      while position < text.count {
        if text[position] == UInt8(ascii: "*"), text.at(position + 1) == UInt8(ascii: "/") {
          position += 2
          depth -= 1
          if depth == 0 { break }
        } else if syntax.nestsComments, text[position] == UInt8(ascii: "/"), text.at(position + 1) == UInt8(ascii: "*")
        {
          position += 2
          depth += 1
        } else {
          position += 1
        }
      }
      return true
    default: return false
    }
  }

  private mutating func skipLine() {
    position = text.lineEnd(from: position, text.count)
    // The line break itself is a token.
    if position > 0, text[position - 1] == UInt8(ascii: "\n") { position -= 1 }
  }

  private func isDirective() -> Bool {
    if syntax.hasPreprocessor { return true }
    guard syntax.hasDirectives else { return false }
    return ["#if", "#elseif", "#else", "#endif", "#warning", "#error", "#sourceLocation"].contains { word in
      let end = position + word.utf8.count
      return end <= text.count && text[position..<end].elementsEqual(word.utf8) && !text.at(end).isWordByte
    }
  }

  private mutating func skipDirective() {
    repeat {
      skipLine()
      let isContinued =
        text.at(position - 1) == UInt8(ascii: "\\")
        || (text.at(position - 1) == 0x0d && text.at(position - 2) == UInt8(ascii: "\\"))
      guard syntax.hasPreprocessor, isContinued, position < text.count else { return }
      position += 1
    } while position < text.count
  }

  // MARK: Strings

  /// The quote that begins here, which is passed over; nil where no string does. A character or a regular expression is
  /// passed over up to its last sign.
  private mutating func quote() -> Quote? {
    switch text[position] {
    case UInt8(ascii: "\""): return doubleQuote(Quote(sign: UInt8(ascii: "\""), isLong: syntax.hasLongStrings))
    case UInt8(ascii: "'"): return singleQuote()
    case UInt8(ascii: "`"):
      switch syntax.backtick {
      case .none: return nil
      case .rawString: return opened(Quote(sign: UInt8(ascii: "`"), isLong: true, isRaw: true), 1)
      case .template: return opened(Quote(sign: UInt8(ascii: "`"), isLong: true), 1)
      case .name: return opened(Quote(sign: UInt8(ascii: "`"), isRaw: true), 1)
      }
    case UInt8(ascii: "#") where syntax.raw == .numberSigns: return numbered(from: position, isRaw: false)
    case UInt8(ascii: "r") where syntax.raw == .rust && !precedesWord: return numbered(from: position + 1, isRaw: true)
    case UInt8(ascii: "b") where syntax.raw == .rust && !precedesWord && text.at(position + 1) == UInt8(ascii: "r"):
      return numbered(from: position + 2, isRaw: true)
    case UInt8(ascii: "R") where syntax.raw == .cpp && text.at(position + 1) == UInt8(ascii: "\"") && !precedesWord:
      return rawOfCpp()
    case UInt8(ascii: "@") where syntax.raw == .verbatim: return verbatim(from: position + 1)
    case UInt8(ascii: "$") where syntax.raw == .verbatim && text.at(position + 1) == UInt8(ascii: "@"):
      return verbatim(from: position + 2)
    case UInt8(ascii: "/") where syntax.hasRegex: return regex()
    default: return nil
    }
  }

  /// Whether the byte before is part of a word.
  private var precedesWord: Bool { text.at(position - 1).isWordByte }

  private mutating func opened(_ quote: Quote, _ count: Int) -> Quote {
    position += count
    return quote
  }

  private mutating func doubleQuote(_ quote: Quote) -> Quote {
    var quote = quote
    if syntax.hasTripleQuotes, text.at(position + 1) == quote.sign, text.at(position + 2) == quote.sign {
      (quote.count, quote.isLong) = (3, true)
    }
    return opened(quote, quote.count)
  }

  private mutating func singleQuote() -> Quote? {
    let sign = UInt8(ascii: "'")
    if syntax.singleQuote == .string { return doubleQuote(Quote(sign: sign, isLong: syntax.hasLongStrings)) }
    // A quote between digits divides them.
    if syntax.hasPreprocessor, precedesWord, text.at(position + 1).isWordByte, text.at(position + 2) != sign {
      return nil
    }
    if text.at(position + 1) == UInt8(ascii: "\\") {
      var end = position + 3
      while end - position < 16, end < text.count, text[end] != sign, text[end] != UInt8(ascii: "\n") { end += 1 }
      if text.at(end) == sign { return opened(Quote(sign: sign), end - position) }
      return nil
    }
    let first = text.at(position + 1)
    let length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    // What is no character is a lifetime, a symbol or a quote in a text.
    return text.at(position + 1 + length) == sign && first != sign
      ? opened(Quote(sign: sign), 1 + length) : nil
  }

  /// A string with number signs around it, as `#"…"#` and `r#"…"#`.
  private mutating func numbered(from start: Int, isRaw: Bool) -> Quote? {
    var end = start
    while end - start < 255, text.at(end) == UInt8(ascii: "#") { end += 1 }
    guard text.at(end) == UInt8(ascii: "\"") else { return nil }
    let count = end - start
    position = end
    return doubleQuote(
      Quote(sign: UInt8(ascii: "\""), numberSigns: count, isLong: isRaw || syntax.hasLongStrings, isRaw: isRaw))
  }

  /// `R"name(…)name"`, which is passed over up to its last sign.
  private mutating func rawOfCpp() -> Quote {
    var end = position + 2
    while end - position < 18, end < text.count, text[end] != UInt8(ascii: "("), !text[end].isSpace { end += 1 }
    let name = text[position + 2..<min(end, text.count)]
    guard text.at(end) == UInt8(ascii: "(") else { return opened(Quote(sign: UInt8(ascii: "\"")), 2) }
    position = end + 1
    while position < text.count {
      if text[position] == UInt8(ascii: ")"), text.at(position + 1 + name.count) == UInt8(ascii: "\""),
        text[position + 1..<position + 1 + name.count].elementsEqual(name)
      {
        position += 1 + name.count
        break
      }
      position += 1
    }
    return Quote(sign: UInt8(ascii: "\""))
  }

  private mutating func verbatim(from start: Int) -> Quote? {
    let end = text.at(start) == UInt8(ascii: "$") ? start + 1 : start
    guard text.at(end) == UInt8(ascii: "\"") else { return nil }
    return opened(Quote(sign: UInt8(ascii: "\""), isLong: true, isRaw: true, doubles: true), end + 1 - position)
  }

  /// A regular expression on one line, where a value may stand.
  private mutating func regex() -> Quote? {
    let before = [
      0, UInt8(ascii: "("), UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "["),
      UInt8(ascii: "!"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "?"), UInt8(ascii: "{"),
      UInt8(ascii: "}"), UInt8(ascii: ";"),
    ]
    guard before.contains(last), ![0x20, UInt8(ascii: "=")].contains(text.at(position + 1)) else { return nil }
    var end = position + 1
    var isClass = false
    while end < text.count, end - position < 300, text[end] != UInt8(ascii: "\n") {
      switch text[end] {
      case UInt8(ascii: "\\"): end += 1
      case UInt8(ascii: "["): isClass = true
      case UInt8(ascii: "]"): isClass = false
      case UInt8(ascii: "/") where !isClass: return opened(Quote(sign: UInt8(ascii: "/")), end - position)
      default: break
      }
      end += 1
    }
    return nil
  }

  /// Reads a string to its end, or to a part that is computed.
  private mutating func readString(_ quote: Quote) {
    while position < text.count {
      let byte = text[position]
      if byte == quote.sign {
        let end = position + quote.count
        let closes = (1..<max(1, quote.count)).allSatisfy { text.at(position + $0) == quote.sign }
        if quote.doubles, text.at(position + 1) == quote.sign {
          position += 2
          continue
        }
        if closes, (0..<quote.numberSigns).allSatisfy({ text.at(end + $0) == UInt8(ascii: "#") }) {
          position = min(text.count, end + quote.numberSigns)
          return
        }
      } else if byte == UInt8(ascii: "\\"), !quote.isRaw {
        var next = position + 1
        while next - position <= quote.numberSigns, text.at(next) == UInt8(ascii: "#") { next += 1 }
        if next - position - 1 == quote.numberSigns {
          if syntax.interpolation == .parentheses, text.at(next) == UInt8(ascii: "(") {
            position = next + 1
            return interpolations.append((quote, UInt8(ascii: ")"), 0))
          }
          position = min(text.count, next + 1)
          continue
        }
      } else if byte == UInt8(ascii: "$"), text.at(position + 1) == UInt8(ascii: "{"),
        quote.sign == UInt8(ascii: "`") ? !quote.isRaw : syntax.interpolation == .braces
      {
        position += 2
        return interpolations.append((quote, UInt8(ascii: "}"), 0))
      } else if byte == UInt8(ascii: "\n"), !quote.isLong {
        // A string that is not closed ends with its line.
        return
      }
      position += 1
    }
  }
}
