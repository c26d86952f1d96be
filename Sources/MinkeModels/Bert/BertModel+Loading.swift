import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import Synchronization

extension BertModel {
  /// Takes the encoder out of `checkpoint`, whose names may have a prefix such as `bert.`.
  ///
  /// - Throws: `MinkeError` naming each tensor that is missing, of another shape, or unknown, or the one that holds NaN
  ///   or infinity. The word embedding is not read through for that, since it is only touched where tokens need it.
  init(
    _ checkpoint: Checkpoint, prefix: String, _ configuration: BertConfiguration, precision: Precision,
    kernels level: KernelLevel
  ) throws {
    let tensors = try BertTensors(checkpoint, prefix: prefix, configuration)
    self.configuration = configuration
    let hidden = configuration.hiddenSize

    @Sendable func linear(_ names: String..., inputs: Int, after norm: LayerNorm? = nil) throws -> Linear {
      let rows = try names.compactMap { try tensors.int8Rows("\($0).weight") }
      if rows.count == names.count {
        return try Linear(
          int8: rows, biases: names.map { try tensors.floats("\($0).bias") }, inputs: inputs, kernels: level)
      }
      let weights = try names.map { try tensors.floats("\($0).weight") }
      var balance: [Float]?
      if precision == .int8, let norm, let last = weights.last { balance = Self.balance(norm, last) }
      return try Linear(
        weights: weights, biases: names.map { try tensors.floats("\($0).bias") }, inputs: inputs, precision: precision,
        balance: balance, kernels: level)
    }
    @Sendable func norm(_ name: String) throws -> LayerNorm {
      LayerNorm(
        weight: try tensors.floats("\(name).weight"), bias: try tensors.floats("\(name).bias"),
        epsilon: configuration.layerNormEpsilon, kernels: level)
    }

    let embeddingNorm = try norm("embeddings.LayerNorm")
    let position = try tensors.floats("embeddings.position_embeddings.weight")
    let type = try tensors.floats("embeddings.token_type_embeddings.weight")
    let places = AlignedBuffer<Float>(uninitialized: position.count)
    for index in 0..<position.count { places.baseAddress[index] = position[index] + type[index % hidden] }
    embeddings = BertEmbeddings(
      word: try tensors.floats("embeddings.word_embeddings.weight", requiringFinite: false),
      position: SharedBuffer(places), norm: embeddingNorm)

    let loaded = Mutex([BertLayer?](repeating: nil, count: configuration.layerCount))
    try Workers.forEachPiece(of: configuration.layerCount, grain: 1) { piece, _ in
      for index in piece {
        let name = "encoder.layer.\(index)"
        let attention = "\(name).attention"
        let normBefore = index == 0 ? embeddingNorm : try norm("encoder.layer.\(index - 1).output.LayerNorm")
        let attentionNorm = try norm("\(attention).output.LayerNorm")
        let layer = BertLayer(
          queryKeyValue: try linear(
            "\(attention).self.query", "\(attention).self.key", "\(attention).self.value", inputs: hidden,
            after: normBefore),
          attention: BertAttention(
            headCount: configuration.headCount, headSize: configuration.headSize, kernels: level),
          attentionOutput: try linear("\(attention).output.dense", inputs: hidden),
          attentionNorm: attentionNorm,
          intermediate: try linear("\(name).intermediate.dense", inputs: hidden, after: attentionNorm),
          output: try linear("\(name).output.dense", inputs: configuration.intermediateSize),
          outputNorm: try norm("\(name).output.LayerNorm"))
        loaded.withLock { $0[index] = layer }
      }
    }
    layers = loaded.withLock { $0.compactMap { $0 } }
  }
}

extension BertModel {
  /// How far each input of `weights` that comes out of `norm` is balanced against its weights for int8: the square root
  /// of the ratio of their sizes (SmoothQuant, Xiao et al. 2022). What a layer norm gives has mean `bias` and deviation
  /// `weight` in each column, so its size is known without running any text.
  ///
  /// Where queries, keys and values share their inputs, the values decide: they go into sums that queries and keys only
  /// weight.
  private static func balance(_ norm: LayerNorm, _ weights: SharedBuffer<Float>) -> [Float] {
    var squares = [Float](repeating: 0, count: norm.width)
    for index in 0..<weights.count { squares[index % norm.width] += weights[index] * weights[index] }
    let rows = Float(weights.count / norm.width)
    return (0..<norm.width).map { column in
      let input = max(1e-3, 3 * abs(norm.weight[column]) + abs(norm.bias[column]))
      return (input / max(1e-5, (squares[column] / rows).squareRoot())).squareRoot()
    }
  }
}

