import ArgumentParser
import Minke
import MinkeStore

extension BenchCommand {
  struct Collections: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "collection",
      abstract: "How long searches in a collection take when it is in memory.",
      discussion: "Each query of --queries is searched for by itself; what is asked first is not counted.")

    @Argument(help: "The collection.", completion: .file())
    var name: String

    @Option(help: "The queries, one a line, or JSON Lines.", completion: .file())
    var queries: String

    @Option(name: .customShort("k", allowingJoined: true), help: "How many passages of each.")
    var k = 10

    @Option(help: "both, meaning or words; all three without it.")
    var mode: SearchMode?

    @Option(help: "Queries, at most.")
    var limit = 200

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
      guard k > 0, limit > 0 else { throw ValidationError("-k and --limit take 1 or more.") }
    }

    func run() async throws {
      let asked = try SearchQuery.read(query: nil, file: queries).prefix(limit).map(\.text)
      let collection = try await Collection.open(name)
      defer { try? collection.close() }
      var report = FigureReport()
      report.add("passages", Double(try collection.passageCount), "")
      report.add("storage", try collection.settings.storage.rawValue)
      report.add("threads", Double(Workers.count), "")
      for mode in mode.map({ [$0] }) ?? SearchMode.allCases {
        let options = CollectionSearchOptions(SearchOptions(k: k, mode: mode))
        // What is asked for a second time is kept in memory.
        for _ in 0..<2 { _ = try await collection.search(asked.prefix(20).map { $0 }, options: options) }
        var times: [Double] = []
        for query in asked {
          let start = ContinuousClock.now
          _ = try await collection.search([query], options: options)
          times.append((ContinuousClock.now - start) / .milliseconds(1))
        }
        times.sort()
        report.add("\(mode.rawValue)_median", times.median, "ms")
        report.add("\(mode.rawValue)_p90", times[times.count * 9 / 10], "ms")
        report.add("\(mode.rawValue)_worst", times.last ?? 0, "ms")
      }
      try report.print(json: json)
    }
  }
}
