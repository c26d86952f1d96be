import MinkeCheckpoints
import MinkeCore
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
  public var tokenizer: any Tokenizer { spikeTokenizer }

  /// Tokens of a text that count; what comes after them is left out.
  public static let maximumTokens = 128

  package let model: SpikeWhaleModel
  /// The activation between the head's two layers.
  package var activation: EmbeddingHead.Activation { head.activation }
  /// What the folder leaves open and how it was taken, a sentence each; empty where it says all.
  public let assumptions: [String]

  let spikeTokenizer: SpikeTokenizer
  let head: EmbeddingHead

  /// Whether the files of a Byrne-Embed model lie in `folder`: a SpikeWhale model with a head.
  public static func recognizes(_ folder: ModelFolder) throws -> Bool {
    guard try SpikeWhaleFolder.recognizes(folder) else { return false }
    if folder.file(headName) != nil { return true }
    guard let url = folder.file("model.safetensors"), let configuration = try folder.json("config.json"),
      let hidden = configuration["hidden_size"]?.integer
    else { return false }
    return try EmbeddingHead.parts(of: Checkpoint(contentsOf: url), hidden: hidden) != nil
  }

  /// - Parameter precision: how the decoder's layers are held and multiplied; in int8 they are packed, which takes
  ///   part of a second.
  /// - Throws: ``MinkeError`` when a file is missing or malformed or the files do not fit together.
  public init(_ folder: ModelFolder, precision: Precision = .float32, kernels level: KernelLevel = .active) throws {
    let files = try SpikeWhaleFolder(folder)
    spikeTokenizer = files.tokenizer
    let decoder = try files.model(kernels: level)
    model = precision == .int8 ? try decoder.packedInt8(kernels: level) : decoder
    var head = try Self.head(files, kernels: level)
    var assumptions = files.assumptions
    if let stated = files.json[EmbeddingHead.activationKey], stated != .null {
      guard let activation = stated.string.flatMap(EmbeddingHead.Activation.init(rawValue:)) else {
        let choices = EmbeddingHead.Activation.allCases.map(\.rawValue).joined(separator: ", ")
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
    self.head = head
    self.assumptions = assumptions
    identity = try ModelIdentity(
      name: folder.name, weights: [files.checkpointURL] + [folder.file(Self.headName)].compactMap { $0 })
  }

  /// The file of a head that does not lie in the decoder's own.
  static let headName = "embed_head.pt"

  /// The head of `files`, with the activation that it has where nothing is stated.
  private static func head(_ files: SpikeWhaleFolder, kernels level: KernelLevel) throws -> EmbeddingHead {
    let source = try files.folder.file(headName).map { try Checkpoint(contentsOf: $0) } ?? files.checkpoint
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
  ) throws -> (activation: EmbeddingHead.Activation, finding: String) {
    let texts = EmbeddingHead.sampleTexts.map { Array(files.tokenizer.encode($0).prefix(maximumTokens)) }
    return try head(files, kernels: .active).likeliestActivation(means: means(of: texts, model: model))
  }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    _ = try checked(options.dimension)
    let meter = ProgressMeter(total: texts.count, handler: options.progress)
    let limit = min(Self.maximumTokens, model.configuration.contextLength)
    let tokens = texts.map { Array(spikeTokenizer.encode($0).prefix(limit)) }
    // Texts of like length need no ordering: nothing is padded. They are only put together to fill a pass.
    var vectors: [Float] = []
    vectors.reserveCapacity(texts.count * dimension)
    for batch in model.batches(tokens.map(\.count)) {
      let means = try Self.means(of: Array(tokens[batch]), model: model)
      vectors += head.apply(to: means, count: batch.count)
      meter.advance(by: batch.count)
    }
    let embeddings = try Embeddings(floats: vectors, dimension: dimension)
    return options.normalize ? embeddings.normalized() : embeddings
  }

  /// The mean of each text's last hidden states, `[texts, hidden]`.
  private static func means(of texts: [[TokenID]], model: SpikeWhaleModel) throws -> [Float] {
    let hidden = model.configuration.hiddenSize
    var means = [Float](repeating: 0, count: texts.count * hidden)
    let inputs = texts.map { SequenceInput($0, state: model.makeMemory()) }
    try model.run(inputs) { pass in
      var row = 0
      for (index, text) in texts.enumerated() where !text.isEmpty {
        for column in 0..<hidden {
          var sum: Float = 0
          for offset in 0..<text.count { sum += pass.input[(row + offset) * hidden + column] }
          means[index * hidden + column] = sum / Float(text.count)
        }
        row += text.count
      }
    }
    return means
  }
}
