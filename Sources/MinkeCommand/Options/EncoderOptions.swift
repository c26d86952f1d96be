import ArgumentParser
import Minke

/// The options of every command that runs a text encoder.
struct EncoderOptions: ParsableArguments {
  @OptionGroup var model: ModelOption

  @Option(
    help: ArgumentHelp("Keep only the first numbers of each vector, as many as the model allows.", valueName: "d"))
  var dimension: Int?

  @Option(help: "float32, or int8 or 4bit for the layers of a BERT or Byrne-Embed model.")
  var precision: Precision?

  @Flag(help: "Keep one bit of each number, its sign, and compare by Hamming distance.")
  var binarize = false

  func load() async throws -> any TextEncoder {
    try await model.fetchMissing()
    let encoder = try await ModelLibrary.textEncoder(model.name, precision: precision)
    return binarize ? try BinarizedEncoder(encoder) : encoder
  }
}

/// The option of commands whose texts may be either side of a search.
struct RoleOption: ParsableArguments {
  @Option(help: "query or document, for models with a prompt for each; model info shows the prompts.")
  var role: TextRole?
}

extension Precision: ExpressibleByArgument {}
extension TextRole: ExpressibleByArgument {}
