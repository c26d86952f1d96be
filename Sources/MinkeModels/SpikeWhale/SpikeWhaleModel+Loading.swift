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
  /// - Throws: `MinkeError` when a tensor is missing or of another shape.
  init(
    _ configuration: SpikeWhaleConfiguration, checkpoint: Checkpoint, form: HyperConnectionForm,
    kernels level: KernelLevel
  ) throws(MinkeError) {
    let c = configuration
    let tensors = try SpikeWhaleTensors(checkpoint, c, kernels: level)
    self.configuration = c
    self.checkpoint = checkpoint
    self.form = form
    self.level = level
    tensorCount = checkpoint.tensors.count
    elementCount = checkpoint.tensors.values.reduce(0) { $0 + $1.count }

    embedding = try tensors.matrix(.embedding)
    head = c.tiesEmbeddings ? embedding : try tensors.matrix(.head)
    if let sizes = c.engram { engram = try Engram(sizes, tensors) } else { engram = nil }
    let rotary = try RotaryEmbedding(c, tensors)

    func connection(_ read: SpikeWhaleTensor, _ write: SpikeWhaleTensor) throws(MinkeError) -> HyperConnection {
      guard c.streamCount > 1 else { return .residual }
      let (pre, post) = try tensors.pair(read, write)
      return HyperConnection(pre: pre, post: post, form: form, configuration: c)
    }
    var layers: [Layer] = []
    for index in 0..<c.layerCount {
      func tensor(_ part: SpikeWhaleTensor.Layer) -> SpikeWhaleTensor { .layer(index, part) }
      layers.append(
        Layer(
          attentionConnection: try connection(tensor(.attentionRead), tensor(.attentionWrite)),
          attentionNorm: try tensors.norm(tensor(.attentionNorm)),
          attention: try Attention(c, layer: index, tensors, rotary, kernels: level),
          feedForwardConnection: try connection(tensor(.feedForwardRead), tensor(.feedForwardWrite)),
          feedForwardNorm: try tensors.norm(tensor(.feedForwardNorm)),
          feedForward: FeedForward(
            gate: try tensors.matrix(tensor(.feedForwardGate)), up: try tensors.matrix(tensor(.feedForwardUp)),
            down: try tensors.matrix(tensor(.feedForwardDown)))))
    }
    self.layers = layers
    mix = c.streamCount > 1 ? HyperConnection.softmax(try tensors.vector(.streamMix).copied()) : [1]
    refinement =
      c.refinement == nil
      ? nil
      : HRMRefinement(
        norm: try tensors.norm(.refinementNorm), down: try tensors.matrix(.refinementDown),
        up: try tensors.matrix(.refinementUp), gates: try tensors.vector(.refinementGates).copied())
    norm = try tensors.norm(.outputNorm)
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
  init(_ sizes: SpikeWhaleConfiguration.Engram, _ tensors: SpikeWhaleTensors) throws(MinkeError) {
    self.sizes = sizes
    codes = tensors.contains(.engramCodes) ? try tensors.table(.engramCodes) : nil
    compressor = try tensors.matrix(.engramCompressor)
    gate = try tensors.matrix(.engramGate)
    gateBias = try tensors.vector(.engramGateBias)
    alpha = try tensors.vector(.engramAlpha)
    bias = try tensors.vector(.engramBias)
    gamma = try tensors.vector(.engramGamma)
    var tables: [SharedBuffer<Float>] = []
    for table in 0..<sizes.tableCount { tables.append(try tensors.table(.engramTable(table))) }
    self.tables = tables
    var projections: [SharedBuffer<Float>] = []
    for hash in SpikeWhaleTensor.engramHashes(of: sizes) { projections.append(try tensors.table(hash)) }
    self.projections = projections
  }
}

extension Attention {
  init(
    _ c: SpikeWhaleConfiguration, layer index: Int, _ tensors: SpikeWhaleTensors, _ rotary: RotaryEmbedding,
    kernels level: KernelLevel
  ) throws(MinkeError) {
    func matrix(_ part: SpikeWhaleTensor.Layer) throws(MinkeError) -> Linear { try tensors.matrix(.layer(index, part)) }
    func norm(_ part: SpikeWhaleTensor.Layer) throws(MinkeError) -> RMSNorm { try tensors.norm(.layer(index, part)) }
    headCount = c.headCount
    queryDown = try matrix(.queryDown)
    queryCodeNorm = try norm(.queryCodeNorm)
    queryUp = try matrix(.queryUp)
    key = try matrix(.key)
    value = try matrix(.value)
    queryNorm = c.usesQueryKeyNorm ? try norm(.queryNorm) : nil
    keyNorm = c.usesQueryKeyNorm ? try norm(.keyNorm) : nil
    self.rotary = rotary
    attend = CausalAttention(level)
    isExclusive = c.usesExclusiveAttention
    outputDown = try matrix(.outputDown)
    outputUp = try matrix(.outputUp)
  }
}

extension RotaryEmbedding {
  /// The first layer's stored tables, all layers' being equal; computed where they are not stored.
  init(_ c: SpikeWhaleConfiguration, _ tensors: SpikeWhaleTensors) throws(MinkeError) {
    let half = c.rotaryDimension / 2
    let (cosines, sines) = (SpikeWhaleTensor.layer(0, .rotaryCosines), SpikeWhaleTensor.layer(0, .rotarySines))
    if half > 0, tensors.contains(cosines) {
      self.init(cosines: try tensors.table(cosines), sines: try tensors.table(sines), half: half)
    } else {
      self.init(positions: c.contextLength, half: half, theta: c.ropeTheta)
    }
  }
}
