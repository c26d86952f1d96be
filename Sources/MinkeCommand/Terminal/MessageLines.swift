/// Lines put together to one message: a backslash at the end of a line joins the next one, and three quotation marks
/// begin and end a message of several lines.
struct MessageLines {
  private var lines: [String] = []
  private var isQuoted = false

  /// Whether a message has begun and is not complete.
  var isOpen: Bool { isQuoted || !lines.isEmpty }

  /// Takes a line; gives the message that it completes.
  mutating func take(_ line: String) -> String? {
    if isQuoted {
      guard line.hasSuffix(Self.quote) else {
        lines.append(line)
        return nil
      }
      isQuoted = false
      return finish(String(line.dropLast(Self.quote.count)))
    }
    if lines.isEmpty, line.hasPrefix(Self.quote) {
      isQuoted = true
      let rest = String(line.dropFirst(Self.quote.count))
      // Both marks may stand on one line.
      return rest.isEmpty ? nil : take(rest)
    }
    if line.hasSuffix("\\") {
      lines.append(String(line.dropLast()))
      return nil
    }
    return finish(line)
  }

  /// Forgets a message that is not complete.
  mutating func clear() { (lines, isQuoted) = ([], false) }

  private mutating func finish(_ line: String) -> String {
    let message = lines + (line.isEmpty && !lines.isEmpty ? [] : [line])
    clear()
    return message.joined(separator: "\n")
  }

  private static let quote = "\"\"\""
}
