import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A text encoder of BERT's kin in the layout of sentence-transformers, or a plain one of transformers.
///
/// The families are those of ``TransformerConfiguration/Family``.
/// A folder with `modules.json` says how its token vectors are pooled and what follows (`Dense`, `LayerNorm`,
/// `Normalize`). A plain folder is pooled by the mean over all tokens. Texts are cut at the `max_seq_length` of
/// `sentence_bert_config.json`, else at the `model_max_length` of `tokenizer_config.json`, and never beyond the positions
/// that the model has. Sources: Devlin et al. 2018; Reimers and Gurevych 2019; the package sentence-transformers.
public struct TransformerEncoder: TextEncoder {
  public let identity: ModelIdentity
  public let metric = Metric.cosine
  public let dimension: Int
  public var dimensions: [Int] { [dimension] }
  public var tokenization: TextTokenization { transformer.tokenization }

  /// The family and the sizes of the transformer.
  public var configuration: TransformerConfiguration { transformer.model.configuration }
  /// How the weights are held and multiplied.
  public var precision: Precision { transformer.precision }
  /// How the vectors of tokens become one.
  public var pooling: Pooling { transformer.pooling }
  /// Tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  public var maximumLength: Int { transformer.maximumLength }
  /// Bytes of the weights.
  public var byteCount: Int { transformer.model.byteCount }

  let transformer: PooledTransformer
  private(set) var modules: [SentenceModule]
  let level: KernelLevel

  /// Loads the encoder in `folder`.
  ///
  /// - Throws: `MinkeError` naming the file and the key or tensors that are missing, do not fit, or are not supported.
  public init(_ folder: ModelFolder, _ options: LoadingOptions = LoadingOptions()) throws {
    level = options.kernels
    guard let url = folder.weightsURL else {
      throw MinkeError(
        .notFound, folder.url.relativePath, expected: ModelFolder.weightsNames.joined(separator: " or "),
        found: folder.listing)
    }
    let checkpoint = try folder.checkpoint(url)
    transformer = try PooledTransformer(
      folder, checkpoint: checkpoint, maximumLength: nil, pooling: Self.pooling(of: folder), options: options)
    modules = try SentenceModule.chain(
      folder.modules.dropFirst(2), in: folder, width: transformer.width, kernels: level)
    dimension = modules.reduce(transformer.width) { $1.width(after: $0) }
    let transformer = transformer
    let recipe = ModelRecipe { recipe in
      recipe.add("kind", transformer.model.configuration.family.name)
      transformer.describe(checkpoint, in: &recipe)
      recipe.add(modulesOf: folder)
    }
    identity = ModelIdentity(name: folder.name, recipe: recipe)
  }

  /// The pooling that `modules.json` names second; the mean where there is no such file.
  private static func pooling(of folder: ModelFolder) throws -> Pooling {
    if folder.modules.isEmpty { return Pooling([.mean]) }
    guard folder.modules.count > 1, folder.modules[0].className == "Transformer",
      folder.modules[1].className == "Pooling", !folder.modules[0].isForeign, !folder.modules[1].isForeign
    else {
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): modules.json",
        expected: "a Transformer, then a Pooling of sentence-transformers",
        found: folder.modules.map(\.type).joined(separator: ", "))
    }
    let url = folder.url.appendingPathComponent(folder.modules[1].path).appendingPathComponent("config.json")
    return try Pooling(ConfigurationReader(folder.json(at: url), subject: url.relativePath))
  }

  /// An encoder whose pooled vectors go through one linear layer.
  init(_ transformer: PooledTransformer, projection: Linear, identity: ModelIdentity, kernels level: KernelLevel) {
    self.transformer = transformer
    self.identity = identity
    self.level = level
    modules = [.dense(projection, .identity)]
    dimension = projection.outputs
  }

  public var facts: [ModelFact] {
    let names = modules.map(\.name).joined(separator: ", ")
    return [ModelFact("kind", configuration.family.name)] + transformer.facts
      + (names.isEmpty ? [] : [ModelFact("modules", names)])
  }

  public var savablePrecisions: [Precision] { transformer.files.savablePrecisions }

  /// Saves the model as a new folder with the weights of its layers in 8 bits, which loads in int8 and gives the vectors
  /// that the present folder gives when it is loaded in int8.
  ///
  /// - Returns: nothing: no file of the model leaves anything open.
  /// - Throws: `MinkeError` when there is something at `destination`, the precision is another, the model is in 8 bits
  ///   already, or writing fails.
  @discardableResult
  public func save(to destination: URL, precision: Precision) throws -> [String] {
    guard savablePrecisions.contains(precision) else { throw cannotSave(precision) }
    try transformer.files.save(to: destination)
    return []
  }

  /// The same encoder whose vectors keep the length that they have before `modules.json` normalizes them.
  package func keepingLengths() -> TransformerEncoder {
    var copy = self
    while case .normalize = copy.modules.last { copy.modules.removeLast() }
    return copy
  }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    let dimension = try checked(options)
    var vectors = try transformer.vectors(of: texts, role: options.role, progress: options.progress)
    for module in modules { vectors = module(vectors, kernels: level) }
    if options.normalize { VectorKernels(level).normalizeAll(vectors.view) }
    return try Embeddings(floats: vectors.copied(), dimension: dimension)
  }
}
