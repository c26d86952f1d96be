import Minke

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lines that a person types: edited in place where the terminal can, plain from a pipe.
struct LineReader {
  /// What came instead of a line, or with it.
  enum Input: Equatable {
    case line(String)
    /// A line whose bytes are not UTF-8.
    case invalidLine
    /// Ctrl-C, on a line that was empty or not.
    case interrupt(onEmptyLine: Bool)
    case end
  }

  /// Whether a person types at a terminal.
  let isInteractive = isatty(STDIN_FILENO) == 1
  /// Whether the line is edited in place.
  let isEdited: Bool
  private var editor = LineEditor()
  /// Bytes read and not used yet.
  private var waiting: [UInt8] = []

  init() { isEdited = isInteractive && isatty(STDOUT_FILENO) == 1 && !Style.terminalIsDumb }

  /// Waits for the next line, `prompt` before it where a person types.
  mutating func next(prompt: String, _ style: Style) throws(MinkeError) -> Input {
    if isEdited { return try edited(prompt, style) }
    if isInteractive { Self.show(prompt) }
    return try plain()
  }

  private mutating func plain() throws(MinkeError) -> Input {
    while true {
      if let end = waiting.firstIndex(of: UInt8(ascii: "\n")) {
        defer { waiting.removeFirst(end + 1) }
        return Self.line(waiting[..<end])
      }
      guard try fill() else {
        defer { waiting = [] }
        return waiting.isEmpty ? .end : Self.line(waiting[...])
      }
    }
  }

  private static func line(_ bytes: ArraySlice<UInt8>) -> Input {
    let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    return String(validating: bytes, as: UTF8.self).map { .line($0) } ?? .invalidLine
  }

  /// Reads what is there, waiting for a byte; false at the end.
  private mutating func fill() throws(MinkeError) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 12)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw MinkeError.systemCall(errno, "standard input", expected: "readable text") }
      waiting += buffer[..<count]
      return count > 0
    }
  }

  private mutating func edited(_ prompt: String, _ style: Style) throws(MinkeError) -> Input {
    guard RawTerminal.begin() else { return try plain() }
    defer { RawTerminal.end() }
    draw(prompt, style)
    while true {
      while !waiting.isEmpty {
        let isEmpty = editor.characters.isEmpty
        switch editor.take(waiting.removeFirst()) {
        case .editing: continue
        case .line(let line):
          // The whole line stays on the screen, not only the part that was shown last.
          Self.show("\r\u{1B}[K\(style.bold(prompt))\(Style.printable(line, keepingLines: true))\r\n")
          return .line(line)
        case .interrupt:
          draw(prompt, style)
          editor.clear()
          Self.show("^C\r\n")
          return .interrupt(onEmptyLine: isEmpty)
        case .end:
          Self.show("\r\n")
          return .end
        case .suspend:
          RawTerminal.end()
          kill(getpid(), SIGTSTP)
          _ = RawTerminal.begin()
        }
      }
      draw(prompt, style)
      guard try fill() else { return .end }
    }
  }

  private func draw(_ prompt: String, _ style: Style) {
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    let before = DisplayWidth.columns(of: prompt)
    let (text, column) = editor.shown(width: max(8, (isKnown ? Int(size.ws_col) : 80) - before))
    let place = before + column
    Self.show(
      "\r\u{1B}[K\(style.bold(prompt))\(Style.printable(text))\r" + (place > 0 ? "\u{1B}[\(place)C" : ""))
  }

  private static func show(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
  }
}
