import ArgumentParser
import Minke

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text with a language model.",
    discussion: """
      The continuation goes to standard output as it is made. Without a prompt, or with -, standard input is the prompt.

        minke generate "The whale is" --temperature 0.7 --max-tokens 60
        minke generate --model byrne-86m "The whale is" --max-tokens 40
      """)

  @OptionGroup var model: LanguageModelOption

  @Argument(help: "The text to continue; several words are joined by spaces.")
  var prompt: [String] = []

  @OptionGroup var generation: GenerationArguments

  @OptionGroup var form: JSONOption

  func run() async throws {
    let options = try generation.options(defaultMaximum: 256)
    let text = prompt.isEmpty || prompt == ["-"] ? try InputFile.text(of: nil) : prompt.joined(separator: " ")
    let language = try await model.load()
    var output = FileWriter()
    var continuation = ""
    var end: GenerationEnd?
    let generated = try language.generate(text, options: options) { piece in
      continuation += piece.text
      end = piece.end
      guard !form.isOn, !piece.text.isEmpty else { return }
      try output.write(piece.text)
      try output.flush()
    }
    if form.isOn {
      let object: JSONValue = [
        "prompt": .string(text), "text": .string(continuation), "tokens": .array(generated.map { .integer(Int($0)) }),
        "end": end.map { .string($0.rawValue) } ?? .null,
      ]
      try output.write(object.text + "\n")
    } else {
      try output.write("\n")
      if end == .contextFull { say("minke: the context of \(language.contextLength) tokens is full") }
    }
    try output.finish()
  }
}
