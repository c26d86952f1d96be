/// Finds the functions and types of a language by the indentation of its lines: they end before the next line that is
/// indented no more than they are, or with it where it is the word that ends them.
struct IndentationScanner {
  private let text: UnsafeBufferPointer<UInt8>
  private let language: SourceLanguage
  private var outline: CodeOutline
  /// The types that are open and perhaps a function in the last of them, each with its indentation.
  private var open: [Declaration] = []
  /// The end of the last line with code.
  private var codeEnd = 0
  /// What the next line is in the midst of.
  private var inside = Inside.nothing
  private var brackets = 0

  private struct Declaration {
    let indentation: Int
    let start: Int
    let name: String
    let isContainer: Bool
  }

  private enum Inside: Equatable {
    case nothing
    /// A string in three quotes of this sign.
    case string(UInt8)
    /// A comment of Ruby, up to `=end`.
    case comment
  }

  init(_ text: UnsafeBufferPointer<UInt8>, _ language: SourceLanguage) {
    self.text = text
    self.language = language
    outline = CodeOutline(text)
  }

  /// Reads the file to its end.
  mutating func read() -> CodeOutline {
    var position = outline.done
    while position < text.count {
      let end = text.lineEnd(from: position, text.count)
      readLine(position..<end)
      position = end
    }
    while let last = open.popLast() { close(last, codeEnd..<codeEnd) }
    outline.finish()
    return outline
  }

  private mutating func readLine(_ line: Range<Int>) {
    let content = text.trimmed(line)
    if content.isEmpty { return }
    let wasInside = inside != .nothing || brackets > 0
    let words = self.words(content)
    // A declaration at the start of a line: what was taken for an open bracket was none.
    let isNew = wasInside && inside == .nothing && content.lowerBound == line.lowerBound && declaration(words) != nil
    if isNew { brackets = 0 }
    if language == .python || language == .ruby { follow(content) }
    if (wasInside && !isNew) || isComment(content) {
      if wasInside { codeEnd = content.upperBound }
      return
    }
    let indentation = self.indentation(line.lowerBound..<content.lowerBound)
    while let last = open.last, last.indentation >= indentation {
      open.removeLast()
      if last.indentation == indentation, closes(content, words) {
        codeEnd = content.upperBound
        return close(last, content)
      }
      close(last, codeEnd..<codeEnd)
    }
    codeEnd = content.upperBound
    guard open.last?.isContainer ?? true, open.count < CodeOutline.deepest, let found = declaration(words) else {
      return
    }
    let start = outline.start(of: content.lowerBound) { isComment($0) || text.at($0.lowerBound) == UInt8(ascii: "@") }
    open.append(
      Declaration(indentation: indentation, start: start, name: found.name, isContainer: found.isContainer))
    if found.isContainer { outline.open(start..<content.upperBound, name: found.name) }
  }

  private mutating func close(_ declaration: Declaration, _ closing: Range<Int>) {
    if declaration.isContainer {
      outline.close(closing)
    } else {
      outline.add(declaration.start..<closing.upperBound, name: declaration.name)
    }
  }

  private func isComment(_ content: Range<Int>) -> Bool { text[content.lowerBound] == UInt8(ascii: "#") }

  private func indentation(_ space: Range<Int>) -> Int {
    space.reduce(0) { text[$1] == UInt8(ascii: "\t") ? ($0 / 8 + 1) * 8 : $0 + 1 }
  }

  /// The first words of a line, as far as they may declare something.
  private func words(_ content: Range<Int>) -> [String] {
    text.words(in: content.lowerBound..<min(content.upperBound, content.lowerBound + 200)).prefix(4).map {
      String(decoding: text[$0], as: UTF8.self)
    }
  }

  /// Whether the line is the one that ends a declaration.
  private func closes(_ content: Range<Int>, _ words: [String]) -> Bool {
    switch language {
    case .ruby: words.first.map { $0 == "end" || $0.hasPrefix("end;") || $0.hasPrefix("end.") } ?? false
    case .shell: text[content.lowerBound] == UInt8(ascii: "}")
    default: false
    }
  }

  /// What the line declares.
  private func declaration(_ words: [String]) -> (name: String, isContainer: Bool)? {
    guard let first = words.first else { return nil }
    func named(_ kind: String, _ word: Int) -> String {
      guard words.count > word else { return kind }
      let name = words[word].prefix { $0.isLetter || $0.isNumber || "_.:?!=-".contains($0) }
      return "\(kind) \(name.last == ":" ? name.dropLast() : name)"
    }
    switch (language, first) {
    case (.python, "def"): return (named("def", 1), false)
    case (.python, "async") where words.count > 1 && words[1] == "def": return (named("def", 2), false)
    case (.python, "class"), (.ruby, "class"), (.ruby, "module"): return (named(first, 1), true)
    case (.ruby, "def"): return (named("def", 1), false)
    case (.ruby, "private"), (.ruby, "protected"), (.ruby, "public"):
      return words.count > 1 && words[1] == "def" ? (named("def", 2), false) : nil
    case (.shell, "function"): return words.count > 1 ? (named("function", 1), false) : nil
    case (.shell, _):
      let isFunction = first.hasSuffix("()") || first.hasSuffix("(){") || (words.count > 1 && words[1].hasPrefix("()"))
      let name = first.prefix { $0 != "(" }
      return isFunction && !name.isEmpty ? (String(name), false) : nil
    default: return nil
    }
  }

  /// Follows strings and brackets that go on over lines, through a line.
  private mutating func follow(_ content: Range<Int>) {
    if language == .ruby {
      if text[content].starts(with: "=begin".utf8) { inside = .comment }
      if text[content].starts(with: "=end".utf8) { inside = .nothing }
      return
    }
    var position = content.lowerBound
    while position < content.upperBound {
      let byte = text[position]
      if case .string(let sign) = inside {
        if byte == UInt8(ascii: "\\") {
          position += 1
        } else if byte == sign, text.at(position + 1) == sign, text.at(position + 2) == sign {
          inside = .nothing
          position += 2
        }
        position += 1
        continue
      }
      switch byte {
      case UInt8(ascii: "#"): return
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        if text.at(position + 1) == byte, text.at(position + 2) == byte {
          inside = .string(byte)
          position += 2
        } else {
          position += 1
          while position < content.upperBound, text[position] != byte {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
          }
        }
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): brackets += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): brackets = max(0, brackets - 1)
      default: break
      }
      position += 1
    }
  }
}
