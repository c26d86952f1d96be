import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Byrne-Embed: the mean of a SpikeWhale decoder's last hidden states, through a head of two linear layers, scaled to
/// length 1.
///
/// Loads both published layouts: backbone files beside an `embed_head.pt`, and all in one safetensors file. A text
/// without tokens is the mean 0. Source: the model card of Byrne-Embed.
public struct ByrneEncoder: TextEncoder {
  /// What tells this model from others.
  public let identity: ModelIdentity
  public let metric = Metric.cosine
  public var dimension: Int { head.second.outputs }
  /// The model was not trained to be cut.
  public var dimensions: [Int] { [dimension] }
  public let tokenization: TextTokenization

  /// Tokens of a text that count; what comes after them is left out.
  public static let maximumTokens = 128

  package let model: SpikeWhaleModel
  /// The activation between the head's two layers.
  package var activation: Activation { head.activation }
  /// What the folder leaves open and how it was taken, a sentence each; empty where it says all.
  public let assumptions: [String]

  private let files: SpikeWhaleFolder
  let head: EmbeddingHead

  /// Whether the files of a Byrne-Embed model lie in `folder`: a SpikeWhale model with a head.
  public static func recognizes(_ folder: ModelFolder) throws -> Bool {
    guard try SpikeWhaleFolder.recognizes(folder) else { return false }
    if folder.file(headName) != nil { return true }
    guard let url = folder.file("model.safetensors"), let configuration = try folder.json("config.json"),
      let hidden = configuration["hidden_size"]?.integer
    else { return false }
    return try EmbeddingHead.parts(of: folder.checkpoint(url), hidden: hidden) != nil
  }

  /// How the texts of the model in `folder` become ids.
  ///
  /// - Throws: `MinkeError` when a file is missing or malformed.
  static func tokenization(of folder: ModelFolder, tokenizer: (any Tokenizer)? = nil) throws -> TextTokenization {
    let reader = try ConfigurationReader.required("config.json", in: folder)
    let limit = try min(maximumTokens, reader.integer("max_position_embeddings", in: 1...(1 << 24)))
    let tokenizer = try tokenizer ?? SpikeTokenizer(contentsOf: folder.requiredFile("tokenizer.json"))
    return TextTokenization(
      tokenizer.truncating(to: limit), addsSpecialTokens: false, prompts: try Prompts(folder))
  }

  /// Loads the encoder in `folder`. In int8 the decoder's layers are packed, which takes part of a second.
  ///
  /// - Throws: `MinkeError` when a file is missing or malformed or the files do not fit together.
  public init(_ folder: ModelFolder, _ options: LoadingOptions = LoadingOptions()) throws {
    let (precision, level) = (options.precision ?? .float32, options.kernels)
    let files = try SpikeWhaleFolder(folder)
    let tokenization = try Self.tokenization(of: folder, tokenizer: options.tokenizer ?? files.tokenizer)
    let decoder = try files.model(kernels: level)
    let source = try Self.headCheckpoint(files)
    var head = try Self.head(files, in: source, kernels: level)
    var assumptions = files.assumptions
    if let stated = files.json[EmbeddingHead.activationKey], stated != .null {
      guard let activation = stated.string.flatMap(Activation.init(rawValue:)),
        EmbeddingHead.activations.contains(activation)
      else {
        let choices = EmbeddingHead.activations.map(\.rawValue).joined(separator: ", ")
        throw MinkeError(
          .malformedFile, "\(files.subject): \(EmbeddingHead.activationKey)", expected: "one of \(choices)",
          found: stated.text)
      }
      head.activation = activation
    } else {
      assumptions.append(
        "\(files.subject) does not say the activation of the head; assumed: \(head.activation.rawValue). "
          + "\"minke model settle\" measures it and writes it down")
    }
    model = try decoder.prepared(in: precision)
    self.tokenization = tokenization
    self.files = files
    self.head = head
    self.assumptions = assumptions
    let activation = head.activation.rawValue
    let recipe = ModelRecipe { recipe in
      files.describe(in: &recipe)
      recipe.add("activation", activation)
      recipe.add("precision", precision.rawValue)
      recipe.add(tokenization)
      recipe.add(source)
    }
    identity = ModelIdentity(name: folder.name, recipe: recipe)
  }

  public var facts: [ModelFact] {
    [ModelFact("kind", "Byrne-Embed")] + model.facts + [ModelFact("head activation", activation.rawValue)]
      + assumptions.map { ModelFact("assumed", $0) }
  }

  public var savablePrecisions: [Precision] { files.savablePrecisions }

  @discardableResult
  public func save(to destination: URL, precision: Precision) throws -> [String] {
    try files.save(to: destination, precision: precision)
  }

  /// The file of a head that does not lie in the decoder's own.
  static let headName = "embed_head.pt"

  /// The checkpoint with the head's tensors.
  static func headCheckpoint(_ files: SpikeWhaleFolder) throws -> Checkpoint {
    try files.folder.file(headName).map { try files.folder.checkpoint($0) } ?? files.checkpoint
  }

  /// The head of `files`, with the activation that it has where nothing is stated.
  private static func head(
    _ files: SpikeWhaleFolder, in source: Checkpoint, kernels level: KernelLevel
  ) throws -> EmbeddingHead {
    let hidden = files.configuration.hiddenSize
    guard let parts = try EmbeddingHead.parts(of: source, hidden: hidden) else {
      throw MinkeError(
        .unsupportedFile, source.path,
        expected: "a head: a linear layer from \(hidden) numbers to more or fewer, and one that keeps them as many",
        found: "no such tensors")
    }
    return try EmbeddingHead(parts, in: source, hidden: hidden, kernels: level)
  }

  /// The activation that `files` leave open, measured.
  static func likeliestActivation(
    _ files: SpikeWhaleFolder, model: SpikeWhaleModel
  ) throws -> (activation: Activation, finding: String) {
    let texts = EmbeddingHead.sampleTexts.map { Array(files.tokenizer.encode($0).prefix(maximumTokens)) }
    return try head(files, in: headCheckpoint(files), kernels: .active)
      .likeliestActivation(means: means(of: texts, model: model))
  }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    _ = try checked(options)
    let meter = ProgressMeter(total: texts.count, handler: options.progress)
    let tokens = try tokenization.ids(of: texts, role: options.role)
    // Texts of like length need no ordering: nothing is padded. They are only put together to fill a pass.
    var vectors: [Float] = []
    vectors.reserveCapacity(texts.count * dimension)
    for batch in model.batches(tokens.map(\.count)) {
      let means = try Self.means(of: Array(tokens[batch]), model: model)
      vectors += head(means).copied()
      meter.advance(by: batch.count)
    }
    let embeddings = try Embeddings(floats: vectors, dimension: dimension)
    return options.normalize ? try embeddings.normalized() : embeddings
  }

  /// The mean of each text's last hidden states, `[texts, hidden]`.
  static func means(of texts: [[TokenID]], model: SpikeWhaleModel) throws -> Matrix {
    let means = Matrix(rows: texts.count, columns: model.configuration.hiddenSize)
    let inputs = texts.map { SequenceInput($0, state: model.makeMemory()) }
    let pool = Pooling([.mean])
    try model.run(inputs) { pass in
      var row = 0
      for (index, text) in texts.enumerated() {
        pool(pass.input.rows(row..<row + text.count).read, prompt: 0, into: means.view.row(index))
        row += text.count
      }
    }
    return means
  }
}
