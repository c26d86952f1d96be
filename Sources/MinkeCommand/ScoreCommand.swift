import ArgumentParser
import Minke

struct ScoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Say how likely a language model finds texts.",
    discussion: """
      With --jsonl, each line of the input is {"context": ..., "continuation": ...} and each line of the output \
      {"sum": ..., "tokens": [...], "bytes": ..., "greedy": ...}: natural logarithms of probabilities, in all and for \
      each token. Without, the input is one text, and its perplexity is measured with a sliding window.

        minke score --model byrne-86m --jsonl < pairs.jsonl
        minke score --model byrne-86m book.txt
      """)

  @OptionGroup var model: LanguageModelOption
  @OptionGroup var input: InputOptions

  @Option(help: "Tokens that the sliding window holds.")
  var window: Int?

  @Option(help: "Tokens by which the window slides.")
  var stride: Int?

  @OptionGroup var form: JSONOption

  func validate() throws {
    if input.jsonl, window != nil || stride != nil || form.isOn {
      throw ValidationError("--window, --stride and --json are for perplexity, without --jsonl.")
    }
  }

  func run() async throws {
    let language = try await model.load()
    if input.jsonl { try score(with: language) } else { try measure(input.bytes(), with: language) }
  }

  private func score(with language: LanguageModel) throws {
    var reader = try input.records(of: Self.pair)
    var pairs: [(context: String, continuation: String)] = []
    while let batch = try reader.next() { pairs += batch }
    let progress = ProgressBar("scoring")
    let scores = try language.score(pairs, progress: progress.handler)
    progress.finish()
    var output = FileWriter()
    for score in scores {
      let object: JSONValue = [
        "sum": .number(score.logLikelihood), "tokens": .array(score.tokenLogLikelihoods.map { .number($0) }),
        "bytes": .integer(score.byteCount), "greedy": .boolean(score.isGreedy),
      ]
      try output.write(object.text + "\n")
    }
    try output.finish()
  }

  /// The two texts of one line.
  private static func pair(_ reader: inout JSONReader) throws -> (context: String, continuation: String) {
    let value = try JSONValue(reading: &reader)
    guard let context = value["context"]?.string, let continuation = value["continuation"]?.string else {
      throw reader.error(
        "an object with strings \"context\" and \"continuation\"", found: shortened(value.text, to: 80))
    }
    return (context, continuation)
  }

  private func measure(_ text: [UInt8], with language: LanguageModel) throws {
    let progress = ProgressBar("reading")
    let result = try text.withUnsafeBufferPointer {
      try language.perplexity(ofBytes: $0, window: window, stride: stride, progress: progress.handler)
    }
    progress.finish()
    var output = FileWriter()
    if form.isOn {
      let object: JSONValue = [
        "byte_perplexity": .number(result.perByte), "bits_per_byte": .number(result.bitsPerByte),
        "token_perplexity": .number(result.perToken), "log_likelihood": .number(result.logLikelihood),
        "bytes": .integer(result.byteCount), "tokens": .integer(result.tokenCount),
      ]
      try output.write(object.text + "\n")
    } else {
      try output.write(
        """
        byte perplexity   \(fixed(result.perByte, digits: 4))
        bits a byte       \(fixed(result.bitsPerByte, digits: 4))
        token perplexity  \(fixed(result.perToken, digits: 4))
        bytes             \(result.byteCount)
        tokens            \(result.tokenCount)

        """)
    }
    try output.finish()
  }
}
