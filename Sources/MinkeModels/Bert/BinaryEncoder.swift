import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// BNE, an encoder trained to give bits: BERT, the mean over all tokens, a linear layer and a layer norm, whose signs
/// are the bits.
///
/// `logits = LayerNorm(W mean(h) + b)`, `[texts, dimension]`, epsilon 1e-5; a bit is 1 where the logit is above 0, so
/// that `1 - 2 * hamming / dimension` is the cosine of the signs. Texts are cut at 128 tokens, as the model was trained.
/// Source: the model card of binary-native embeddings (korben99, MIT).
public struct BinaryEncoder: TextEncoder {
  public let identity: ModelIdentity
  public let metric = Metric.hamming
  /// Bits of a vector.
  public var dimension: Int { projection.outputs }
  public var dimensions: [Int] { [dimension] }
  public var tokenization: TextTokenization { bert.tokenization }

  /// The sizes of the transformer.
  public var configuration: TransformerConfiguration { bert.model.configuration }
  /// How the weights of the transformer are held and multiplied.
  public var precision: Precision { bert.precision }
  /// Tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  public var maximumLength: Int { bert.maximumLength }
  /// Bytes of the weights.
  public var byteCount: Int { bert.model.byteCount + projection.byteCount }

  private let bert: PooledTransformer
  private let projection: Linear
  private let norm: LayerNorm

  public var facts: [ModelFact] { [ModelFact("kind", "BNE, native binary embeddings")] + bert.facts }

  public var savablePrecisions: [Precision] { bert.files.savablePrecisions }

  /// Saves the model as a new folder with the weights of its layers in 8 bits, which loads in int8 and gives the vectors
  /// that the present folder gives when it is loaded in int8.
  ///
  /// - Returns: nothing: no file of the model leaves anything open.
  /// - Throws: `MinkeError` when there is something at `destination`, the precision is another, the model is in 8 bits
  ///   already, or writing fails.
  @discardableResult
  public func save(to destination: URL, precision: Precision) throws -> [String] {
    guard savablePrecisions.contains(precision) else { throw cannotSave(precision) }
    try bert.files.save(to: destination)
    return []
  }

  /// Packed bits, `[texts.count, dimension / 8]` bytes, or what `options.form` asks for. `options.normalize` does not
  /// matter to bits.
  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    _ = try checked(options)
    let logits = try logits(texts, role: options.role, progress: options.progress)
    switch options.form {
    case .vectors: return try logits.binarized()
    case .logits: return logits
    case .signs: return try Embeddings(floats: (logits.floats ?? []).map { $0 > 0 ? 1 : -1 }, dimension: dimension)
    }
  }

  /// The numbers whose signs are the bits, `[texts.count, dimension]`.
  private func logits(_ texts: [String], role: TextRole?, progress: ProgressHandler?) throws -> Embeddings {
    let pooled = try bert.vectors(of: texts, role: role, progress: progress)
    defer { extendLifetime(pooled) }
    let logits = Matrix(rows: texts.count, columns: dimension)
    projection(pooled.view.read, into: logits.view)
    norm(logits.view.read, into: logits.view)
    return try Embeddings(floats: logits.copied(), dimension: dimension)
  }
}

extension BinaryEncoder {
  /// The archives of BNE and its float baseline in `folder`: the one that it was named by, or all files that end in
  /// `.pt`, by name.
  static func archives(in folder: ModelFolder) -> [URL] {
    if let archive = folder.archive { return [archive] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? []
    return names.filter { $0.hasSuffix(".pt") }.sorted().map { folder.url.appendingPathComponent($0) }
  }

  /// Whether a tensor of this name belongs to the head of BNE or of its baseline.
  static func isProjection(_ name: String) -> Bool { name.hasPrefix("projection.") }

  /// Texts are cut as the model was trained.
  static let trainedLength = 128

  /// The archive of `folder`.
  ///
  /// - Throws: `MinkeError` where there is none, or naming them where there are several.
  static func archive(in folder: ModelFolder) throws -> Checkpoint {
    let archives = archives(in: folder)
    guard archives.count == 1 else {
      throw MinkeError(
        archives.isEmpty ? .notFound : .invalidArgument, folder.url.relativePath,
        expected: "one archive such as binary_embedder_1024.pt, or the path of one",
        found: archives.isEmpty ? "none" : archives.map(\.lastPathComponent).joined(separator: ", "))
    }
    return try folder.checkpoint(archives[0])
  }

  /// Loads what is in `folder`: a ``BinaryEncoder``, or a ``TransformerEncoder`` for the float baseline, an archive with the
  /// single linear layer `projection.weight` in place of a layer and its norm.
  ///
  /// Where `config.json` or the tokenizer's files are missing, the sizes are those of the tensors, with heads of 64
  /// numbers, and the vocabulary that of bert-base-uncased.
  ///
  /// - Throws: `MinkeError` naming the file and the tensors that are missing or do not fit, or the archives where
  ///   there are several.
  public static func load(
    _ folder: ModelFolder, _ options: LoadingOptions = LoadingOptions()
  ) throws -> any TextEncoder {
    let checkpoint = try archive(in: folder)
    let bert = try PooledTransformer(
      folder, checkpoint: checkpoint, maximumLength: trainedLength, pooling: Pooling([.mean]), bare: true,
      options: options)
    let recipe = ModelRecipe { recipe in
      recipe.add("kind", "BNE")
      bert.describe(checkpoint, in: &recipe)
    }
    let identity = ModelIdentity(name: folder.name, recipe: recipe)

    // The head stays in float32: it is a small part of the work, and its signs are the result.
    let isBaseline = checkpoint.tensors["projection.0.weight"] == nil
    let name = isBaseline ? "projection" : "projection.0"
    let weight = try checkpoint.tensor("\(name).weight")
    try weight.checkShape([nil, bert.width])
    let outputs = weight.shape[0]
    func vector(_ name: String) throws -> SharedBuffer<Float> {
      try checkpoint.tensor(name).floats(shape: [outputs], requiringFinite: true)
    }
    let projection = try Linear(
      weights: [try weight.floats(requiringFinite: true)], biases: [try vector("\(name).bias")], inputs: bert.width,
      kernels: options.kernels)
    if isBaseline {
      return TransformerEncoder(bert, projection: projection, identity: identity, kernels: options.kernels)
    }
    guard outputs.isMultiple(of: 8) else {
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): tensor \"\(name).weight\"", expected: "a multiple of 8 rows",
        found: "\(outputs)")
    }
    let norm = LayerNorm(
      weight: try vector("projection.1.weight"), bias: try vector("projection.1.bias"), epsilon: 1e-5,
      kernels: options.kernels)
    return BinaryEncoder(identity: identity, bert: bert, projection: projection, norm: norm)
  }
}
