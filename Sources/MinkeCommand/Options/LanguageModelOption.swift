import ArgumentParser
import Minke

/// The option of every command that runs a language model.
struct LanguageModelOption: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")], help: "The path of a language model's folder.",
    completion: .directory)
  var path: String

  /// The model; what its files leave open is said on standard error.
  func load() throws -> LanguageModel { try Self.load(path) }

  static func load(_ path: String) throws -> LanguageModel {
    let language = try ModelLibrary.languageModel(path)
    for assumption in language.assumptions { say("minke: \(assumption)") }
    return language
  }
}
