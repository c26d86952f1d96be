import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The folder of a SpikeWhale model, its files read and held against each other: `config.json`, `tokenizer.json` and
/// `model.safetensors`, which stays where it is mapped.
package struct SpikeWhaleFolder: ModelFiles {
  let folder: ModelFolder
  let json: JSONValue
  /// The configuration's file in error texts.
  let subject: String
  let configuration: SpikeWhaleConfiguration
  let tokenizer: SpikeTokenizer
  let checkpointURL: URL
  let checkpoint: Checkpoint

  /// Whether the files of a SpikeWhale model lie in `folder`.
  package static func recognizes(_ folder: ModelFolder) throws -> Bool {
    try folder.json("config.json")?["model_type"]?.string == "spike_whale"
  }

  /// - Throws: `MinkeError` when a file is missing or malformed or the files do not fit together.
  package init(_ folder: ModelFolder) throws {
    self.folder = folder
    let reader = try ConfigurationReader.required("config.json", in: folder)
    subject = reader.subject
    json = .object(reader.members)
    configuration = try SpikeWhaleConfiguration(reader)
    let tokenizerURL = try folder.requiredFile("tokenizer.json")
    tokenizer = try SpikeTokenizer(contentsOf: tokenizerURL)
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw MinkeError(
        .malformedFile, tokenizerURL.relativePath,
        expected: "at most \(configuration.vocabularySize) tokens, as the model",
        found: "\(tokenizer.vocabularySize)")
    }
    checkpointURL = try folder.file("model.safetensors.index.json") ?? folder.requiredFile("model.safetensors")
    checkpoint = try folder.checkpoint(checkpointURL)
  }

  /// The form of the hyper-connections that the configuration states or, where it is silent, the likeliest.
  private var form: HyperConnectionForm { configuration.hyperConnectionForm ?? .likeliest }

  /// The model, its hyper-connections in the form that is stated or likeliest.
  package func model(kernels level: KernelLevel) throws -> SpikeWhaleModel {
    try SpikeWhaleModel(configuration, checkpoint: checkpoint, form: form, kernels: level)
  }

  /// Writes down what the logits depend on.
  func describe(in recipe: inout ModelRecipe.Ingredients) {
    recipe.add("kind", "SpikeWhale")
    recipe.add("configuration", "\(configuration)")
    recipe.add("hyper-connections", "\(form)")
    recipe.add("tokenizer", tokenizer.definition)
    recipe.add(checkpoint)
  }

  /// What the folder leaves open about the decoder and how ``model(kernels:)`` takes it.
  var assumptions: [String] {
    guard configuration.streamCount > 1, configuration.hyperConnectionForm == nil else { return [] }
    return [
      "\(subject) does not say the form of the hyper-connections; assumed: \(HyperConnectionForm.likeliest). "
        + "\"minke model settle\" measures it and writes it down"
    ]
  }
}

extension LanguageModel {
  /// Loads the SpikeWhale model of `folder`, whose weights stay where they are mapped.
  ///
  /// - Throws: `MinkeError` when a file is missing or malformed or the files do not fit together.
  package init(spikeWhale folder: ModelFolder, kernels level: KernelLevel = .active) throws {
    let files = try SpikeWhaleFolder(folder)
    let model = try files.model(kernels: level)
    let ends = [files.tokenizer.id(of: "<|im_end|>"), TokenID(model.configuration.endToken)]
    try self.init(
      model, tokenizer: files.tokenizer,
      identity: ModelIdentity(name: folder.name, recipe: ModelRecipe { files.describe(in: &$0) }),
      startToken: TokenID(model.configuration.startToken), endTokens: Set(ends.compactMap { $0 }),
      assumptions: files.assumptions)
    self.files = files
    self.modelFacts = [ModelFact("kind", "SpikeWhale")] + model.facts
  }
}

extension SpikeWhaleModel {
  /// What people want to know.
  var facts: [ModelFact] {
    [
      ModelFact("tensor count", "\(tensorCount)"), ModelFact("element count", "\(elementCount)"),
      ModelFact("precision", precision.rawValue), ModelFact("hyper-connections", "\(form)"),
    ]
  }
}
