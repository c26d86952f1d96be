// Continue a text, hold a conversation, and ask how likely a text is.
import Minke

func run() async throws {
  let folder = CommandLine.arguments.dropFirst().first ?? "Tests/Fixtures/spikewhale-tiny"

  // snippet.generate
  let language = try await ModelLibrary.languageModel(folder)
  var options = GenerationOptions()
  options.maximumTokens = 12
  for try await piece in language.generate("Once upon a time", options: options) { print(piece.text, terminator: "") }
  print()

  // snippet.chat
  let chat = try ChatSession(language, system: "You are a helpful assistant.")
  for try await piece in chat.reply(to: "Which whale sings?", options: options) { print(piece.text, terminator: "") }
  print("\n\(chat.messages.count) messages, \(chat.tokenCount) tokens")

  // snippet.score
  let perplexity = try await language.perplexity(of: "It was the best of times, it was the worst of times.")
  print(perplexity.bitsPerByte, "bits a byte")
  // snippet.end
}

try await run()
