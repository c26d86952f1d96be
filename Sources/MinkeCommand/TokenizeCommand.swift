import ArgumentParser
import Minke

struct TokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show the tokens of texts, one JSON object a line: {\"ids\":[...],\"tokens\":[...]}.",
    discussion: """
        echo "unbelievable whales" | minke tokenize
      """)

  @Option(
    name: [.short, .long], help: "A built-in name or the path of a model folder.", completion: ModelCompletion.kind)
  var model = ModelLibrary.defaultName

  @Flag(help: "Add the tokens that a model wants around a text, such as [CLS] and [SEP].")
  var special = false

  @OptionGroup var input: InputOptions

  func run() async throws {
    let tokenizer = try ModelLibrary.tokenizer(model)
    var reader = try input.texts()
    var output = FileWriter()
    while let batch = try reader.next() {
      for ids in try tokenizer.encode(batch.map(\.text), addingSpecialTokens: special) {
        var tokens = ""
        for id in ids {
          if !tokens.isEmpty { tokens += "," }
          JSONValue.write(tokenizer.token(id) ?? "", to: &tokens)
        }
        try output.write("{\"ids\":[\(ids.map(String.init).joined(separator: ","))],\"tokens\":[\(tokens)]}\n")
      }
      // What is ready is shown before more is waited for.
      try output.flush()
    }
    try output.finish()
  }
}
