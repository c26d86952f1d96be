import ArgumentParser
import Minke

/// The option of every command that runs a language model, the built-in one without it.
struct LanguageModelOption: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")],
    help: "A built-in name or the path of a language model's folder; without it the small one that comes with Minke.",
    completion: ModelCompletion.kind)
  var name: String?

  /// The model; what its files leave open is said on standard error, and which one it is where none was named.
  func load() throws -> LanguageModel {
    let chosen = name ?? ModelLibrary.defaultLanguageModelName
    if name == nil { say("minke: \(chosen), a small model that comes with Minke; --model takes another") }
    return try Self.load(chosen)
  }

  static func load(_ name: String) throws -> LanguageModel {
    let language = try ModelLibrary.languageModel(name)
    for assumption in language.assumptions { say("minke: \(assumption)") }
    return language
  }
}
