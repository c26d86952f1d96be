import ArgumentParser
import Foundation
import Minke
import MinkeStore

struct SimilarCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "similar",
    abstract: "Find the passages of a collection that are most like one of it, by meaning.",
    discussion: """
      The one is named by file and line, or by the id of its document; without a line the whole document is compared, \
      and left out of what is found.

        minke similar notes/roof.md:12 --in notes.minke
        minke similar todo-17 --in notes.minke -k 3

      The status is 0 when something was found, and 1 when nothing was.
      """)

  @Argument(help: "FILE:LINE, FILE, or the id of a document.", completion: .file())
  var place: String

  @Option(name: .customShort("k", allowingJoined: true), help: "How many passages to show.")
  var k = 10

  @OptionGroup var collections: SearchedCollections
  @OptionGroup(title: "What is shown") var output: SearchOutputOptions

  func validate() throws {
    if collections.names.count != 1 { throw ValidationError("One collection is needed, with --in.") }
  }

  func run() async throws {
    let options = CollectionSearchOptions(
      try output.searchOptions(k: k), filter: try collections.condition.map { try DocumentFilter($0) },
      surroundings: collections.context)
    let collection = try collections.open()[0]
    defer { try? collection.close() }
    let (document, line) = try Self.parts(of: place, in: collection)
    let found = try collection.similar(to: document, line: line, options: options)
    try SearchPrinter(output, queries: [SearchQuery(text: "")]).print([found])
    if found.isEmpty { throw CommandStatus.nothingFound }
  }

  /// Document and line; what is the name of a document as it is has no line.
  private static func parts(of place: String, in collection: any PassageCollection) throws -> (
    document: String, line: Int?
  ) {
    guard let colon = place.lastIndex(of: ":"), let line = Int(place[place.index(after: colon)...]),
      try !collection.contains(place)
    else { return (place, nil) }
    return (String(place[..<colon]), line)
  }
}

struct DuplicatesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "duplicates",
    abstract: "Find passages of a collection that say nearly the same.",
    discussion: """
      Every pair of passages is compared. In a group each passage is like another one of it; its score is how like. In \
      binary and two-stage collections bits are compared, and lower thresholds suit: 0.8 is about 0.95 there.

        minke duplicates --in notes.minke
        minke duplicates --in notes.minke --threshold 0.99 --json

      The status is 0 when some were found, and 1 when there are none.
      """)

  @Option(name: .customLong("in"), help: ArgumentHelp("The collection.", valueName: "collection"), completion: .file())
  var name: String

  @Option(help: ArgumentHelp("How alike two passages must be, -1 to 1.", valueName: "score"))
  var threshold: Float = 0.95

  @Flag(help: "Each pair by itself instead of groups.")
  var pairs = false

  @Flag(help: "Also passages of one document that share some of its text.")
  var neighbors = false

  @OptionGroup var form: JSONOption
  @OptionGroup var color: ColorOption

  func validate() throws {
    if !(-1...1).contains(threshold) { throw ValidationError("--threshold takes a number from -1 to 1.") }
  }

  func run() async throws {
    let collection = try CollectionPlace.open(name)
    defer { try? collection.close() }
    let bar = ProgressBar("comparing")
    defer { bar.finish() }
    let (isJSON, style) = (form.isOn, Style(color.color))
    let (pairs, threshold, neighbors) = (pairs, threshold, neighbors)
    let count = try await Workers.run {
      var output = FileWriter()
      var count = 0
      if pairs {
        try collection.duplicates(threshold: threshold, includesNeighbors: neighbors, progress: bar.handler) { pair in
          count += 1
          let passages = [pair.first, pair.second]
          try output.write(
            isJSON
              ? JSONValue.object([
                "similarity": .number(Double(pair.similarity)),
                "passages": .array(passages.map { .object($0.members) }),
              ]).text + "\n" : passages.map { $0.line(style) }.joined() + "\n")
        }
      } else {
        try collection.duplicateGroups(
          threshold: threshold, includesNeighbors: neighbors, progress: bar.handler
        ) { group in
          count += 1
          try output.write(
            isJSON
              ? JSONValue.object([
                "size": .integer(group.count), "passages": .array(group.map { .object($0.members) }),
              ]).text + "\n"
              : style.bold("\(group.count) passages") + "\n" + group.map { $0.line(style) }.joined() + "\n")
        }
      }
      try output.finish()
      return count
    }
    bar.finish()
    if count == 0 { throw CommandStatus.nothingFound }
  }
}

