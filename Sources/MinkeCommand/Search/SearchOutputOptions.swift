import ArgumentParser
import Minke

/// What a search shows, and in which form.
struct SearchOutputOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Only passages with this score or a higher one; by both and by meaning, a score is at most 1.", valueName: "score"
    ))
  var threshold: Float?

  @Option(help: ArgumentHelp("At most this many passages of one file.", valueName: "n"))
  var maxPerFile: Int?

  enum Grouping: String, ExpressibleByArgument, CaseIterable { case file }

  @Option(help: ArgumentHelp("file: only the best passage of each.", valueName: "what"))
  var groupBy: Grouping?

  @Flag(name: [.customShort("l"), .long], help: "Only the names of files, each once, the best first.")
  var filesWithMatches = false

  @OptionGroup var form: JSONOption
  @OptionGroup var color: ColorOption

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Passages below a line with rank, score and place, or one line each as file:line:score text for editors; by "
        + "default the first on a terminal and the other elsewhere."))
  var heading: Bool?

  func validate() throws {
    if form.isOn, filesWithMatches { throw ValidationError("--json and --files-with-matches exclude each other.") }
    if let threshold, !threshold.isFinite { throw ValidationError("--threshold takes a number.") }
    if let maxPerFile, maxPerFile < 1 { throw ValidationError("--max-per-file takes 1 or more.") }
  }

  func searchOptions(k: Int) throws -> SearchOptions {
    guard k > 0 else { throw MinkeError(.invalidArgument, "-k", expected: "1 or more", found: "\(k)") }
    return SearchOptions(
      k: k, threshold: threshold, maximumPerDocument: filesWithMatches ? 1 : maxPerFile ?? groupBy.map { _ in 1 })
  }
}
