import MinkeCore
import MinkeText

/// The way to models: every place that takes a model takes a built-in name, the path of a folder or of an archive, or the
/// name of a model that was fetched from a hub.
public enum ModelLibrary {
  /// The models that come with the package: a text encoder and a language model.
  public static let builtInNames = BuiltInModels.names

  /// The text encoder used where none is named.
  public static var defaultName: String { BuiltInModels.encoder }

  /// The language model used where none is named: a small one that shows how language models run, and knows little.
  public static var defaultLanguageModelName: String { BuiltInModels.languageModel }

  /// The kinds of models, in the order in which folders are held against them.
  package static let families: [any ModelFamily] = [
    ByrneFamily(), SpikeWhaleFamily(), BinaryFamily(), TransformerFamily(), StaticBinaryFamily(),
    StaticFamily(),
  ]

  /// The model types that `config.json` may name.
  private static let knownTypes = TransformerConfiguration.Family.allCases.map(\.rawValue) + ["spike_whale"]

  /// The family of the model in `folder`.
  ///
  /// - Throws: `MinkeError` that says which architecture or which files were found where none fits.
  package static func family(of folder: ModelFolder) throws -> any ModelFamily {
    for family in families where try family.recognizes(folder) { return family }
    let subject = folder.url.relativePath
    if let type = try folder.configuration("config.json")?["model_type"]?.string, !knownTypes.contains(type) {
      throw MinkeError(
        .unsupportedFile, "\(subject): model_type", expected: "one of " + knownTypes.joined(separator: ", "),
        found: "\"\(type)\"")
    }
    throw MinkeError(
      .unsupportedFile, subject, expected: "the files of a model: " + families.map(\.signature).joined(separator: "; "),
      found: folder.listing)
  }

  // MARK: Loading

  /// Loads the text encoder called `name`: a built-in name, the path of a model folder or of a BNE archive (`.pt`), or
  /// `ORG/NAME`, perhaps with `@REVISION`, for a model that was fetched from a hub.
  ///
  /// The family is recognised from the files in the folder. The tables of static models are mapped, not read: loading
  /// one takes milliseconds.
  ///
  /// - Parameters:
  ///   - name: which model.
  ///   - precision: how the layers of a BERT or SpikeWhale model are held; nil for float32 or what the folder was saved
  ///     in. A static model has no layers.
  ///   - tokenizer: a tokenizer to use in place of the folder's.
  ///   - level: the level of the kernels that compute.
  /// - Throws: `MinkeError` when there is no such model, the folder holds no text encoder, or a file is malformed.
  public static func textEncoder(
    _ name: String = defaultName, precision: Precision? = nil, tokenizer: (any Tokenizer)? = nil,
    kernels level: KernelLevel = .active
  ) throws -> any TextEncoder {
    try textEncoder(
      ModelSource(name), LoadingOptions(precision: precision, tokenizer: tokenizer, kernels: level))
  }

  /// Loads the text encoder at `source`.
  ///
  /// - Throws: `MinkeError` when there is no such model, the folder holds no text encoder, or a file is malformed.
  public static func textEncoder(_ source: ModelSource, _ options: LoadingOptions) throws -> any TextEncoder {
    let folder = try source.open()
    let family = try family(of: folder)
    if let encoder = try family.textEncoder(in: folder, options) { return encoder }
    throw MinkeError(
      .unsupportedFile, folder.url.relativePath, expected: "a text encoder", found: "a language model, \(family.name)")
  }

  /// How the model called `name` turns texts into ids, exactly as when it encodes; the model itself is not loaded.
  ///
  /// - Throws: `MinkeError` when there is no such model or no tokenizer Minke knows in its folder.
  public static func tokenization(_ name: String = defaultName) throws -> TextTokenization {
    let folder = try ModelSource(name).open()
    return try family(of: folder).tokenization(of: folder)
  }

  /// Loads only the tokenizer of the model called `name`, with the rules and the limit that its encoder uses.
  ///
  /// - Throws: as ``tokenization(_:)``.
  public static func tokenizer(_ name: String = defaultName) throws -> any Tokenizer {
    try tokenization(name).tokenizer
  }

  /// Loads the language model called `name`: a built-in name, the path of a model folder, or the name on the hub that it
  /// was fetched from. Weights are mapped, not read.
  ///
  /// - Parameters:
  ///   - name: which model.
  ///   - level: the level of the kernels that compute.
  /// - Throws: `MinkeError` when there is no such model, it is no language model, or a file is malformed.
  public static func languageModel(
    _ name: String = defaultLanguageModelName, kernels level: KernelLevel = .active
  ) throws -> LanguageModel {
    let folder = try ModelSource(name).open()
    let family = try family(of: folder)
    if let model = try family.languageModel(in: folder, LoadingOptions(kernels: level)) { return model }
    throw MinkeError(
      .unsupportedFile, folder.url.relativePath, expected: "a language model: config.json of model_type spike_whale",
      found: "a text encoder, \(family.name)")
  }

  /// Loads the model called `name`, whatever it is: a text encoder where there is one, else a language model.
  ///
  /// - Throws: `MinkeError` when there is no such model or a file is malformed.
  public static func model(_ name: String, _ options: LoadingOptions = LoadingOptions()) throws -> any LoadedModel {
    try model(in: ModelSource(name).open(), options)
  }

  /// Loads the model in `folder`, whatever it is.
  package static func model(in folder: ModelFolder, _ options: LoadingOptions) throws -> any LoadedModel {
    let family = try family(of: folder)
    if let encoder = try family.textEncoder(in: folder, options) { return encoder }
    if let model = try family.languageModel(in: folder, options) { return model }
    throw MinkeError(.unsupportedFile, folder.url.relativePath, expected: "a model", found: family.name)
  }
}
