import ArgumentParser
import Minke

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Search files by meaning.",
    discussion: """
      Folders are walked; hidden files, files that a .gitignore, .ignore or .git/info/exclude leaves out and files that \
      are no text are passed over. Without a path the current folder is searched. Nothing is written to disk. Web \
      pages, tables, notebooks, e-mail and source code are read as what they are; PDF files too, where pdftotext \
      (package poppler-utils) is installed.

        minke search "what does the captain want from the white whale" Examples/books
        minke search -k 3 --type swift "error handling"
        minke search --json "error handling" Sources | jq -r .file

      The status is 0 when something was found, 1 when nothing was, and 2 after an error, even if only a file could \
      not be read.
      """)

  @Argument(help: "What to look for, in your own words; with --queries, the first path.")
  var query: String?

  @Argument(
    help: "Files and folders to search, - for standard input; by default the current folder.", completion: .file())
  var paths: [String] = []

  @Option(name: .customShort("k", allowingJoined: true), help: "How many passages to show of each query.")
  var k = 10

  @Option(
    help: ArgumentHelp(
      "Read the queries from this file, one a line, or one JSON object with \"text\" and perhaps \"id\" a line where its "
        + "name ends in .jsonl; - for standard input.", valueName: "file"), completion: .file())
  var queries: String?

  @OptionGroup(title: "Which files") var files: FileOptions
  @OptionGroup(title: "What is shown") var output: SearchOutputOptions
  @OptionGroup(title: "Model") var encoder: EncoderOptions

  func validate() throws {
    if query == nil, queries == nil, !files.typeList { throw ValidationError("Missing what to look for, '<query>'.") }
    if queries == "-", places.contains("-") {
      throw ValidationError("Only one of --queries and the paths can be standard input.")
    }
  }

  /// The paths to search.
  private var places: [String] { (queries == nil ? [] : [query].compactMap { $0 }) + paths }

  func run() async throws {
    if files.typeList { return try FileOptions.printTypes() }
    let start = ContinuousClock.now
    let asked = try SearchQuery.read(query: queries == nil ? query : nil, file: queries)
    let options = try output.searchOptions(k: k)
    let found = try files.find(places)
    let model = try encoder.load()
    let bar = ProgressBar("searching", unit: .bytes)
    let search = try OnePassSearch(
      asked.map(\.text), encoder: model, dimension: encoder.dimension, encoding: files.encoding.withoutMark,
      options: options)
    var (passages, report) = try search.run(found.sources) { bar.handler($0.bytes, $0.totalBytes) }
    bar.finish()
    report.skipped = found.skipped + report.skipped

    try SearchPrinter(output, queries: asked).print(passages)
    let summary = SearchSummary(report, seconds: (ContinuousClock.now - start) / .seconds(1))
    summary.report(debug: files.debug, named: found.named)
    if !report.failures.isEmpty { throw CommandStatus.failed }
    if passages.allSatisfy(\.isEmpty) {
      if report.passages == 0 {
        let place = places.isEmpty ? "the current folder" : places.joined(separator: " ")
        say("minke: \(place): expected text to search, found none")
      }
      throw CommandStatus.nothingFound
    }
  }
}
