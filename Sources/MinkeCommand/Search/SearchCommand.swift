import ArgumentParser
import Minke
import MinkeStore

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Search files, or collections of them, by words and meaning.",
    discussion: """
      Folders are walked; hidden files, files that a .gitignore, .ignore or .git/info/exclude leaves out and files that \
      are no text are passed over. Without a path the current folder is searched. Nothing is written to disk. Web \
      pages, tables, notebooks, e-mail and source code are read as what they are; PDF files too, where pdftotext \
      (package poppler-utils) is installed. With --in, collections that minke index made are searched instead, in an \
      instant.

      "Words in quotation marks" must occur as they stand, -words must not, and path:, file:, title:, type: or the name of \
      metadata before a value says which documents: "fog -london path:doyle".

        minke search "what does the captain want from the white whale" Examples/books
        minke search -k 3 --type swift "error handling"
        minke search --json "error handling" Sources | jq -r .file
        minke search "roof" --in notes.minke --where 'path GLOB "2024/*" AND size < 10000'

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
        + "name ends in .jsonl; - for standard input. In plain lines the id or number of the query comes first.",
      valueName: "file"), completion: .file())
  var queries: String?

  @OptionGroup(title: "Collections") var collections: SearchedCollections
  @OptionGroup(title: "Which files") var files: FileOptions
  @OptionGroup(title: "What is shown") var output: SearchOutputOptions
  @OptionGroup(title: "How") var ranking: RankingOptions
  @OptionGroup(title: "Model") var encoder: EncoderOptions

  func validate() throws {
    if query == nil, queries == nil, !files.typeList { throw ValidationError("Missing what to look for, '<query>'.") }
    if !collections.names.isEmpty, !places.isEmpty {
      throw ValidationError("With --in, collections are searched and no paths; --where says which documents.")
    }
    if collections.names.isEmpty, collections.condition != nil || collections.context > 0 {
      throw ValidationError("--where and --context are for --in.")
    }
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
    var options = try output.searchOptions(k: k)
    try ranking.apply(to: &options)
    if !collections.names.isEmpty { return try search(collections, for: asked, options) }
    let found = try files.find(places)
    let model = try await encoder.load()
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

  private func search(_ options: SearchedCollections, for asked: [SearchQuery], _ search: SearchOptions) throws {
    let opened = try options.open()
    defer { for collection in opened { try? collection.close() } }
    let wanted = CollectionSearchOptions(
      search, filter: try options.condition.map { try DocumentFilter($0) }, surroundings: options.context)
    let texts = asked.map(\.text)
    var found = try opened[0].search(texts, options: wanted)
    for collection in opened.dropFirst() {
      for (query, more) in try collection.search(texts, options: wanted).enumerated() { found[query] += more }
    }
    if opened.count > 1 {
      // Each collection's scores are of one scale.
      found = found.map { Array($0.sorted { $0.score > $1.score }.prefix(k)) }
    }
    try SearchPrinter(output, queries: asked).print(found)
    if found.allSatisfy(\.isEmpty) { throw CommandStatus.nothingFound }
  }
}

/// The collections that a search looks in.
struct SearchedCollections: ParsableArguments {
  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("A collection to search. May be given several times.", valueName: "collection"),
    completion: .file())
  var names: [String] = []

  @Option(
    name: .customLong("where"),
    help: ArgumentHelp(
      "Only documents for which this holds, such as 'path GLOB \"src/*\" AND year > 2020'.", valueName: "condition"))
  var condition: String?

  @Option(help: ArgumentHelp("Also this many passages before and behind each.", valueName: "n"))
  var context = 0

  func validate() throws {
    if !(0...1000).contains(context) { throw ValidationError("--context takes 0 to 1000.") }
  }

  func open() throws -> [any DocumentStorage] { try CollectionPlace.open(names) }
}

/// By what passages are ranked.
struct RankingOptions: ParsableArguments {
  @Option(help: "both, meaning or words.")
  var mode: SearchMode = .both

  @Option(
    help: ArgumentHelp(
      "The weights of meaning and words when both count, two numbers with a comma between; 0.4,0.6 by default.",
      valueName: "m,w"))
  var weights: String?

  func apply(to options: inout SearchOptions) throws {
    options.mode = mode
    guard let weights else { return }
    let numbers = weights.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    guard numbers.count == 2, let meaning = numbers[0], let words = numbers[1] else {
      throw MinkeError(.invalidArgument, "--weights", expected: "two numbers with a comma between", found: weights)
    }
    options.fusion = try Fusion(meaning: meaning, words: words)
  }
}

extension SearchMode: ExpressibleByArgument {}
