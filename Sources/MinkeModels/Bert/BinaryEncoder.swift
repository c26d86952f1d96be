import MinkeCheckpoints
import MinkeCore
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
  public var tokenizer: any Tokenizer { bert.tokenizer }

  public var configuration: BertConfiguration { bert.model.configuration }
  public var precision: Precision { bert.precision }
  /// Tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  public var maximumLength: Int { bert.maximumLength }
  /// Bytes of the weights.
  public var byteCount: Int { bert.model.byteCount + projection.byteCount }

  private let bert: PooledBert
  private let projection: Linear
  private let norm: LayerNorm

  /// Packed bits, `[texts.count, dimension / 8]` bytes. `options.normalize` does not matter to bits.
  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    _ = try checked(options.dimension)
    return try logits(texts, progress: options.progress).binarized()
  }

  /// The numbers whose signs are the bits, `[texts.count, dimension]`.
  public func logits(_ texts: [String], progress: ProgressHandler? = nil) throws -> Embeddings {
    let pooled = try bert.vectors(of: texts, progress: progress)
    defer { extendLifetime(pooled) }
    let logits = AlignedBuffer<Float>(uninitialized: texts.count * dimension)
    projection.apply(
      to: pooled.baseAddress, stride: projection.inputs, rows: texts.count, into: logits.baseAddress,
      stride: dimension, scratch: Linear.Scratch(rows: 0, inputs: 0, precision: .float32))
    norm.apply(to: logits.baseAddress, plus: nil, rows: texts.count, into: logits.baseAddress)
    return try Embeddings(floats: logits.copied(), dimension: dimension)
  }

  /// The vectors as numbers -1 and +1, `[texts.count, dimension]`.
  public func signs(_ texts: [String], progress: ProgressHandler? = nil) throws -> Embeddings {
    let logits = try logits(texts, progress: progress)
    return try Embeddings(floats: (logits.floats ?? []).map { $0 > 0 ? 1 : -1 }, dimension: dimension)
  }
}

extension BinaryEncoder {
  /// The archives of BNE and its float baseline in `folder`: files that end in `.pt`, by name.
  private static func archives(in folder: ModelFolder) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? []
    return names.filter { $0.hasSuffix(".pt") }.sorted().map { folder.url.appendingPathComponent($0) }
  }

  /// Whether `folder` has the files of BNE or of its float baseline.
  static func recognizes(_ folder: ModelFolder) throws -> Bool {
    try archives(in: folder).contains { try Checkpoint(contentsOf: $0).tensors.keys.contains(where: isProjection) }
  }

  private static func isProjection(_ name: String) -> Bool { name.hasPrefix("projection.") }

  /// Loads what is in `folder`: a ``BinaryEncoder``, or a ``BertEncoder`` for the float baseline, an archive with the
  /// single linear layer `projection.weight` in place of a layer and its norm.
  ///
  /// Where `config.json` or the tokenizer's files are missing, the sizes are those of the tensors, with heads of 64
  /// numbers, and the vocabulary that of bert-base-uncased.
  ///
  /// - Throws: ``MinkeError`` naming the file and the tensors that are missing or do not fit, or the archives where
  ///   there are several.
  static func load(
    _ folder: ModelFolder, precision: Precision = .float32, kernels level: KernelLevel = .active
  ) throws -> any TextEncoder {
    let archives = archives(in: folder)
    guard archives.count == 1 else {
      throw MinkeError(
        archives.isEmpty ? .notFound : .invalidArgument, folder.url.relativePath,
        expected: "one archive such as binary_embedder_1024.pt, or the path of one",
        found: archives.isEmpty ? "none" : archives.map(\.lastPathComponent).joined(separator: ", "))
    }
    return try load(archive: archives[0], precision: precision, kernels: level)
  }

  /// Loads the archive at `url` with the files beside it, if there are any.
  ///
  /// - Throws: as for a folder.
  public static func load(
    archive url: URL, precision: Precision = .float32, kernels level: KernelLevel = .active
  ) throws -> any TextEncoder {
    let folder = try ModelFolder(url.deletingLastPathComponent())
    let checkpoint = try Checkpoint(contentsOf: url)
    let bert = try PooledBert(
      folder, checkpoint: checkpoint, maximumLength: 128, pooling: Pooling([.mean]), precision: precision,
      kernels: level, builtInVocabulary: true)
    let identity = try ModelIdentity(name: folder.name, weights: [url])

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
      kernels: level)
    if isBaseline { return BertEncoder(bert, projection: projection, identity: identity, kernels: level) }
    guard outputs.isMultiple(of: 8) else {
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): tensor \"\(name).weight\"", expected: "a multiple of 8 rows",
        found: "\(outputs)")
    }
    let norm = LayerNorm(
      weight: try vector("projection.1.weight"), bias: try vector("projection.1.bias"), epsilon: 1e-5, level: level)
    return BinaryEncoder(identity: identity, bert: bert, projection: projection, norm: norm)
  }
}
