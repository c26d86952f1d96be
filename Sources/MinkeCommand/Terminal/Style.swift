import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// When results are coloured.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable { case auto, always, never }

/// Whether a command colours what it prints.
struct ColorOption: ParsableArguments {
  @Option(help: "When to color: auto (on a terminal), always or never.")
  var color: ColorChoice = .auto
}

/// How text looks on standard output: colours where a terminal shows them and nobody forbids it.
struct Style {
  let isColored: Bool
  /// Columns of the terminal, at most 120; 100 where there is none.
  let width: Int

  /// - Parameter choice: what the command line says; with `auto`, `NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb` decide,
  ///   in this order.
  init(_ choice: ColorChoice = .auto) {
    let environment = ProcessInfo.processInfo.environment
    let isForced = !["", "0"].contains(environment["CLICOLOR_FORCE", default: ""])
    isColored =
      switch choice {
      case .always: true
      case .never: false
      case .auto where !environment["NO_COLOR", default: ""].isEmpty: false
      case .auto: isForced || (Self.outputIsTerminal && !Self.terminalIsDumb)
      }
    var size = winsize()
    let known = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    width = known ? min(120, max(40, Int(size.ws_col))) : 100
  }

  static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  /// Whether the terminal can neither colour nor go back in a line.
  static var terminalIsDumb: Bool { ProcessInfo.processInfo.environment["TERM"] == "dumb" }

  func bold(_ text: String) -> String { isColored ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
  func faint(_ text: String) -> String { isColored ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
  func standOut(_ text: String) -> String { isColored ? "\u{1B}[1;33m\(text)\u{1B}[0m" : text }

  /// `text` with what could steer the terminal made visible as U+FFFD, and tabs as two spaces.
  ///
  /// - Parameter keepingLines: whether line ends stay what they are.
  static func printable(_ text: some StringProtocol, keepingLines: Bool = false) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f || keepingLines && $0 == 0x0a }) { return String(text) }
    var result = ""
    for scalar in text.unicodeScalars {
      if !scalar.isTerminalControl || keepingLines && scalar == "\n" {
        result.unicodeScalars.append(scalar)
      } else {
        result += scalar == "\t" ? "  " : "\u{FFFD}"
      }
    }
    return result
  }
}

/// The first `length` characters of `text` in printing form, with an ellipsis where there are more.
func shortened(_ text: some StringProtocol, to length: Int) -> String {
  let start = Style.printable(text.prefix(length))
  return text.dropFirst(length).isEmpty ? start : "\(start)…"
}

extension QueryWords {
  /// `text` with the query's words standing out.
  func marked(_ text: String, _ style: Style) -> String {
    guard style.isColored else { return text }
    var result = ""
    var rest = text.startIndex
    for range in ranges(in: text) {
      result += text[rest..<range.lowerBound] + style.standOut(String(text[range]))
      rest = range.upperBound
    }
    return result + text[rest...]
  }
}
