import ArgumentParser
import Minke
import MinkeStore

#if PostgreSQL
  import MinkePostgres
#endif

struct IndexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Keep files in a collection, to be searched without reading them again.",
    discussion: """
      Files that are new or changed are read, those that are gone are taken out, and the rest is left as it is: run the \
      same command again to follow the files. A .jsonl file that is named itself, or - for standard input, gives a \
      document a line: an object with "text", perhaps "id" and "title", and any metadata.

        minke index ~/notes --into notes.minke
        minke search "what did we decide about the roof" --in notes.minke
        minke index Sources --type swift --into code.minke --watch

      When it is interrupted, what was read so far stays and the next run goes on from there.
      """)

  @Argument(help: "Files and folders, - for JSON Lines on standard input.", completion: .file())
  var paths: [String] = []

  @Option(
    help: ArgumentHelp(
      "The collection, which is made where there is none: a file, or postgres://user@host/database?collection=name.",
      valueName: "collection"), completion: .file())
  var into: String

  @Flag(help: "Go on and follow the files as they change, until ctrl-C.")
  var watch = false

  @Flag(help: "Make the vectors and words of the collection anew, with the model and the settings given here.")
  var reindex = false

  @Flag(help: "Keep each document whole, as one passage, however long it is.")
  var whole = false

  @OptionGroup(title: "How it is kept") var settings: CollectionSettingsOptions
  @OptionGroup(title: "Which files") var files: FileOptions
  @OptionGroup var form: JSONOption

  func validate() throws {
    if paths.isEmpty, !reindex, !files.typeList { throw ValidationError("Missing the files and folders, '<paths>'.") }
    if paths.filter({ $0 == "-" }).count > 1 { throw ValidationError("Standard input can be read once only.") }
    if watch, paths.contains("-") { throw ValidationError("--watch is for files and folders.") }
  }

  func run() async throws {
    if files.typeList { return try FileOptions.printTypes() }
    if reindex { try await settings.reindex(into) }
    if paths.isEmpty { return }
    // A wrong name makes no collection.
    try TextFileWalker.check(RawArguments.paths(paths.filter { $0 != "-" }))
    let collection = try await settings.open(into)
    defer { try? collection.close() }
    var report = try update(collection)
    try finish(report, first: true)
    while watch {
      // Looking takes part of a second for tens of thousands of files; no more than a twentieth of the time goes there.
      let start = ContinuousClock.now
      try await Task.sleep(for: .seconds(1))
      report = try update(collection)
      let took = ContinuousClock.now - start - .seconds(1)
      if report.report.hasChanges { try finish(report, first: false) }
      if took > .milliseconds(50) { try await Task.sleep(for: took * 19) }
    }
    if !report.report.failures.isEmpty || !report.report.mistakes.isEmpty { throw CommandStatus.failed }
  }

  private func update(_ collection: any DocumentStorage) throws -> IndexSummary {
    let start = ContinuousClock.now
    var options = IndexingOptions(selection: files.selection)
    options.encoding = files.encoding.withoutMark
    if whole { options.splitter = PassageSplitter.whole }
    let bar = ProgressBar("indexing", unit: .passages)
    defer { bar.finish() }
    let hear: @Sendable (IndexProgress) -> Void = {
      bar.passages($0.passages, bytes: $0.bytes, of: $0.totalBytes)
    }
    var report = IndexReport()
    let named = paths.filter { $0 != "-" }
    if !named.isEmpty { report = try collection.index(RawArguments.paths(named), options: options, progress: hear) }
    if paths.contains("-") {
      report.add(try collection.addLines(of: InputFile(nil), splitter: options.splitter, progress: hear))
    }
    return IndexSummary(report: report, seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  private func finish(_ summary: IndexSummary, first: Bool) throws {
    summary.sayProblems(debug: files.debug, named: first ? RawArguments.paths(paths) : [])
    if form.isOn {
      var output = FileWriter()
      try output.write(summary.json.text + "\n")
      try output.finish()
    } else {
      say(summary.line)
    }
  }
}

/// How a collection is made, for commands that may make one.
struct CollectionSettingsOptions: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")],
    help:
      "A built-in name, the path of a model folder, or ORG/NAME[@REVISION] of a fetched one; by default the collection's own, or \(ModelLibrary.defaultName).",
    completion: ModelCompletion.kind)
  var model: String?

  @OptionGroup var source: PullOption

  @Option(help: "Of a new collection: float32, or int8 or 4bit for the layers of a BERT or Byrne-Embed model.")
  var precision: Precision?

  @Option(
    help: ArgumentHelp("Of a new collection: how many leading numbers of each vector to keep.", valueName: "d"))
  var dimension: Int?

  @Option(
    help:
      "Of a new collection: float32, int8 (the default), binary, or two-stage: bits first, then int8 scores of the best."
  )
  var storage: CollectionSettings.Storage?

  @Flag(help: "Of a new collection: find words only as they are written, not by their English stems.")
  var noStems = false

  #if PostgreSQL
    @Option(
      help: ArgumentHelp(
        "Of a collection in PostgreSQL, from now on: exact, which compares all vectors, or hnsw, an index that misses some.",
        valueName: "search"))
    var postgresIndex: PostgresCollection.VectorSearch?
  #endif

  /// Opens the collection called `name`, or makes it.
  func open(_ name: String) async throws -> any DocumentStorage {
    try await source.fetchMissing(model)
    let known = try? CollectionPlace.settings(of: name)
    let encoder = try known.flatMap { model == nil ? $0 : nil }.map { try Collection.loadEncoder($0) } ?? loadModel()
    #if PostgreSQL
      if let address = try CollectionPlace.address(name) {
        return try PostgresCollection(
          address, encoder: encoder, modelName: storedName, precision: precision, dimension: dimension,
          storage: storage, stems: noStems ? false : nil, search: postgresIndex, creates: true)
      }
      if postgresIndex != nil {
        throw MinkeError(.invalidArgument, "--postgres-index", expected: "a collection in PostgreSQL", found: "a file")
      }
    #else
      try CollectionPlace.requirePath(name)
    #endif
    return try Collection(
      name, encoder: encoder, modelName: storedName, precision: precision, dimension: dimension, storage: storage,
      stems: noStems ? false : nil, creates: true)
  }

  /// Makes the collection called `name` anew.
  func reindex(_ name: String) async throws {
    try await source.fetchMissing(model)
    let known = try CollectionPlace.settings(of: name)
    let encoder = try model == nil && precision == nil ? Collection.loadEncoder(known) : loadModel()
    let modelName = try model == nil ? known.modelName : storedName
    let precision = precision ?? (model == nil ? known.precision : nil)
    let dimension = dimension ?? (model == nil ? known.dimension : nil)
    let bar = ProgressBar("indexing anew")
    defer { bar.finish() }
    #if PostgreSQL
      if let address = try CollectionPlace.address(name) {
        return try PostgresCollection.reindex(
          address, encoder: encoder, modelName: modelName, precision: precision, dimension: dimension,
          storage: storage, stems: noStems ? false : nil, progress: bar.handler)
      }
    #endif
    try Collection.reindex(
      name, encoder: encoder, modelName: modelName, precision: precision, dimension: dimension, storage: storage,
      stems: noStems ? false : nil, progress: bar.handler)
  }

  private func loadModel() throws -> any TextEncoder {
    try ModelLibrary.textEncoder(model ?? ModelLibrary.defaultName, precision: precision)
  }

  private var storedName: String {
    get throws { try ModelSource(model ?? ModelLibrary.defaultName).absoluteName }
  }
}

