import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import Synchronization

extension TransformerModel {
  /// Takes the encoder out of `checkpoint`, whose names may have a prefix such as `bert.`.
  ///
  /// - Throws: `MinkeError` naming each tensor that is missing, of another shape, or unknown, or the one that holds NaN
  ///   or infinity. The word embedding is not read through for that, since it is only touched where tokens need it.
  init(
    _ checkpoint: Checkpoint, prefix: String, _ configuration: TransformerConfiguration, precision: Precision,
    kernels level: KernelLevel
  ) throws {
    let tensors = try TransformerTensors(checkpoint, prefix: prefix, configuration)
    let names = TransformerNames(configuration)
    self.configuration = configuration
    let (hidden, embedding) = (configuration.hiddenSize, configuration.embeddingSize)

    @Sendable func norm(_ name: String) throws -> LayerNorm {
      let weight = try tensors.floats("\(name).weight")
      let bias =
        try configuration.biases.norms
        ? tensors.floats("\(name).bias") : SharedBuffer(AlignedBuffer<Float>(zeroed: weight.count))
      return LayerNorm(weight: weight, bias: bias, epsilon: configuration.layerNormEpsilon, kernels: level)
    }
    /// The layer of matrices that stand one under the other, whose inputs come out of `norm`. For int8 the last `deciding`
    /// rows decide how they are balanced; nil for all.
    @Sendable func linear(
      _ names: [String], inputs: Int, after norm: LayerNorm? = nil, deciding rows: Int? = nil
    ) throws -> Linear {
      let biases = try names.filter { tensors.has("\($0).bias") }.map { try tensors.floats("\($0).bias") }
      let rounded = try names.compactMap { try tensors.int8Rows("\($0).weight") }
      if rounded.count == names.count {
        return try Linear(int8: rounded, biases: biases, inputs: inputs, kernels: level)
      }
      let weights = try names.map { try tensors.floats("\($0).weight") }
      var balance: [Float]?
      if precision == .int8, let norm, let last = weights.last { balance = Self.balance(norm, last, deciding: rows) }
      return try Linear(
        weights: weights, biases: biases, inputs: inputs, precision: precision, balance: balance, kernels: level)
    }

    let embeddingNorm = try norm(names.embeddingNorm)
    embeddings = TransformerEmbeddings(
      word: try tensors.floats(names.word, requiringFinite: false),
      position: try Self.places(tensors, names, width: embedding), paddingToken: configuration.paddingToken,
      norm: embeddingNorm,
      projection: try names.embeddingProjection.map { try linear([$0], inputs: embedding, after: embeddingNorm) })
    finalNorm = try names.finalNorm.map(norm)

    let headSize = configuration.headSize
    let bias = try names.relativeBias.map { name in
      RelativePositionBias(
        try tensors.floats(name), heads: configuration.headCount, positions: configuration.maximumLength,
        headSize: headSize)
    }
    let turns = configuration.rotary.map { rotary in
      [rotary.globalBase, rotary.localBase].map {
        RotaryEmbedding(positions: configuration.maximumLength, half: headSize / 2, theta: $0)
      }
    }
    let normBefore = { @Sendable (index: Int) throws -> LayerNorm? in
      if index == 0 { return embedding == hidden ? embeddingNorm : nil }
      return try configuration.normsFirst
        ? names.layers[index].attentionNorm.map(norm) : norm(names.layers[index - 1].feedForwardNorm)
    }

    let loaded = Mutex([TransformerLayer?](repeating: nil, count: configuration.layerCount))
    try Workers.forEachPiece(of: configuration.layerCount, grain: 1) { piece, _ in
      for index in piece {
        let layer = names.layers[index]
        let window = configuration.window(ofLayer: index)
        let attentionNorm = try layer.attentionNorm.map(norm)
        let feedForwardNorm = try norm(layer.feedForwardNorm)
        let norms: TransformerLayer.Norms =
          if let attentionNorm, !configuration.normsFirst {
            .after(attention: attentionNorm, feedForward: feedForwardNorm)
          } else {
            .before(attention: attentionNorm, feedForward: feedForwardNorm)
          }
        let made = TransformerLayer(
          // Queries and keys only weight the sums that values go into.
          queryKeyValue: try linear(
            layer.queryKeyValue, inputs: hidden, after: normBefore(index), deciding: hidden),
          attention: TransformerAttention(
            headCount: configuration.headCount, headSize: headSize, rotary: turns?[window == nil ? 0 : 1],
            window: window, bias: bias, kernels: level),
          attentionOutput: try linear([layer.attentionOutput], inputs: hidden),
          intermediate: try linear(
            [layer.intermediate], inputs: hidden, after: configuration.normsFirst ? feedForwardNorm : attentionNorm),
          activation: configuration.activation, isGated: configuration.isGated,
          output: try linear([layer.output], inputs: configuration.intermediateSize), norms: norms, level: level)
        loaded.withLock { $0[index] = made }
      }
    }
    layers = loaded.withLock { $0.compactMap { $0 } }
  }

  /// The position embedding with the embedding of token type 0 added to every row; nil without one.
  private static func places(
    _ tensors: TransformerTensors, _ names: TransformerNames, width: Int
  ) throws -> SharedBuffer<Float>? {
    guard let position = try names.position.map({ try tensors.floats($0) }) else { return nil }
    guard let type = try names.type.map({ try tensors.floats($0) }) else { return position }
    let places = AlignedBuffer<Float>(uninitialized: position.count)
    for index in 0..<position.count { places.baseAddress[index] = position[index] + type[index % width] }
    return SharedBuffer(places)
  }

  /// How far each input of `weights` that comes out of `norm` is balanced against its weights for int8: the square root
  /// of the ratio of their sizes (SmoothQuant, Xiao et al. 2022). What a layer norm gives has mean `bias` and deviation
  /// `weight` in each column, so its size is known without running any text.
  ///
  /// - Parameter rows: how many of the last rows decide where they share their inputs with others; nil for all.
  private static func balance(
    _ norm: LayerNorm, _ weights: SharedBuffer<Float>, deciding rows: Int?
  ) -> [Float] {
    let first = rows.map { weights.count - $0 * norm.width } ?? 0
    var squares = [Float](repeating: 0, count: norm.width)
    for index in first..<weights.count { squares[index % norm.width] += weights[index] * weights[index] }
    let count = Float((weights.count - first) / norm.width)
    return (0..<norm.width).map { column in
      let input = max(1e-3, 3 * abs(norm.weight[column]) + abs(norm.bias[column]))
      return (input / max(1e-5, (squares[column] / count).squareRoot())).squareRoot()
    }
  }

  /// Bytes of the weights.
  var byteCount: Int {
    func bytes(_ norm: LayerNorm?) -> Int { norm.map { 8 * $0.width } ?? 0 }
    let layers = layers.reduce(0) { sum, layer in
      let norms =
        switch layer.norms {
        case .after(let attention, let feedForward): bytes(attention) + bytes(feedForward)
        case .before(let attention, let feedForward): bytes(attention) + bytes(feedForward)
        }
      return sum + norms + layer.queryKeyValue.byteCount + layer.attentionOutput.byteCount
        + layer.intermediate.byteCount + layer.output.byteCount
    }
    let tables = 4 * (embeddings.word.count + (embeddings.position?.count ?? 0))
    return layers + tables + bytes(embeddings.norm) + (embeddings.projection?.byteCount ?? 0) + bytes(finalNorm)
  }
}
