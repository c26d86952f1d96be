import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that the training of a SpikeWhale language model begins with, and those that it writes.
package struct SpikeWhaleTrainingFiles: Sendable {
  package let configuration: SpikeWhaleConfiguration
  package let tokenizer: SpikeTokenizer
  /// The turn of queries and keys by their position.
  package let rotary: RotaryEmbedding
  private let folder: ModelFolder
  private let json: JSONValue
  /// Nil for a start from random numbers.
  private let tensors: SpikeWhaleTensors?

  /// The model in `folder`. Where its configuration does not say the form of the hyper-connections, the likeliest is
  /// taken, and stated in what is written.
  ///
  /// - Throws: `MinkeError` when a file is missing or malformed, the weights are in fewer bits, or the hyper-connections
  ///   are of a form that is not trained.
  package init(_ folder: ModelFolder) throws {
    let files = try SpikeWhaleFolder(folder)
    guard !Linear.areRounded(in: files.checkpoint) else {
      throw MinkeError(
        .unsupportedFile, files.checkpoint.path,
        expected: "float numbers, which alone can be trained: the folder that this one was made from",
        found: "weights in fewer bits")
    }
    try self.init(
      folder, files.configuration, files.json, files.tokenizer,
      tensors: SpikeWhaleTensors(files.checkpoint, files.configuration))
  }

  /// A start from random numbers in the sizes of `json`, the keys of a `config.json`, with the tokenizer in `folder`.
  ///
  /// - Throws: `MinkeError` naming a key that is missing or contradicts another, or when the tokenizer does not fit.
  package init(_ json: JSONValue, tokenizerOf folder: ModelFolder) throws {
    let reader = try ConfigurationReader(json, subject: "the model's configuration")
    let configuration = try SpikeWhaleConfiguration(reader)
    let tokenizer = try SpikeTokenizer(contentsOf: folder.requiredFile("tokenizer.json"))
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw reader.malformed("vocab_size", expected: "the \(tokenizer.vocabularySize) of the tokenizer, or more")
    }
    try self.init(folder, configuration, json, tokenizer, tensors: nil)
  }

  private init(
    _ folder: ModelFolder, _ configuration: SpikeWhaleConfiguration, _ json: JSONValue, _ tokenizer: SpikeTokenizer,
    tensors: SpikeWhaleTensors?
  ) throws {
    let form = configuration.hyperConnectionForm ?? .likeliest
    guard form == .likeliest || configuration.streamCount == 1 else {
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): hyper-connections", expected: "\(HyperConnectionForm.likeliest)",
        found: "\(form)")
    }
    self.folder = folder
    self.configuration = configuration
    self.tokenizer = tokenizer
    self.tensors = tensors
    var members = json.object ?? [:]
    members["hyper_connection_pre"] = .string(form.pre.rawValue)
    members["hyper_connection_post"] = .string(form.post.rawValue)
    self.json = .object(members)
    rotary =
      try tensors.map { try RotaryEmbedding(configuration, $0) }
      ?? RotaryEmbedding(
        positions: configuration.contextLength, half: configuration.rotaryDimension / 2, theta: configuration.ropeTheta)
  }

  /// The numbers of `tensor`; nil for a start from random numbers, and for what a file without the parts of training
  /// leaves out.
  ///
  /// - Throws: `MinkeError` when it is missing, of another shape or not finite.
  package func floats(_ tensor: SpikeWhaleTensor) throws -> [Float]? {
    guard let tensors else { return nil }
    let entry = tensor.entry(in: configuration)
    if let (read, write) = tensor.connection {
      let pair = try tensors.pair(read, write)
      return tensor == read ? pair.pre : pair.post
    }
    if tensor == .predictionHead, !tensors.contains(tensor) { return nil }
    return try tensors.checkpoint.tensor(tensors.name(of: tensor))
      .floats(shape: entry.shape, requiringFinite: true).copied()
  }

  /// Writes the files of a model with the weights `trained`, of the published names; what position tables and copies
  /// there are beside them is added.
  package func write(_ trained: [Tensor], to draft: URL) throws {
    try folder.copy(["tokenizer.json", "tokenizer_config.json"], to: draft)
    try json.write(to: draft.appendingPathComponent("config.json"))
    let c = configuration
    var all = trained
    func add(_ tensor: SpikeWhaleTensor, _ floats: [Float]) throws {
      all.append(
        try Tensor(name: tensor.publishedName(in: c), shape: tensor.entry(in: c).shape, floats: floats))
    }
    let embedding = SpikeWhaleTensor.embedding.publishedName(in: c)
    if c.tiesEmbeddings, let table = trained.first(where: { $0.name == embedding }) {
      let name = SpikeWhaleTensor.head.publishedName(in: c)
      all.append(try Tensor(name: name, elementType: .float32, shape: table.shape, bytes: table.bytes()))
    }
    let half = c.rotaryDimension / 2
    if half > 0 {
      let (cosines, sines) = (rotary.cosines.copied(), rotary.sines.copied())
      let frequencies = RotaryEmbedding.frequencies(half: half, theta: c.ropeTheta)
      for layer in 0..<c.layerCount {
        try add(.layer(layer, .rotaryFrequencies), frequencies)
        try add(.layer(layer, .rotaryCosines), cosines)
        try add(.layer(layer, .rotarySines), sines)
      }
    }
    try Safetensors.write(all, to: draft.appendingPathComponent("model.safetensors"))
  }
}

extension SpikeWhaleTensor {
  /// The two vectors of the hyper-connection that this one belongs to; nil where it belongs to none.
  fileprivate var connection: (read: SpikeWhaleTensor, write: SpikeWhaleTensor)? {
    guard case .layer(let index, let part) = self else { return nil }
    switch part {
    case .attentionRead, .attentionWrite: return (.layer(index, .attentionRead), .layer(index, .attentionWrite))
    case .feedForwardRead, .feedForwardWrite:
      return (.layer(index, .feedForwardRead), .layer(index, .feedForwardWrite))
    default: return nil
    }
  }
}
