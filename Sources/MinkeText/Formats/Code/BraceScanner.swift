/// Finds the functions and types of a language whose blocks stand in braces.
///
/// It does not parse: it follows braces, passes over what only looks like them in strings and comments, and judges a
/// block by the words in front of it. What it does not understand becomes a part without a name, and what never ends is
/// divided like any text.
struct BraceScanner {
  private let text: UnsafeBufferPointer<UInt8>
  private let syntax: BraceSyntax
  private var lexer: CodeLexer
  private var outline: CodeOutline
  private var statement = Statement()
  /// Parentheses and square brackets that are open in the statement, and braces within them.
  private var parentheses = 0
  private var innerBraces = 0
  /// Braces that are open in the declaration which began at `start`; none between declarations.
  private var depth = 0
  private var start = 0
  private var name: String?
  /// The braces that were open at each `#if`.
  private var conditions: [Int] = []

  private static let mostConditions = 64

  /// What was read of a declaration or another statement before its block.
  private struct Statement {
    var start: Int?
    /// The words outside parentheses, the first of them.
    var words: [Range<Int>] = []
    /// How many words stand before the first parentheses, and before the first equals sign.
    var wordsBeforeParentheses: Int?
    var wordsBeforeEquals: Int?
    /// The last sign that is no white space.
    var last: UInt8 = 0
    /// Whether the next parentheses belong to an attribute.
    var isAttribute = false

    static let mostWords = 24
  }

  init(_ text: UnsafeBufferPointer<UInt8>, _ syntax: BraceSyntax) {
    self.text = text
    self.syntax = syntax
    lexer = CodeLexer(text, syntax)
    outline = CodeOutline(text)
  }

  /// Reads the file to its end.
  mutating func read() -> CodeOutline {
    while let token = lexer.next() {
      switch token {
      case .newLine(let position): endLine(position)
      case .directive(let range): directive(range)
      case .word(let range): word(range)
      case .literal(let range): note(range.lowerBound, UInt8(ascii: "\""))
      case .sign(let byte, let position): sign(byte, at: position)
      }
    }
    outline.finish()
    return outline
  }

  private var isBetween: Bool { depth == 0 }

  private mutating func note(_ position: Int, _ byte: UInt8) {
    guard isBetween else { return }
    if statement.start == nil { statement.start = position }
    statement.last = byte
  }

  private mutating func word(_ range: Range<Int>) {
    guard isBetween else { return }
    let isAttribute = statement.last == UInt8(ascii: "@")
    note(range.lowerBound, UInt8(ascii: "a"))
    if isAttribute {
      statement.isAttribute = true
    } else if parentheses == 0 {
      statement.isAttribute = false
      if statement.words.count < Statement.mostWords { statement.words.append(range) }
    }
  }