/// The tensors of a BERT encoder in a checkpoint, checked against the sizes that the configuration gives.
struct BertTensors: Sendable {
  private let checkpoint: Checkpoint
  /// The tensor in the file for each of Hugging Face's names.
  private let fileNames: [String: String]
  /// The shapes of the matrices that are in 8 bits.
  private let rounded: [String: [Int]]
  private let prefix: String

  private static let wordEmbedding = "embeddings.word_embeddings.weight"

  /// What stands before the names of the encoder's tensors: nothing, `bert.`, or whatever the checkpoint has.
  ///
  /// - Throws: `MinkeError` of kind `unsupportedFile` when there is no word embedding, or more than one.
  static func prefix(in checkpoint: Checkpoint) throws(MinkeError) -> String {
    let found = checkpoint.tensorNames.filter { $0 == wordEmbedding || $0.hasSuffix(".\(wordEmbedding)") }
    guard found.count == 1, let name = found.first else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "the tensors of one BERT encoder, among them \(wordEmbedding)",
        found: found.isEmpty ? "no such tensor" : found.joined(separator: ", "))
    }
    return String(name.dropLast(wordEmbedding.count))
  }

  /// Parts of a BERT checkpoint that make no vector: the pooler and the heads of pre-training and of other tasks.
  private static let unused = ["pooler.", "cls.", "classifier.", "qa_outputs.", "embeddings.position_ids"]

  init(_ checkpoint: Checkpoint, prefix: String, _ configuration: BertConfiguration) throws(MinkeError) {
    self.checkpoint = checkpoint
    var fileNames: [String: String] = [:]
    var rounded: [String: [Int]] = [:]
    var known: Set<String> = []
    var problems: [String] = []
    let expected = configuration.tensorShapes
    for (name, shape) in expected {
      // The first releases of BERT called the two vectors of a norm gamma and beta, and so do files made from them.
      let old = name.replacing("LayerNorm.weight", with: "LayerNorm.gamma")
        .replacing("LayerNorm.bias", with: "LayerNorm.beta")
      let parts = Int8Rows.names(of: prefix + name)
      let tensor = checkpoint.tensors[prefix + name] ?? checkpoint.tensors[prefix + old]
      guard let tensor = tensor ?? checkpoint.tensors[parts[0]] else {
        problems.append("no \(prefix)\(name)")
        continue
      }
      fileNames[name] = tensor.name
      if tensor.name == parts[0] {
        rounded[name] = shape
        known.formUnion(parts)
      }
      if tensor.shape != shape { problems.append("\(tensor.name) is \(tensor.shape) where \(shape) is needed") }
    }
    known.formUnion(fileNames.values)
    for name in checkpoint.tensorNames where name.hasPrefix(prefix) && !known.contains(name) {
      let rest = name.dropFirst(prefix.count)
      if !Self.unused.contains(where: { rest.hasPrefix($0) }) { problems.append("\(name) is unknown") }
    }
    guard problems.isEmpty else {
      let shown = problems.prefix(40).joined(separator: "; ")
      throw MinkeError(
        .shapeMismatch, checkpoint.path,
        expected:
          "a BERT encoder of \(configuration.layerCount) layers, hidden size \(configuration.hiddenSize), "
          + "intermediate size \(configuration.intermediateSize)",
        found: problems.count > 40 ? "\(shown); and \(problems.count - 40) more" : shown)
    }
    self.fileNames = fileNames
    self.rounded = rounded
    self.prefix = prefix
  }

  /// The tensor in the file for one of Hugging Face's names.
  func tensor(_ name: String) throws(MinkeError) -> Tensor { try checkpoint.tensor(fileNames[name] ?? name) }

  func floats(_ name: String, requiringFinite: Bool = true) throws(MinkeError) -> SharedBuffer<Float> {
    guard rounded[name] == nil else {
      throw MinkeError(
        .unsupportedFile, "\(checkpoint.path): tensor \"\(prefix)\(name)\"", expected: "float numbers, as beside it",
        found: "8-bit ones")
    }
    return try tensor(name).floats(requiringFinite: requiringFinite)
  }

  /// The rows of a matrix that is in 8 bits; nil for another.
  func int8Rows(_ name: String) throws(MinkeError) -> Int8Rows? {
    guard let shape = rounded[name] else { return nil }
    return try Int8Rows(prefix + name, outputs: shape[0], inputs: shape[1], in: checkpoint)
  }
}

extension BertModel {
  /// Bytes of the weights.
  var byteCount: Int {
    let layers = layers.reduce(0) { sum, layer in
      sum + layer.queryKeyValue.byteCount + layer.attentionOutput.byteCount + layer.intermediate.byteCount
        + layer.output.byteCount + 4 * (layer.attentionNorm.width + layer.outputNorm.width) * 2
    }
    return layers + 4 * (embeddings.word.count + embeddings.position.count + 2 * embeddings.norm.width)
  }
}
