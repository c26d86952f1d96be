import ArgumentParser
import Minke

/// The option of every command that looks for any kind of model, a built-in one without it.
struct ModelOption: ParsableArguments {
  static let help: ArgumentHelp = """
    A built-in name, the path of a model folder or of a .pt archive, or ORG/NAME[@REVISION] of a fetched one.
    """

  @Option(
    name: [.customShort("m"), .customLong("model")], help: help, completion: ModelCompletion.kind)
  var name = ModelLibrary.defaultName

  @OptionGroup var source: PullOption

  /// Fetches the model if it is missing and that is wanted.
  func fetchMissing() async throws { try await source.fetchMissing(name) }
}
