import ArgumentParser
import Minke

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show the tokens of texts, one JSON object a line: {\"ids\":[...],\"tokens\":[...]}.",
    discussion: """
        echo "unbelievable whales" | minke tokenize
      """)

  @Option(help: "A built-in name or the path of a model folder.")
  var model = ModelLibrary.defaultName

  @Flag(help: "Add the tokens that a model wants around a text, such as [CLS] and [SEP].")
  var special = false

  @OptionGroup var source: TextSource

  func run() throws {
    let tokenizer = try ModelLibrary.tokenizer(model)
    var lines = try source.open()
    var output = FileWriter()
    while let texts = try lines.next() {
      for ids in try tokenizer.encode(texts, addingSpecialTokens: special) {
        var tokens = ""
        for id in ids {
          if !tokens.isEmpty { tokens += "," }
          JSONValue.write(tokenizer.token(id) ?? "", to: &tokens)
        }
        try output.write("{\"ids\":[\(ids.map(String.init).joined(separator: ","))],\"tokens\":[\(tokens)]}\n")
      }
    }
    try output.finish()
  }
}
