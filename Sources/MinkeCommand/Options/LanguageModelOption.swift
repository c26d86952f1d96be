import ArgumentParser
import Minke

/// The option of every command that runs a language model, the built-in one without it.
struct LanguageModelOption: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")],
    help: "A built-in name, a language model's folder or ORG/NAME of a hub; without it the small one of Minke itself.",
    completion: ModelCompletion.kind)
  var name: String?

  @OptionGroup var source: PullOption

  /// The model, fetched first if it is missing and that is wanted; what its files leave open is said on standard error,
  /// and which one it is where none was named.
  func load() async throws -> LanguageModel {
    try await source.fetchMissing(name)
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
