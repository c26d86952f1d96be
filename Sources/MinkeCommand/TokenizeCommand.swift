import ArgumentParser
import Minke

struct TokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show the tokens of texts, one JSON object a line: {\"ids\":[...],\"tokens\":[...]}.",
    discussion: """
      The ids are those that encode reads for the same text: with the model's lower-casing, prompt, limit and the \
      tokens around a text, where the model has any.

        echo "unbelievable whales" | minke tokenize
      """)

  @OptionGroup var model: ModelOption

  @OptionGroup var text: RoleOption

  @Flag(
    inversion: .prefixedNo, help: "Add the tokens that stand around a text, such as [CLS] and [SEP], or leave them out."
  )
  var special: Bool?

  @OptionGroup var input: InputOptions

  func run() async throws {
    try await model.fetchMissing()
    var tokenization = try ModelLibrary.tokenization(model.name)
    if let special { tokenization = tokenization.addingSpecialTokens(special) }
    var reader = try input.texts()
    var output = FileWriter()
    while let batch = try reader.next() {
      for ids in try await tokenization.ids(of: batch.map(\.text), role: text.role) {
        var tokens = ""
        for id in ids {
          if !tokens.isEmpty { tokens += "," }
          JSONValue.write(tokenization.tokenizer.token(id) ?? "", to: &tokens)
        }
        try output.write("{\"ids\":[\(ids.map(String.init).joined(separator: ","))],\"tokens\":[\(tokens)]}\n")
      }
      // What is ready is shown before more is waited for.
      try output.flush()
    }
    try output.finish()
  }
}
