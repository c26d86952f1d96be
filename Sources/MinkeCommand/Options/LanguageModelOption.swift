import ArgumentParser

/// The option of every command that runs a language model.
struct LanguageModelOption: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")], help: "The path of a language model's folder.",
    completion: .directory)
  var path: String
}
