import ArgumentParser
import Foundation
import Minke
import MinkeStore

struct AddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add a text to a collection, or many from JSON Lines.",
    discussion: """
      A document of the same id is replaced.

        minke add "call the roofer on Monday" --id todo-17 --into notes.minke
        echo '{"id": "a", "text": "a cat on a mat", "year": 2024}' | minke add --jsonl - --into notes.minke
      """)

  @Argument(help: "The text; without it and --jsonl, standard input.")
  var text: String?

  @Option(help: "What results call it; by default a hash of the text.")
  var id: String?

  @Option(help: "Its title, which is searched as well.")
  var title: String?

  @Option(help: ArgumentHelp("What else is known of it, a JSON object.", valueName: "json"))
  var metadata: String?

  @Option(
    help: ArgumentHelp(
      "Add the documents in this file, a JSON object a line; - for standard input.", valueName: "file"),
    completion: .file())
  var jsonl: String?

  @Option(
    help: ArgumentHelp("The collection, which is made where there is none.", valueName: "collection"),
    completion: .file())
  var into: String

  @Flag(help: "Keep each document whole, as one passage, however long it is.")
  var whole = false

  @OptionGroup(title: "How it is kept") var settings: CollectionSettingsOptions
  @OptionGroup var form: JSONOption

  func validate() throws {
    if jsonl != nil, text != nil || id != nil || title != nil || metadata != nil {
      throw ValidationError("With --jsonl, texts, ids, titles and metadata come from the file.")
    }
  }

  func run() async throws {
    let start = ContinuousClock.now
    let record = try jsonl == nil ? record() : nil
    let collection = try await settings.open(into)
    defer { try? collection.close() }
    let splitter: PassageSplitter? = whole ? PassageSplitter.whole : nil
    let report: IndexReport
    if let record {
      report = try collection.add([record], splitter: splitter, progress: nil)
    } else {
      let bar = ProgressBar("adding", unit: .passages)
      defer { bar.finish() }
      report = try collection.addLines(of: InputFile(jsonl), splitter: splitter) {
        bar.passages($0.passages, bytes: $0.bytes, of: $0.totalBytes)
      }
    }
    let summary = IndexSummary(report: report, seconds: (ContinuousClock.now - start) / .seconds(1))
    summary.sayProblems(debug: false, named: [])
    if form.isOn {
      var output = FileWriter()
      try output.write(summary.json.text + "\n")
      try output.finish()
    } else {
      say(summary.line)
    }
    if !report.mistakes.isEmpty { throw CommandStatus.failed }
  }

  private func record() throws -> TextRecord {
    let text = try text ?? InputFile.text(of: nil)
    guard !text.allSatisfy(\.isWhitespace) else {
      throw MinkeError(.invalidArgument, "text", expected: "words to keep", found: "\"\(text)\"")
    }
    var members: [String: JSONValue] = [:]
    if let metadata {
      guard
        case .object(let given) = try Array(metadata.utf8).withUnsafeBytes({
          try JSONValue(parsing: $0, subject: "--metadata")
        })
      else { throw MinkeError(.invalidArgument, "--metadata", expected: "a JSON object", found: metadata) }
      members = given
    }
    var record = TextRecord(id: id ?? "", text: text, title: title, metadata: members)
    if id == nil { record.id = record.digest }
    return record
  }
}

struct RemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Take documents out of a collection.",
    discussion: """
      The status is 0 when all were there, 1 when some were not.

        minke remove todo-17 old/plan.md --in notes.minke
      """)

  @Argument(help: "Ids of documents, or paths of files.", completion: .file())
  var documents: [String]

  @Option(name: .customLong("in"), help: ArgumentHelp("The collection.", valueName: "file"), completion: .file())
  var name: String

  func run() async throws {
    let collection = try CollectionPlace.open(name)
    defer { try? collection.close() }
    let removed = Set(try collection.remove(documents))
    for document in documents where !removed.contains(document) {
      say("minke: \(Style.printable(document)): expected a document of \(collection.location), found none")
    }
    say("\(removed.count) removed")
    if removed.count < Set(documents).count { throw CommandStatus.nothingFound }
  }
}

extension DocumentStorage {
  /// Adds the documents in the lines of a file.
  func addLines(
    of input: consuming InputFile, splitter: PassageSplitter?, progress: (@Sendable (IndexProgress) -> Void)? = nil
  ) throws -> IndexReport {
    let total = input.byteCount ?? 0
    let source = LineSource(input)
    var lines = RecordLines(FileLines(name: source.name) { try source.next() })
    var report = try add(
      source: nil, splitter: splitter,
      progress: { progress?(IndexProgress(passages: $0.passages, bytes: $0.bytes, totalBytes: total)) }
    ) { try lines.next(Self.recordsAtOnce) }
    report.mistakes += lines.mistakes.map(\.error)
    return report
  }
}

/// An input file that a closure may read.
private final class LineSource {
  private var file: InputFile
  let name: String

  init(_ file: consuming InputFile) {
    name = file.name
    self.file = file
  }

  func next() throws -> [UInt8]? {
    let bytes = try file.read(1 << 20)
    return bytes.isEmpty ? nil : bytes
  }
}
