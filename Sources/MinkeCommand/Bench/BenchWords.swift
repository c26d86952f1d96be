import ArgumentParser
import Minke

extension BenchCommand {
  struct Words: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "words",
      abstract: "How fast passages are indexed by their words, and searched.",
      discussion: "Both files are JSON Lines with a member \"text\".")

    @Argument(help: ArgumentHelp("The passages, .jsonl.", valueName: "passages"))
    var passages: String

    @Argument(help: ArgumentHelp("The queries, .jsonl.", valueName: "queries"))
    var queries: String

    @Option(help: "How many queries at most, evenly out of all.")
    var limit = 1000

    @Option(help: "How many passages are added at a time.")
    var batch = 65_536

    @Flag(help: "Leave words as they are, without stems.")
    var noStems = false

    @Option(
      help: ArgumentHelp("Also write the ids of the first 10 of each query to this file, .jsonl.", valueName: "file"))
    var ranks: String?

    @OptionGroup var form: JSONOption

    func validate() throws {
      if min(limit, batch) < 1 { throw ValidationError("--limit and --batch are 1 or more.") }
    }

    func run() async throws {
      let index = WordIndex(analyzer: WordAnalyzer(stems: !noStems))
      let clock = ContinuousClock()
      var building = Duration.zero
      var pending: [String] = []
      func add() throws {
        building += try clock.measure { try index.add(pending) }
        pending.removeAll(keepingCapacity: true)
      }
      try Self.readTexts(passages) { texts in
        pending += texts
        if pending.count >= batch { try add() }
      }
      try add()
      var all: [String] = []
      try Self.readTexts(queries) { all += $0 }
      let count = min(limit, all.count)
      guard count > 0, index.count > 0 else {
        throw MinkeError(.invalidArgument, "files", expected: "passages and queries", found: "none")
      }
      let chosen = (0..<count).map { all[$0 * all.count / count] }

      var report = FigureReport()
      report.add("passages", Double(index.count), "")
      report.add("threads", Double(Workers.count), "")
      report.add("build", building / .seconds(1), "s")
      report.add("build_rate", (Double(index.count) / (building / .seconds(1))).rounded(), "passages/s")
      report.add("index_bytes", Double(index.byteCount), "bytes")
      report.add("queries", Double(count), "")
      for k in [10, 1000] {
        // The second round counts: the first brings memory and tables in.
        var times: [Double] = []
        for _ in 0..<2 {
          times = try chosen.map { query in try clock.measure { _ = try index.search([query], k: k) } / .milliseconds(1)
          }
        }
        times.sort()
        report.add("top_\(k)_median", times.median, "ms")
        report.add("top_\(k)_p90", times[min(count - 1, count * 9 / 10)], "ms")
        report.add("top_\(k)_worst", times.last ?? 0, "ms")
        let together = try clock.measure { _ = try index.search(chosen, k: k) } / .seconds(1)
        report.add("top_\(k)_all_threads", Double(count) / together, "queries/s")
      }
      try report.print(json: form.isOn)
      if let ranks { try write(try await index.search(chosen, k: 10), to: ranks) }
    }

    private func write(_ found: [[Match]], to path: String) throws {
      var file = try FileWriter(toOption: path)
      for matches in found {
        let ids = matches.map { "\($0.id)" }.joined(separator: ",")
        let scores = matches.map { "\($0.score)" }.joined(separator: ",")
        try file.write("{\"ids\":[\(ids)],\"scores\":[\(scores)]}\n")
      }
      try file.finish()
    }

    /// Reads the member "text" of every line, some lines at a time.
    private static func readTexts(_ path: String, _ take: ([String]) throws -> Void) throws {
      var reader = try RecordReader(
        InputFile(path), .automatic, skippingInvalid: false, json: InputText.init(reading:))
      while let texts = try reader.next() { try take(texts.map(\.text)) }
    }
  }
}
