import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Prints what a search found.
struct SearchPrinter {
  private let options: SearchOutputOptions
  private let queries: [SearchQuery]
  private let style: Style
  private let hasHeadings: Bool

  init(_ options: SearchOutputOptions, queries: [SearchQuery]) {
    self.options = options
    self.queries = queries
    style = Style(options.color.color)
    hasHeadings = options.heading ?? Style.outputIsTerminal
  }

  /// Prints the passages of each query.
  func print(_ found: [[FoundPassage]]) throws {
    var output = FileWriter()
    for (number, passages) in found.enumerated() {
      if queries.count > 1, !options.form.isOn {
        let query = Style.printable(queries[number].text)
        if hasHeadings { try output.write(style.bold("\(number + 1). \(query)") + "\n\n") }
      }
      let words = QueryWords(queries[number].text)
      let asked = queries.count > 1 && !hasHeadings ? "\(label(of: number))\t" : ""
      for (index, passage) in passages.enumerated() {
        if options.form.isOn {
          try output.write(jsonLine(passage, rank: index + 1, query: number))
        } else if options.filesWithMatches {
          try output.write(asked + place(passage, line: false) + "\n")
        } else if hasHeadings {
          try output.write(paragraph(passage, rank: index + 1, words))
        } else {
          try output.write(asked + line(passage, words))
        }
      }
    }
    try output.finish()
  }

  /// What tells a query from the others: its id, or its number from 1.
  private func label(of number: Int) -> String {
    guard let id = queries[number].id else { return "\(number + 1)" }
    return Style.printable(id.string ?? id.text)
  }

  /// `file:line:score text` in one line, as editors read it.
  private func line(_ found: FoundPassage, _ words: QueryWords) -> String {
    let text = found.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return "\(place(found, line: true)):\(fixed(found.score, digits: 4)) "
      + words.marked(Style.printable(text), style) + "\n"
  }

  /// Rank, score, place and text of one passage, for people.
  private func paragraph(_ found: FoundPassage, rank: Int, _ words: QueryWords) -> String {
    var text = "\(style.bold("\(rank)"))  \(style.faint(fixed(found.score, digits: 4)))  "
    text += style.bold(place(found, line: true))
    if let context = found.passage.context { text += "  " + style.faint(Style.printable(context)) }
    text += "\n"
    for before in found.before { text += surrounding(before) }
    var afterEmpty = true
    for line in found.text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      for part in DisplayWidth.wrapped(Style.printable(Substring(line)), width: style.width - 4) {
        // Of several empty lines one is shown.
        if part.isEmpty { text += afterEmpty ? "" : "\n" } else { text += "    \(words.marked(part, style))\n" }
        afterEmpty = part.isEmpty
      }
    }
    for after in found.after { text += surrounding(after) }
    return text + (afterEmpty ? "" : "\n")
  }

  /// A passage before or behind the one that was found.
  private func surrounding(_ passage: String) -> String {
    let words = passage.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return DisplayWidth.wrapped(Style.printable(words[...]), width: style.width - 4)
      .map { "    \(style.faint(String($0)))\n" }.joined()
  }

  /// The name of a passage's file, with the line where it begins; a link to the file where a terminal may open it.
  private func place(_ found: FoundPassage, line: Bool) -> String {
    var text = Style.printable(found.document)
    if line { text += ":\(found.passage.lines.lowerBound)" }
    if line, hasHeadings, let page = found.passage.page { text += " (page \(page))" }
    guard style.isColored, Style.outputIsTerminal, let path = found.path else { return text }
    return "\u{1B}]8;;\(Self.address(of: path))\u{1B}\\\(text)\u{1B}]8;;\u{1B}\\"
  }

  /// The `file:` address of a path, what is not plain ASCII as `%E9`.
  static func address(of path: FilePath) -> String {
    var bytes = path.bytes
    if bytes.first != UInt8(ascii: "/") {
      bytes = Array(FileManager.default.currentDirectoryPath.utf8) + [UInt8(ascii: "/")] + bytes
    }
    var text = "file://\(ProcessInfo.processInfo.hostName)"
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return text
  }

  private func jsonLine(_ found: FoundPassage, rank: Int, query: Int) -> String {
    var members = found.json
    members["rank"] = .integer(rank)
    members["score"] = .number(Double(found.score))
    if let path = found.path { members["file"] = .string(path.description) }
    if queries.count > 1 { members["query"] = .integer(query) }
    if let id = queries[query].id { members["query_id"] = id }
    // A name that is not UTF-8 is given whole as well.
    if let path = found.path, !path.isUTF8 { members["file_base64"] = .string(Data(path.bytes).base64EncodedString()) }
    return JSONValue.object(members).text + "\n"
  }
}
