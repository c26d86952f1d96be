import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Say how likely a language model finds texts.",
    discussion: """
      With --jsonl, each line of the input is {"context": ..., "continuation": ...} and each line of the output
      {"sum": ..., "tokens": [...], "bytes": ..., "greedy": ...}: natural logarithms of probabilities, in all and for
      each token. Without, the input is one text, and its perplexity is measured with a sliding window.

        minke score --model byrne-86m --jsonl < pairs.jsonl
        minke score --model byrne-86m --input book.txt
      """)

  @Option(help: "The path of a language model's folder.")
  var model: String

  @Option(help: ArgumentHelp("Read this file instead of standard input.", valueName: "file"))
  var input: String?

  @Flag(help: "The input is pairs of context and continuation, a JSON object a line.")
  var jsonl = false

  @Option(help: "Tokens that the sliding window holds.")
  var window: Int?

  @Option(help: "Tokens by which the window slides.")
  var stride: Int?

  @Flag(help: "Print the perplexity as one JSON object.")
  var json = false

  func validate() throws {
    if jsonl, window != nil || stride != nil || json {
      throw ValidationError("--window, --stride and --json are for perplexity, without --jsonl.")
    }
  }

  func run() throws {
    let language = try ModelLibrary.languageModel(model)
    let file = try input.map { try MappedFile(URL(fileURLWithPath: $0)) }
    let bytes = file == nil ? try StandardInput.bytes() : []
    try bytes.withUnsafeBytes { bytes in
      let text = (file?.bytes ?? bytes).bindMemory(to: UInt8.self)
      if jsonl { try score(text, with: language) } else { try measure(text, with: language) }
    }
  }

  private func score(_ text: UnsafeBufferPointer<UInt8>, with language: LanguageModel) throws {
    var pairs: [(context: String, continuation: String)] = []
    for (index, line) in Array(text).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
    {
      if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t") }) {
        continue
      }
      let subject = "\(input ?? "standard input"), line \(index + 1)"
      let value: JSONValue
      do {
        value = try line.withUnsafeBytes { try JSONValue(parsing: $0, subject: "JSON") }
      } catch let error as MinkeError {
        throw error.inside(subject)
      }
      guard let context = value["context"]?.string, let continuation = value["continuation"]?.string else {
        throw MinkeError(
          .malformedFile, subject, expected: "an object with strings \"context\" and \"continuation\"",
          found: value.text)
      }
      pairs.append((context, continuation))
    }
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

  private func measure(_ text: UnsafeBufferPointer<UInt8>, with language: LanguageModel) throws {
    let progress = ProgressBar("reading")
    let result = try language.perplexity(ofBytes: text, window: window, stride: stride, progress: progress.handler)
    progress.finish()
    var output = FileWriter()
    if json {
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
