import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A BERT text encoder in the layout of sentence-transformers, or a plain Hugging Face BERT.
///
/// A folder with `modules.json` says how its token vectors are pooled and what follows (`Dense`, `LayerNorm`,
/// `Normalize`). A plain folder is pooled by the mean over all tokens. Texts are cut at the `max_seq_length` of
/// `sentence_bert_config.json`, else at the `model_max_length` of `tokenizer_config.json`, and never beyond the positions
/// that the model has. Sources: Devlin et al. 2018; Reimers and Gurevych 2019; the package sentence-transformers.
public struct BertEncoder: TextEncoder {
  public let identity: ModelIdentity
  public let metric = Metric.cosine
  public let dimension: Int
  public var dimensions: [Int] { [dimension] }
  public var tokenizer: any Tokenizer { bert.tokenizer }

  public var configuration: BertConfiguration { bert.model.configuration }
  public var precision: Precision { bert.precision }
  public var pooling: Pooling { bert.pooling }
  /// Tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  public var maximumLength: Int { bert.maximumLength }
  /// Bytes of the weights.
  public var byteCount: Int { bert.model.byteCount }

  let bert: PooledBert
  let modules: [SentenceModule]
  let level: KernelLevel

  /// Whether `folder` has the files of a BERT encoder.
  ///
  /// - Throws: ``MinkeError`` when its `config.json` is no JSON.
  static func recognizes(_ folder: ModelFolder) throws -> Bool {
    guard let config = try folder.json("config.json"), weightsURL(in: folder) != nil else { return false }
    return config["model_type"]?.string == "bert"
      || config["architectures"]?.array?.first?.string?.hasPrefix("Bert") == true
  }

  private static func weightsURL(in folder: ModelFolder) -> URL? {
    folder.file("model.safetensors") ?? folder.file("pytorch_model.bin")
  }

  /// Loads the encoder in `folder`.
  ///
  /// - Throws: ``MinkeError`` naming the file and the key or tensors that are missing, do not fit, or are not supported.
  public init(
    _ folder: ModelFolder, precision: Precision = .float32, kernels level: KernelLevel = .active
  ) throws {
    self.level = level
    guard let url = Self.weightsURL(in: folder) else {
      throw MinkeError(
        .notFound, folder.url.relativePath, expected: "model.safetensors or pytorch_model.bin", found: "neither file")
    }
    let pooling: Pooling
    let rest: ArraySlice<ModelFolder.Module>
    if folder.modules.isEmpty {
      (pooling, rest) = (Pooling([.mean]), [])
    } else {
      guard folder.modules.count > 1, folder.modules[0].className == "Transformer",
        folder.modules[1].className == "Pooling"
      else {
        throw MinkeError(
          .unsupportedFile, "\(folder.url.relativePath): modules.json", expected: "a Transformer, then a Pooling",
          found: folder.modules.map(\.className).joined(separator: ", "))
      }
      let file = try MappedFile(
        folder.url.appendingPathComponent(folder.modules[1].path).appendingPathComponent("config.json"))
      pooling = try Pooling(try JSONValue(parsing: file.bytes, subject: file.path), subject: file.path)
      rest = folder.modules[2...]
    }
    bert = try PooledBert(
      folder, checkpoint: Checkpoint(contentsOf: url), maximumLength: nil, pooling: pooling, precision: precision,
      kernels: level)
    identity = try ModelIdentity(name: folder.name, weights: [url])
    var modules: [SentenceModule] = []
    var width = bert.width
    for module in rest {
      guard let module = try SentenceModule(module, in: folder, width: width, kernels: level) else { continue }
      modules.append(module)
      width = module.width(after: width)
    }
    self.modules = modules
    dimension = width
  }

  /// An encoder whose pooled vectors go through one linear layer.
  init(_ bert: PooledBert, projection: Linear, identity: ModelIdentity, kernels level: KernelLevel) {
    self.bert = bert
    self.identity = identity
    self.level = level
    modules = [.dense(projection, .identity)]
    dimension = projection.outputs
  }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    let dimension = try checked(options.dimension)
    var vectors = try bert.vectors(of: texts, progress: options.progress)
    var width = bert.width
    for module in modules {
      vectors = try module.apply(to: vectors, count: texts.count, width: width, kernels: level)
      width = module.width(after: width)
    }
    if options.normalize {
      SentenceModule.normalize(vectors.baseAddress, count: texts.count, width: width, kernels: level)
    }
    return try Embeddings(floats: vectors.copied(), dimension: dimension)
  }
}