struct ClusterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster",
    abstract: "Put the passages of a collection into clusters by meaning, named by their most telling words.",
    discussion: """
        minke cluster --in notes.minke -k 12
        minke cluster --in notes.minke -k 12 --json | jq -r '.words[0]'
      """)

  @Option(name: .customLong("in"), help: ArgumentHelp("The collection.", valueName: "collection"), completion: .file())
  var name: String

  @Option(name: .customShort("k", allowingJoined: true), help: "How many clusters.")
  var k: Int

  @Option(help: "Where the random choices begin: the same number gives the same clusters.")
  var seed: UInt64 = 0

  @Option(help: "Passages to show of each cluster, those in its middle.")
  var passages = 3

  @Option(help: "Words to show of each cluster.")
  var words = 8

  @OptionGroup var form: JSONOption
  @OptionGroup var color: ColorOption

  func validate() throws {
    if k < 1 { throw ValidationError("-k is 1 or more.") }
    if passages < 0 || words < 0 { throw ValidationError("--passages and --words take 0 or more.") }
  }

  func run() async throws {
    let collection = try CollectionPlace.open(name)
    defer { try? collection.close() }
    let bar = ProgressBar("clustering")
    defer { bar.finish() }
    let (k, seed, passages, words) = (k, seed, passages, words)
    let clusters = try await Workers.run {
      try collection.clusters(k, seed: seed, central: passages, words: words, progress: bar.handler)
    }
    bar.finish()
    let style = Style(color.color)
    var output = FileWriter()
    for (number, cluster) in clusters.enumerated() {
      let json: JSONValue = [
        "cluster": .integer(number + 1), "size": .integer(cluster.size),
        "words": .array(cluster.words.map { .string($0) }),
        "passages": .array(cluster.central.map { .object($0.members) }),
      ]
      let title = "\(style.bold("\(number + 1)"))  \(cluster.size) passage\(cluster.size == 1 ? "" : "s"): "
      try output.write(
        form.isOn
          ? json.text + "\n"
          : title + style.bold(Style.printable(cluster.words.joined(separator: ", "))) + "\n"
            + cluster.central.map { $0.line(style) }.joined() + "\n")
    }
    try output.finish()
    if clusters.isEmpty { throw CommandStatus.nothingFound }
  }
}

extension FoundPassage {
  /// What programs are told of a passage that stands beside others.
  fileprivate var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "score": .number(Double(score)), "document": .string(document),
      "lines": [.integer(passage.lines.lowerBound), .integer(passage.lines.upperBound)],
      "bytes": [.integer(passage.byteRange.lowerBound), .integer(passage.byteRange.upperBound)],
      "text": .string(text),
    ]
    if let path { members["file"] = .string(path.description) }
    if let path, !path.isUTF8 { members["file_base64"] = .string(Data(path.bytes).base64EncodedString()) }
    if let title { members["title"] = .string(title) }
    if !metadata.isEmpty { members["metadata"] = .object(metadata) }
    return members
  }

  /// Score, place and the beginning of the text, for people.
  fileprivate func line(_ style: Style) -> String {
    let place = "\(Style.printable(document)):\(passage.lines.lowerBound)"
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return "  \(style.faint(fixed(score, digits: 4)))  \(place)  \(shortened(words, to: style.width))\n"
  }
}
