import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension SpikeWhaleModel {
  /// Loads the model of `configuration` from `checkpoint`, whose weights stay where they are mapped.
  ///
  /// - Parameter form: the form of the hyper-connections, which the configuration may leave open.
  /// - Throws: ``MinkeError`` when a tensor is missing or of another shape.
  init(
    _ configuration: SpikeWhaleConfiguration, checkpoint: Checkpoint, form: HyperConnectionForm,
    kernels level: KernelLevel
  ) throws(MinkeError) {
    let c = configuration
    let tensors = try SpikeWhaleTensors(checkpoint, kernels: level)
    let hidden = c.hiddenSize
    self.configuration = c
    self.checkpoint = checkpoint
    self.form = form
    self.level = level
    tensorCount = checkpoint.tensors.count
    elementCount = checkpoint.tensors.values.reduce(0) { $0 + $1.count }

    embedding = try tensors.matrix("embed_tokens.weight", c.vocabularySize, hidden)
    head =
      c.tiesEmbeddings
      ? embedding
      : try Linear("lm_head.weight", outputs: c.vocabularySize, inputs: hidden, in: checkpoint, kernels: level)
    if let sizes = c.engram { engram = try Engram(sizes, configuration: c, tensors) } else { engram = nil }
    let rotary = try RotaryEmbedding(c, tensors)

    func connection(_ name: String) throws(MinkeError) -> HyperConnection {
      guard c.streamCount > 1 else { return .residual }
      let (pre, post) = try tensors.pair(name, c.streamCount)
      return HyperConnection(pre: pre, post: post, form: form, configuration: c)
    }
    var layers: [Layer] = []
    for index in 0..<c.layerCount {
      let place = "layers.\(index)."
      layers.append(
        Layer(
          attentionConnection: try connection(place + "hc_attn"),
          attentionNorm: try tensors.norm(place + "attn_norm.weight", hidden, epsilon: c.normEpsilon),
          attention: try Attention(c, place + "attn.", tensors, rotary, kernels: level),
          feedForwardConnection: try connection(place + "hc_ffn"),
          feedForwardNorm: try tensors.norm(place + "ffn_norm.weight", hidden, epsilon: c.normEpsilon),
          feedForward: FeedForward(
            gate: try tensors.matrix(place + "ffn.gate_proj.weight", c.feedForwardSize, hidden),
            up: try tensors.matrix(place + "ffn.up_proj.weight", c.feedForwardSize, hidden),
            down: try tensors.matrix(place + "ffn.down_proj.weight", hidden, c.feedForwardSize))))
    }
    self.layers = layers
    mix =
      c.streamCount > 1
      ? HyperConnection.softmax(try tensors.vector("hc_out_mix.weight", c.streamCount).copied()) : [1]
    if let sizes = c.refinement {
      refinement = HRMRefinement(
        norm: try tensors.norm("hrm_refine.norm.weight", hidden, epsilon: c.normEpsilon),
        down: try tensors.matrix("hrm_refine.down.weight", sizes.size, 2 * hidden),
        up: try tensors.matrix("hrm_refine.up.weight", hidden, sizes.size),
        gates: try tensors.vector("hrm_refine.gate", sizes.steps).copied())
    } else {
      refinement = nil
    }
    norm = try tensors.norm("norm.weight", hidden, epsilon: c.normEpsilon)
  }
}

extension SpikeWhaleModel {
  /// The same model with the matrices of its layers prepared for many tokens at once in `precision`; the embedding and
  /// the engram stay as they are.
  func prepared(in precision: Precision) throws(MinkeError) -> SpikeWhaleModel {
    var copy = self
    for index in layers.indices {
      try copy.layers[index].attention.prepare(in: precision)
      try copy.layers[index].feedForward.prepare(in: precision)
    }
    return copy
  }
}

extension Attention {
  fileprivate mutating func prepare(in precision: Precision) throws(MinkeError) {
    queryDown = try queryDown.prepared(in: precision)
    queryUp = try queryUp.prepared(in: precision)
    key = try key.prepared(in: precision)
    value = try value.prepared(in: precision)
    outputDown = try outputDown.prepared(in: precision)
    outputUp = try outputUp.prepared(in: precision)
  }
}

