import ArgumentParser
import Minke

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Search files by meaning.",
    discussion: """
      Folders are walked; hidden files, files that a .gitignore leaves out and files that are not UTF-8 text are passed \
      over. Nothing is written to disk.

        minke search "what does the captain want from the white whale" Examples/books
        minke search -k 3 --json "error handling" Sources | jq -r '.results[].file'
      """)

  @Argument(help: "What to look for, in your own words.")
  var query: String

  @Argument(help: "Files and folders to search.", completion: .file())
  var paths: [String]

  @Option(name: .customShort("k", allowingJoined: true), help: "How many passages to show.")
  var k = 10

  @OptionGroup var encoder: EncoderOptions

  @OptionGroup var form: JSONOption

  func run() async throws {
    guard k > 0 else { throw MinkeError(.invalidArgument, "-k", expected: "1 or more", found: "\(k)") }
    let clock = ContinuousClock()
    let start = clock.now
    let model = try encoder.load()
    let bar = ProgressBar("encoding")
    let search = try PassageSearch(
      paths: paths, encoder: model, dimension: encoder.dimension, progress: bar.handler)
    bar.finish()
    let results = try search.search(query, k: k)
    let seconds = (clock.now - start) / .seconds(1)

    var output = FileWriter()
    if form.isOn {
      try output.write(jsonText(search, results) + "\n")
    } else {
      let style = Style()
      let words = QueryWords(query)
      for (index, result) in results.enumerated() {
        try output.write(Self.lines(result, rank: index + 1, words, style))
      }
    }
    try output.finish()
    say(summary(search, seconds: seconds))
    if search.passageCount == 0 {
      throw MinkeError(
        .notFound, paths.joined(separator: " "), expected: "UTF-8 text to search", found: "none")
    }
  }

  /// Rank, score, place and text of one passage, for people.
  private static func lines(_ result: PassageSearch.Result, rank: Int, _ words: QueryWords, _ style: Style) -> String {
    let place = "\(Style.printable(result.file)):\(result.passage.lines.lowerBound)"
    var text = "\(style.bold("\(rank)"))  \(style.faint(fixed(result.score, digits: 4)))  \(style.bold(place))\n"
    var afterEmpty = true
    for line in result.text.split(separator: "\n", omittingEmptySubsequences: false) {
      for part in DisplayWidth.wrapped(Style.printable(line), width: style.width - 4) {
        // Of several empty lines one is shown.
        if part.isEmpty { text += afterEmpty ? "" : "\n" } else { text += "    \(words.marked(part, style))\n" }
        afterEmpty = part.isEmpty
      }
    }
    return text + (afterEmpty ? "" : "\n")
  }

  private func summary(_ search: PassageSearch, seconds: Double) -> String {
    func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
    var text = "\(count(search.passageCount, "passage")) of \(count(search.counts.read, "file"))"
    text += ", \(fixed(seconds, digits: 2)) s"
    let skipped = [("not UTF-8 text", search.counts.skippedBinary), ("unreadable", search.counts.skippedUnreadable)]
    for (reason, files) in skipped where files > 0 { text += "; \(count(files, "file")) skipped: \(reason)" }
    return text
  }

  private func jsonText(_ search: PassageSearch, _ results: [PassageSearch.Result]) -> String {
    let rows: [JSONValue] = results.enumerated().map { index, result in
      let passage = result.passage
      return [
        "rank": .integer(index + 1), "score": .number(Double(result.score)), "file": .string(result.file),
        "lines": [.integer(passage.lines.lowerBound), .integer(passage.lines.upperBound)],
        "bytes": [.integer(passage.byteRange.lowerBound), .integer(passage.byteRange.upperBound)],
        "text": .string(result.text),
      ]
    }
    let value: JSONValue = [
      "query": .string(query), "model": .string(search.encoder.identity.name),
      "files": .integer(search.counts.read), "passages": .integer(search.passageCount),
      "skipped": [
        "not_text": .integer(search.counts.skippedBinary), "unreadable": .integer(search.counts.skippedUnreadable),
      ],
      "results": .array(rows),
    ]
    return value.text
  }
}
