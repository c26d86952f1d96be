import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The terminal while a line is edited: every key comes at once and is not shown by the terminal itself.
///
/// However the program ends, the terminal goes back to what it was.
enum RawTerminal {
  /// How the terminal was before; nil outside of an edited line.
  private static let before = Mutex<termios?>(nil)

  /// - Returns: whether the terminal can do it.
  static func begin() -> Bool {
    before.withLock { before in
      var settings = termios()
      guard before == nil, tcgetattr(STDIN_FILENO, &settings) == 0 else { return before != nil }
      let old = settings
      settings.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON)
      settings.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
      // What was typed ahead is kept.
      guard tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) == 0 else { return false }
      before = old
      // Pasted text comes in brackets, so that its line ends do not send it.
      show("\u{1B}[?2004h")
      return true
    }
  }

  static func end() {
    before.withLock { before in
      guard var old = before.take() else { return }
      show("\u{1B}[?2004l")
      tcsetattr(STDIN_FILENO, TCSADRAIN, &old)
    }
  }

  private static func show(_ text: StaticString) {
    _ = write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }
}