extension FeedForward {
  fileprivate mutating func prepare(in precision: Precision) throws(MinkeError) {
    gate = try gate.prepared(in: precision)
    up = try up.prepared(in: precision)
    down = try down.prepared(in: precision)
  }
}

extension Engram {
  /// The name of ``codes`` in a quantised checkpoint.
  static let codesName = "engram.codes"

  init(
    _ sizes: SpikeWhaleConfiguration.Engram, configuration: SpikeWhaleConfiguration, _ tensors: SpikeWhaleTensors
  ) throws(MinkeError) {
    let hidden = configuration.hiddenSize
    self.sizes = sizes
    codes =
      tensors.checkpoint.tensors[tensors.prefix + Self.codesName] == nil
      ? nil : try tensors.table(Self.codesName, configuration.vocabularySize, sizes.compressedSize)
    let compressor = try tensors.part(of: "engram", sizes.compressedSize, hidden)
    let gate = try tensors.part(of: "engram", hidden, 2 * hidden)
    self.compressor = try tensors.matrix(compressor + ".proj.weight", sizes.compressedSize, hidden)
    self.gate = try tensors.matrix(gate + ".proj.weight", hidden, 2 * hidden)
    gateBias = try tensors.vector(gate + ".proj.bias", hidden)
    alpha = try tensors.vector(gate + ".alpha", hidden)
    bias = try tensors.vector(gate + ".bias", hidden)
    gamma = try tensors.vector(gate + ".gamma", hidden)
    var tables: [SharedBuffer<Float>] = []
    for g in 0..<sizes.tableCount {
      tables.append(try tensors.table("engram.lookup.tables.\(g).weight", sizes.tableSize, hidden))
    }
    self.tables = tables
    var projections: [SharedBuffer<Float>] = []
    for length in 1...sizes.longestWindow {
      for k in 0..<length {
        projections.append(
          try tensors.table("engram.lookup.hash_proj_n\(length)_p\(k)", sizes.tableCount, sizes.compressedSize))
      }
    }
    self.projections = projections
  }
}

extension Attention {
  init(
    _ c: SpikeWhaleConfiguration, _ place: String, _ tensors: SpikeWhaleTensors, _ rotary: RotaryEmbedding,
    kernels level: KernelLevel
  ) throws(MinkeError) {
    let (hidden, width) = (c.hiddenSize, c.headDimension)
    func norm(_ name: String, _ width: Int) throws(MinkeError) -> RMSNorm {
      try tensors.norm(place + name, width, epsilon: c.normEpsilon)
    }
    headCount = c.headCount
    queryDown = try tensors.matrix(place + "q_a_proj.weight", c.queryRank, hidden)
    queryCodeNorm = try norm("q_a_norm.weight", c.queryRank)
    queryUp = try tensors.matrix(place + "q_b_proj.weight", c.headCount * width, c.queryRank)
    key = try tensors.matrix(place + "k_proj.weight", width, hidden)
    value = try tensors.matrix(place + "v_proj.weight", width, hidden)
    queryNorm = c.usesQueryKeyNorm ? try norm("q_norm.weight", width) : nil
    keyNorm = c.usesQueryKeyNorm ? try norm("k_norm.weight", width) : nil
    self.rotary = rotary
    attend = CausalAttention(level)
    isExclusive = c.usesExclusiveAttention
    outputDown = try tensors.matrix(place + "o_a_proj.weight", c.outputRank, c.headCount * width)
    outputUp = try tensors.matrix(place + "o_b_proj.weight", hidden, c.outputRank)
  }
}

extension RotaryEmbedding {
  /// The first layer's stored tables, all layers' being equal; computed where they are not stored.
  fileprivate init(_ c: SpikeWhaleConfiguration, _ tensors: SpikeWhaleTensors) throws(MinkeError) {
    let half = c.rotaryDimension / 2
    let (cosines, sines) = ("layers.0.attn.rope.cos_cache", "layers.0.attn.rope.sin_cache")
    if half > 0, tensors.checkpoint.tensors[tensors.prefix + cosines] != nil {
      self.init(
        cosines: try tensors.table(cosines, c.contextLength, half),
        sines: try tensors.table(sines, c.contextLength, half), half: half)
    } else {
      self.init(positions: c.contextLength, half: half, theta: c.ropeTheta)
    }
  }
}
