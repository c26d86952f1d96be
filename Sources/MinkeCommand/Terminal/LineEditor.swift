/// A line of text while it is typed: what each byte of a terminal does to it, without a terminal.
struct LineEditor {
  /// What a byte led to.
  enum Event: Equatable {
    /// The line goes on.
    case editing
    /// The line is finished.
    case line(String)
    /// Ctrl-C.
    case interrupt
    /// Ctrl-D on an empty line.
    case end
    /// Ctrl-Z.
    case suspend
  }

  private(set) var characters: [Character] = []
  /// The place of the next character typed, among ``characters``.
  private(set) var cursor = 0
  /// Lines finished before, the oldest first.
  private(set) var history: [String] = []

  /// Where the arrow keys stand in the history; its count stands for the new line.
  private var place = 0
  /// The new line, while an older one is looked at.
  private var newest: [Character] = []
  /// What was cut last, for ctrl-Y.
  private var cut: [Character] = []
  /// The bytes of a key that is not complete.
  private var unfinished: [UInt8] = []
  private var isPasting = false

  var text: String { String(characters) }

  /// Begins a new line.
  mutating func clear() {
    (characters, cursor, newest, unfinished) = ([], 0, [], [])
    place = history.count
  }

  /// Takes the next byte from the terminal.
  mutating func take(_ byte: UInt8) -> Event {
    if unfinished.first == 0x1b { return takeEscape(byte) }
    if byte >= 0x80 || !unfinished.isEmpty { return takeMultibyte(byte) }
    switch byte {
    case 0x1b: unfinished = [byte]
    case 0x0d, 0x0a:
      if isPasting {
        insert("\n")
      } else {
        return finish()
      }
    case 0x01: cursor = 0
    case 0x02: move(-1)
    case 0x03: return .interrupt
    case 0x04:
      if characters.isEmpty { return .end }
      delete(cursor..<cursor + 1)
    case 0x05: cursor = characters.count
    case 0x06: move(1)
    case 0x08, 0x7f: delete(cursor - 1..<cursor)
    case 0x0b: cutOut(cursor..<characters.count)
    case 0x0e: recall(place + 1)
    case 0x10: recall(place - 1)
    case 0x14: transpose()
    case 0x15: cutOut(0..<cursor)
    case 0x17: cutOut(wordStart..<cursor)
    case 0x19: insert(String(cut))
    case 0x1a: return .suspend
    case 0x09: insert("  ")
    case 0x20...0x7e: insert(String(UnicodeScalar(byte)))
    default: break
    }
    return .editing
  }

  // MARK: Bytes

  /// A byte of a character of several; bytes that make no character are passed over.
  private mutating func takeMultibyte(_ byte: UInt8) -> Event {
    if !unfinished.isEmpty, byte & 0xc0 != 0x80 {
      unfinished = []
      return take(byte)
    }
    unfinished.append(byte)
    let wanted =
      switch unfinished[0] {
      case 0xc2...0xdf: 2
      case 0xe0...0xef: 3
      case 0xf0...0xf4: 4
      default: 1
      }
    if unfinished.count >= wanted {
      if let text = String(validating: unfinished, as: UTF8.self) { insert(text) }
      unfinished = []
    }
    return .editing
  }

  /// A byte after the escape: of a key that sends several, or of one pressed together with Alt.
  private mutating func takeEscape(_ byte: UInt8) -> Event {
    unfinished.append(byte)
    if unfinished.count == 2 {
      if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") { return .editing }
      unfinished = []
      switch byte {
      case UInt8(ascii: "b"): cursor = wordStart
      case UInt8(ascii: "f"): cursor = wordEnd
      case UInt8(ascii: "d"): cutOut(cursor..<wordEnd)
      case 0x7f: cutOut(wordStart..<cursor)
      case 0x1b: unfinished = [byte]
      default: break
      }
      return .editing
    }
    // Parameters go on to a letter or "~". What grows beyond any key is none.
    guard (0x40...0x7e).contains(byte) || unfinished.count > 16 else { return .editing }
    let key = String(decoding: unfinished.dropFirst(2), as: UTF8.self)
    unfinished = []
    switch key {
    case "A": recall(place - 1)
    case "B": recall(place + 1)
    case "C": move(1)
    case "D": move(-1)
    case "H", "1~", "7~": cursor = 0
    case "F", "4~", "8~": cursor = characters.count
    case "3~": delete(cursor..<cursor + 1)
    case "1;5C", "1;3C": cursor = wordEnd
    case "1;5D", "1;3D": cursor = wordStart
    case "200~": isPasting = true
    case "201~": isPasting = false
    default: break
    }
    return .editing
  }

  // MARK: Editing

  private mutating func insert(_ text: String) {
    // An accent that comes by itself joins the character before it.
    let joined = Array(String(characters[..<cursor]) + text)
    characters = joined + characters[cursor...]
    cursor = joined.count
  }

  private mutating func delete(_ range: Range<Int>) {
    let range = range.clamped(to: characters.indices)
    characters.removeSubrange(range)
    if cursor > range.lowerBound { cursor = max(range.lowerBound, cursor - range.count) }
  }

  private mutating func cutOut(_ range: Range<Int>) {
    if !range.isEmpty { cut = Array(characters[range]) }
    delete(range)
  }

  private mutating func move(_ distance: Int) { cursor = max(0, min(characters.count, cursor + distance)) }

  private mutating func transpose() {
    guard cursor > 0, characters.count > 1 else { return }
    let second = min(cursor, characters.count - 1)
    characters.swapAt(second - 1, second)
    cursor = second + 1
  }

  private var wordStart: Int {
    let before = characters[..<cursor]
    let word = before.lastIndex { !$0.isWhitespace } ?? 0
    return before[..<word].lastIndex(where: \.isWhitespace).map { $0 + 1 } ?? 0
  }

  private var wordEnd: Int {
    let after = characters[cursor...]
    let word = after.firstIndex { !$0.isWhitespace } ?? characters.count
    return after[word...].firstIndex(where: \.isWhitespace) ?? characters.count
  }

  /// Shows the line at `wanted` of the history, the new one after its end.
  private mutating func recall(_ wanted: Int) {
    guard (0...history.count).contains(wanted), wanted != place else { return }
    if place == history.count { newest = characters }
    place = wanted
    characters = wanted == history.count ? newest : Array(history[wanted])
    cursor = characters.count
  }

  private mutating func finish() -> Event {
    let line = text
    if !line.allSatisfy(\.isWhitespace), history.last != line { history.append(line) }
    clear()
    return .line(line)
  }

  // MARK: Showing

  /// What of the line to show in `width` columns, the cursor within, and the cursor's column.
  ///
  /// Line ends of a pasted text are shown as an arrow.
  func shown(width: Int) -> (text: String, column: Int) {
    func columns(_ character: Character) -> Int { character.isNewline ? 1 : DisplayWidth.columns(of: character) }
    var start = 0
    var column = characters[..<cursor].reduce(0) { $0 + columns($1) }
    // The cursor itself takes a column.
    while column >= width, start < cursor {
      column -= columns(characters[start])
      start += 1
    }
    var shown = ""
    var used = 0
    for character in characters[start...] {
      used += columns(character)
      if used > width { break }
      shown += character.isNewline ? "↵" : String(character)
    }
    return (shown, column)
  }
}
