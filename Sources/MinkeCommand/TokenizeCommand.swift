import ArgumentParser
import Minke

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show the tokens of texts, one JSON object a line: {\"ids\":[...],\"tokens\":[...]}.",
    discussion: """
      The ids are those that encode reads for the same text: with the model's lower-casing, prompt, limit and the \
      tokens around a text, where the model has any.

        echo "unbelievable whales" | minke tokenize
      """)

  @Option(help: "A built-in name, the path of a model folder, or of a .pt archive.")
  var model = ModelLibrary.defaultName

  @Option(help: "query or document, for models with a prompt for each.")
  var role: TextRole?

  @Flag(
    inversion: .prefixedNo, help: "Add the tokens that stand around a text, such as [CLS] and [SEP], or leave them out."
  )
  var special: Bool?

  @OptionGroup var source: TextSource

  func run() throws {
    var tokenization = try ModelLibrary.tokenization(model)
    if let special { tokenization = tokenization.addingSpecialTokens(special) }
    var lines = try source.open()
    var output = FileWriter()
    while let texts = try lines.next() {
      for ids in try tokenization.ids(of: texts, role: role) {
        var tokens = ""
        for id in ids {
          if !tokens.isEmpty { tokens += "," }
          JSONValue.write(tokenization.tokenizer.token(id) ?? "", to: &tokens)
        }
        try output.write("{\"ids\":[\(ids.map(String.init).joined(separator: ","))],\"tokens\":[\(tokens)]}\n")
      }
    }
    try output.finish()
  }
}

extension TextRole: ExpressibleByArgument {}