  private mutating func sign(_ byte: UInt8, at position: Int) {
    switch byte {
    case UInt8(ascii: "{"): return openBrace(position)
    case UInt8(ascii: "}"): return closeBrace(position)
    default: break
    }
    guard isBetween else { return }
    // Methods of Objective-C begin with a sign at the start of a line.
    if syntax.hasSignedMethods, byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+"), parentheses == 0,
      text.at(position - 1) == UInt8(ascii: "\n")
    {
      endStatement()
    }
    let before = statement.last
    note(position, byte)
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: "["):
      if parentheses == 0, byte == UInt8(ascii: "("), statement.wordsBeforeParentheses == nil, !statement.isAttribute,
        !(statement.words.last.map { BraceSyntax.attributes.contains(string($0)) } ?? false)
      {
        statement.wordsBeforeParentheses = statement.words.count
      }
      statement.isAttribute = false
      parentheses += 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses = max(0, parentheses - 1)
    case UInt8(ascii: ";") where parentheses == 0: endStatement()
    case UInt8(ascii: ":") where syntax.hasPreprocessor && parentheses == 0 && statement.words.count <= 2:
      // A label such as `public:`.
      if let word = statement.words.first, word.count < 10, ["public", "private", "protected"].contains(string(word)) {
        endStatement()
      }
    case UInt8(ascii: "=") where parentheses == 0 && statement.wordsBeforeEquals == nil:
      let isPart = [UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">")].contains(before)
      let goesOn = text.at(position + 1) == byte || text.at(position + 1) == UInt8(ascii: ">")
      if !isPart, !goesOn { statement.wordsBeforeEquals = statement.words.count }
    default: break
    }
  }

  private mutating func endStatement() {
    statement = Statement()
    (parentheses, innerBraces) = (0, 0)
  }

  /// Ends the statement where the language lets it end with its line, and the next line does not go on with it.
  private mutating func endLine(_ position: Int) {
    guard syntax.endsAtLine, isBetween, parentheses == 0, statement.start != nil else { return }
    switch statement.last {
    case UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"),
      UInt8(ascii: "/"), UInt8(ascii: "<"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "?"),
      UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "@"):
      return
    default: break
    }
    // The next line must be right below, so that no white space is looked through twice.
    var next = position + 1
    while next - position < 256, text.at(next) == 0x20 || text.at(next) == 0x09 { next += 1 }
    switch text.at(next) {
    case UInt8(ascii: "{"), UInt8(ascii: "."), UInt8(ascii: "?"), UInt8(ascii: ":"), UInt8(ascii: "|"),
      UInt8(ascii: "&"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: ","), UInt8(ascii: ")"):
      return
    case UInt8(ascii: "-") where text.at(next + 1) == UInt8(ascii: ">"): return
    case let byte where byte.isWordByte:
      var end = next
      while end - next < 16, text.at(end).isWordByte { end += 1 }
      if BraceSyntax.continuations.contains(string(next..<end)) { return }
    default: break
    }
    endStatement()
  }

  // MARK: Braces

  private mutating func openBrace(_ position: Int) {
    if depth > 0 {
      depth += 1
    } else if parentheses > 0 {
      innerBraces += 1
    } else {
      let first = outline.start(of: statement.start ?? position) { isComment($0) }
      let head = head()
      if head.isContainer, outline.depth < CodeOutline.deepest {
        outline.open(first..<tail(position + 1), name: head.name)
      } else {
        (start, name, depth) = (first, head.name, 1)
      }
      endStatement()
    }
  }

  private mutating func closeBrace(_ position: Int) {
    if depth > 0 {
      depth -= 1
      if depth == 0 {
        outline.add(start..<tail(position + 1), name: name)
        endStatement()
      }
    } else if innerBraces > 0 {
      innerBraces -= 1
    } else {
      if outline.depth > 0 { outline.close(position..<tail(position + 1)) }
      endStatement()
    }
  }

  /// The end of a block with the signs and the comment behind it on its line.
  private func tail(_ position: Int) -> Int {
    var end = position
    let signs = [UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: ")")]
    while end - position < 64, text.at(end) == 0x20 || signs.contains(text.at(end)) { end += 1 }
    if text.at(end) == UInt8(ascii: "/"), text.at(end + 1) == UInt8(ascii: "/") {
      return text.lineEnd(from: end, text.count)
    }
    return end
  }

  private func isComment(_ line: Range<Int>) -> Bool {
    let (first, second) = (text.at(line.lowerBound), text.at(line.lowerBound + 1))
    switch first {
    case UInt8(ascii: "@"), UInt8(ascii: "*"): return true
    case UInt8(ascii: "/"): return second == first || second == UInt8(ascii: "*")
    case UInt8(ascii: "#"): return second == UInt8(ascii: "[") || syntax.hasHashComments
    case UInt8(ascii: "["): return text.at(line.upperBound - 1) == UInt8(ascii: "]")
    default: return false
    }
  }

  private func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }

  /// A line of the preprocessor, or another that stands between statements.
  private mutating func directive(_ range: Range<Int>) {
    if isBetween, parentheses == 0 { endStatement() }
    guard syntax.hasPreprocessor else { return }
    let words = text.words(in: range.prefix(64))
    var first = words.first.map { string($0) } ?? ""
    if first == "#", words.count > 1 { first += string(words[1]) }
    switch first {
    case "#if", "#ifdef", "#ifndef": if conditions.count < Self.mostConditions { conditions.append(depth) }
    case "#else", "#elif", "#elifdef", "#elifndef":
      // Of several forms of one block the braces of one count.
      if let before = conditions.last, before < depth {
        depth = before
        if depth == 0 { endStatement() }
      }
    case "#endif": _ = conditions.popLast()
    default: break
    }
  }

  // MARK: What a block is

  /// What the words in front of a block say of it.
  private struct Head {
    var isContainer = false
    /// What it is called in the contexts of its parts.
    var name: String?
  }

  private func head() -> Head {
    let words = statement.words.map { string($0) }
    func following(_ index: Int) -> Range<Int>? { index + 1 < words.count ? statement.words[index + 1] : nil }

    if let index = words.firstIndex(where: { syntax.functions.contains($0) }) {
      if let equals = statement.wordsBeforeEquals, equals > 0, equals <= index { return Head(name: words[equals - 1]) }
      let hasName = !["init", "deinit", "subscript", "constructor"].contains(words[index])
      guard hasName, let name = following(index) else { return Head(name: words[index]) }
      return Head(name: "\(words[index]) \(sign(behind: statement.words[index]) ?? qualifiedName(name))")
    }
    let isFunction = syntax.parenthesesMakeFunction && statement.wordsBeforeParentheses != nil
    if !isFunction, statement.wordsBeforeEquals == nil,
      let index = words.lastIndex(where: { syntax.containers.contains($0) })
    {
      guard let name = following(index), !BraceSyntax.continuations.contains(string(name)) else {
        return Head(isContainer: true, name: words[index])
      }
      let isWhole = words[index] == "impl"
      return Head(
        isContainer: true,
        name: isWhole
          ? header(from: statement.words[index].lowerBound, orName: name) : "\(words[index]) \(qualifiedName(name))")
    }
    if syntax.hasBareFunctions, let count = statement.wordsBeforeParentheses,
      statement.wordsBeforeEquals ?? .max >= count,
      // Where parentheses come first, as in Objective-C, the name follows them.
      let name = count > 0 ? bareName(count) : statement.words.first
    {
      return Head(name: BraceSyntax.statements.contains(string(name)) ? nil : qualifiedName(name))
    }
    if let index = words.firstIndex(where: { syntax.others.contains($0) }), index + 1 < words.count {
      return Head(name: "\(words[index]) \(words[index + 1])")
    }
    // A block such as `extern "C" { }` holds functions.
    return Head(isContainer: words == ["extern"])
  }

  /// The operator that a function is called by, between the word `func` and parentheses.
  private func sign(behind word: Range<Int>) -> String? {
    var end = word.upperBound
    while end - word.upperBound < 16, end < text.count, text[end] != UInt8(ascii: "("), !text[end].isWordByte {
      end += 1
    }
    let range = text.trimmed(word.upperBound..<end)
    return text.at(end) == UInt8(ascii: "(") && !range.isEmpty ? string(range) : nil
  }

  /// The name in front of parentheses, which are behind the first `count` words: the last, or where that is in angle
  /// brackets the one before these.
  private func bareName(_ count: Int) -> Range<Int> {
    let words = statement.words[..<count]
    let last = words[count - 1]
    guard text.at(last.upperBound) == UInt8(ascii: ">") else { return last }
    return words.last { text.at($0.upperBound) == UInt8(ascii: "<") } ?? last
  }

  /// The name at `range` with what is joined to it by full stops or colons, as in `Index::search`.
  private func qualifiedName(_ range: Range<Int>) -> String {
    var (start, end) = (range.lowerBound, range.upperBound)
    if text.at(start - 1) == UInt8(ascii: "~") { start -= 1 }
    while end - start < 100, text.at(start - 1) == UInt8(ascii: ":"), text.at(start - 2) == UInt8(ascii: ":"),
      text.at(start - 3).isWordByte
    {
      start -= 2
      while end - start < 100, text.at(start - 1).isWordByte { start -= 1 }
    }
    while end - start < 100 {
      var next = end
      if text.at(next) == UInt8(ascii: ".") {
        next += 1
      } else if text.at(next) == UInt8(ascii: ":"),
        text.at(next + 1) == UInt8(ascii: ":")
      {
        next += 2
      }
      guard next > end, text.at(next).isWordByte else { break }
      while next - start < 100, text.at(next).isWordByte { next += 1 }
      end = next
    }
    return string(start..<end)
  }

  /// What stands before the brace, in one line, or if that is too long up to a name.
  private func header(from start: Int, orName name: Range<Int>) -> String {
    var end = start
    while end < text.count, end - start < 100, text[end] != UInt8(ascii: "{") { end += 1 }
    if end < text.count, text[end] == UInt8(ascii: "{") { return string(text.trimmed(start..<end)) }
    return string(start..<max(start, min(name.upperBound, start + 100)))
  }
}