extension CollectionSettings.Storage: ExpressibleByArgument {}

#if PostgreSQL
  extension PostgresCollection.VectorSearch: ExpressibleByArgument {}
#endif

/// What indexing did, for people and programs.
struct IndexSummary {
  let report: IndexReport
  let seconds: Double

  /// Says what could not be read, and with `debug` all that was left out.
  func sayProblems(debug: Bool, named: [FilePath]) {
    for file in report.skipped
    where debug || file.reason.isFailure || file.reason.isWorthSaying
      || (named.contains(file.path) && file.reason != .readAlready)
    {
      say("minke: \(Style.printable("\(file.path)")): \(Style.printable("\(file.reason)"))")
    }
    for mistake in report.mistakes.prefix(20) { say("minke: \(mistake)") }
    if report.mistakes.count > 20 { say("minke: and \(report.mistakes.count - 20) more lines that are no documents") }
  }

  var line: String {
    func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
    var text =
      "\(report.added) added, \(report.changed) changed, \(report.unchanged) unchanged, \(report.removed) removed"
    text += "; \(count(report.passages, "passage")), \(fixed(seconds, digits: 2)) s"
    if report.passages > 0 { text += ", \(Int(Double(report.passages) / max(seconds, 1e-9)))/s" }
    var reasons: [String: Int] = [:]
    for file in report.skipped where !file.reason.isChoice { reasons[file.reason.summary, default: 0] += 1 }
    for (reason, files) in reasons.sorted(by: { $0.key < $1.key }) {
      text += "; \(count(files, "file")) skipped: \(reason)"
    }
    if !report.mistakes.isEmpty { text += "; \(count(report.mistakes.count, "line")) skipped: no documents" }
    return text
  }

  var json: JSONValue {
    .object([
      "added": .integer(report.added), "changed": .integer(report.changed), "unchanged": .integer(report.unchanged),
      "removed": .integer(report.removed), "passages": .integer(report.passages), "seconds": .number(seconds),
      "skipped": .array(
        report.skipped.filter { !$0.reason.isChoice }.map {
          .object(["file": .string("\($0.path)"), "reason": .string("\($0.reason)")])
        }), "mistakes": .array(report.mistakes.map { .string("\($0)") }),
    ])
  }
}

extension SkipReason {
  /// Whether the selection leaves it out, which nobody needs to be told.
  var isChoice: Bool {
    switch self {
    case .hidden, .ignored, .notSelected, .otherType, .readAlready: true
    default: false
    }
  }

  /// Whether a person can do something about it.
  var isWorthSaying: Bool {
    switch self {
    case .tooLarge, .missingProgram, .notExtracted: true
    default: false
    }
  }

  /// The reason without what is different for each file.
  var summary: String {
    switch self {
    case .notText: "not text"
    case .binary: "binary"
    case .notPlainFile: "no plain file"
    case .unreadable: "unreadable"
    default: description
    }
  }
}

extension IndexReport {
  var hasChanges: Bool { added + changed + removed > 0 }

  mutating func add(_ other: IndexReport) {
    added += other.added
    changed += other.changed
    unchanged += other.unchanged
    removed += other.removed
    passages += other.passages
    skipped += other.skipped
    mistakes += other.mistakes
  }
}
