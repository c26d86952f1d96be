import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
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
    let tensors = try SpikeWhaleTensors(checkpoint, c)
    self.configuration = c
    self.checkpoint = checkpoint
    self.form = form
    kernels = SpikeWhaleKernels(level)
    tensorCount = checkpoint.tensors.count
    elementCount = checkpoint.tensors.values.reduce(0) { $0 + $1.count }

    embedding = try tensors.matrix(.embedding)
    head = c.tiesEmbeddings ? embedding : try tensors.matrix(.head)
    if let sizes = c.engram { engram = try Engram(sizes, tensors) } else { engram = nil }
    rotary = try RotaryTable(c, tensors)

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
          attentionNorm: try tensors.vector(tensor(.attentionNorm)),
          attention: try Attention(c, layer: index, tensors),
          feedForwardConnection: try connection(tensor(.feedForwardRead), tensor(.feedForwardWrite)),
          feedForwardNorm: try tensors.vector(tensor(.feedForwardNorm)),
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
        norm: try tensors.vector(.refinementNorm), down: try tensors.matrix(.refinementDown),
        up: try tensors.matrix(.refinementUp), gates: try tensors.vector(.refinementGates).copied())
    norm = try tensors.vector(.outputNorm)
  }
}

extension SpikeWhaleModel {
  /// The same model with the matrices of its layers packed in 8 bits; the embedding and the engram stay as they are.
  func packedInt8(kernels level: KernelLevel) throws(MinkeError) -> SpikeWhaleModel {
    var copy = self
    var packed: [Layer] = []
    for layer in layers {
      let (a, f) = (layer.attention, layer.feedForward)
      packed.append(
        Layer(
          attentionConnection: layer.attentionConnection, attentionNorm: layer.attentionNorm,
          attention: Attention(
            queryDown: try a.queryDown.packedInt8(kernels: level), queryCodeNorm: a.queryCodeNorm,
            queryUp: try a.queryUp.packedInt8(kernels: level), key: try a.key.packedInt8(kernels: level),
            value: try a.value.packedInt8(kernels: level), queryNorm: a.queryNorm, keyNorm: a.keyNorm,
            outputDown: try a.outputDown.packedInt8(kernels: level),
            outputUp: try a.outputUp.packedInt8(kernels: level)),
          feedForwardConnection: layer.feedForwardConnection, feedForwardNorm: layer.feedForwardNorm,
          feedForward: FeedForward(
            gate: try f.gate.packedInt8(kernels: level), up: try f.up.packedInt8(kernels: level),
            down: try f.down.packedInt8(kernels: level))))
    }
    copy.layers = packed
    return copy
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
  init(_ c: SpikeWhaleConfiguration, layer index: Int, _ tensors: SpikeWhaleTensors) throws(MinkeError) {
    func matrix(_ part: SpikeWhaleTensor.Layer) throws(MinkeError) -> WeightMatrix {
      try tensors.matrix(.layer(index, part))
    }
    func norm(_ part: SpikeWhaleTensor.Layer) throws(MinkeError) -> SharedBuffer<Float> {
      try tensors.vector(.layer(index, part))
    }
    queryDown = try matrix(.queryDown)
    queryCodeNorm = try norm(.queryCodeNorm)
    queryUp = try matrix(.queryUp)
    key = try matrix(.key)
    value = try matrix(.value)
    queryNorm = c.usesQueryKeyNorm ? try norm(.queryNorm) : nil
    keyNorm = c.usesQueryKeyNorm ? try norm(.keyNorm) : nil
    outputDown = try matrix(.outputDown)
    outputUp = try matrix(.outputUp)
  }
}

extension RotaryTable {
  /// The first layer's stored tables, all layers' being equal; computed where they are not stored.
  init(_ c: SpikeWhaleConfiguration, _ tensors: SpikeWhaleTensors) throws(MinkeError) {
    let half = c.rotaryDimension / 2
    let (cosines, sines) = (SpikeWhaleTensor.layer(0, .rotaryCosines), SpikeWhaleTensor.layer(0, .rotarySines))
    if half > 0, tensors.contains(cosines) {
      self.init(cosines: try tensors.table(cosines), sines: try tensors.table(sines), configuration: c)
      return
    }
    let cosineTable = AlignedBuffer<Float>(uninitialized: c.contextLength * half)
    let sineTable = AlignedBuffer<Float>(uninitialized: c.contextLength * half)
    for j in 0..<half {
      let frequency = Float(pow(c.ropeTheta, -Double(j) / Double(half)))
      for position in 0..<c.contextLength {
        let angle = Float(position) * frequency
        cosineTable.baseAddress[position * half + j] = cosf(angle)
        sineTable.baseAddress[position * half + j] = sinf(angle)
      }
    }
    self.init(cosines: SharedBuffer(cosineTable), sines: SharedBuffer(sineTable), configuration: c)
  }
}
