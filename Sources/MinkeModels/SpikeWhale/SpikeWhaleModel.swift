import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeText

/// SpikeWhale, the decoder of Byrne-86M and Byrne-Embed.
///
/// The forward pass, for `H = hiddenSize` and `n` streams: `x = E[tokens]`; `x += Engram(x)`; `n` equal streams
/// `X_i = x`; in each layer attention and feed-forward, each reading from the streams, normed, and writing back to
/// them; `x = sum of softmax(mix)_i X_i`; `x = HRM(x)`; the last hidden state is `x = RMSNorm(x)` and the logits are
/// `x E^T`. Sources: the model cards and the published logs of the same class.
package struct SpikeWhaleModel: Sendable {
  package let configuration: SpikeWhaleConfiguration
  /// Tensors and numbers in the checkpoint, those that inference does not use included.
  package let tensorCount: Int
  package let elementCount: Int
  /// The form of the hyper-connections.
  let form: HyperConnectionForm

  struct Layer: Sendable {
    let attentionConnection: HyperConnection
    let attentionNorm: SharedBuffer<Float>
    let attention: Attention
    let feedForwardConnection: HyperConnection
    let feedForwardNorm: SharedBuffer<Float>
    let feedForward: FeedForward
  }

  let kernels: SpikeWhaleKernels
  let checkpoint: Checkpoint
  /// `E` `[vocabularySize, hidden]`
  let embedding: WeightMatrix
  let engram: Engram?
  let rotary: RotaryTable
  var layers: [Layer]
  /// The share of each stream in the result.
  let mix: [Float]
  let refinement: HRMRefinement?
  let norm: SharedBuffer<Float>
  /// `E` itself where the file says that they are tied.
  let head: WeightMatrix

  // MARK: Forward pass

  /// Runs tokens through the model, on all cores, and adds them to their sequences' states.
  ///
  /// Calls `body` with the pass, in which `input` holds the last hidden states `[rows, hidden]`.
  ///
  /// - Parameter rounding: whether a single token's products with 4-bit weights may round their inputs to 8 bits.
  /// - Throws: ``MinkeError`` when a token is not in the vocabulary, a sequence would outgrow the context or the result
  ///   is not finite; `CancellationError` when the calling task is cancelled. The states are then as before.
  func run<Result>(
    _ inputs: [SequenceInput], rounding: Bool = false, _ body: (ForwardPass) throws -> Result
  ) throws -> Result {
    for input in inputs { try check(input) }
    return try Workers.computing {
      let pass = ForwardPass(inputs, model: self, rounding: rounding)
      if pass.rows > 0 { try forward(pass) }
      return try body(pass)
    }
  }

  func check(_ input: SequenceInput) throws(MinkeError) {
    let limit = configuration.contextLength
    guard input.tokens.count <= limit - input.state.count else {
      throw MinkeError(
        .invalidArgument, "context", expected: "at most \(limit) tokens, the model's context length",
        found: "\(input.state.count + input.tokens.count)")
    }
    try checkVocabulary(input.tokens)
  }

  func checkVocabulary(_ tokens: ArraySlice<TokenID>) throws(MinkeError) {
    for token in tokens where token < 0 || Int(token) >= configuration.vocabularySize {
      throw MinkeError(
        .invalidArgument, "token", expected: "0 to \(configuration.vocabularySize - 1)", found: "\(token)")
    }
  }

  private func forward(_ pass: ForwardPass) throws {
    let hidden = configuration.hiddenSize
    let streamCount = configuration.streamCount
    pass.forEachRow { row in
      let token = Int(pass.tokens[row])
      embedding.unpack(token..<token + 1, into: pass.input + row * hidden, kernels: kernels.matvec)
    }
    engram?.apply(pass)
    pass.forEachRow { row in
      for stream in 0..<streamCount {
        (pass.streams + (row * streamCount + stream) * hidden).update(from: pass.input + row * hidden, count: hidden)
      }
    }
    for (index, layer) in layers.enumerated() {
      try Task.checkCancellation()
      read(layer.attentionConnection, layer.attentionNorm, pass)
      layer.attention.apply(pass, layer: index, rotary: rotary)
      write(layer.attentionConnection, pass)
      read(layer.feedForwardConnection, layer.feedForwardNorm, pass)
      layer.feedForward.apply(pass)
      write(layer.feedForwardConnection, pass)
    }
    pass.forEachRow { row in
      HyperConnection.mix(
        pass.streams + row * streamCount * hidden, mix, into: pass.input + row * hidden, hidden: hidden)
    }
    refinement?.apply(pass)
    pass.forEachRow { row in pass.normalize(pass.input, by: norm, rows: row..<row + 1) }
    try checkFinite(UnsafeBufferPointer(start: pass.input, count: pass.rows * hidden))
    // Only now do the states know of the tokens: a pass that was left half-way has changed nothing in them.
    for (index, segment) in pass.segments.enumerated() {
      segment.state.append(pass.tokens[segment.rows], recentCodes: engram == nil ? nil : pass.recentCodes[index])
    }
  }

  private func read(_ connection: HyperConnection, _ norm: SharedBuffer<Float>, _ pass: ForwardPass) {
    let (hidden, streamCount) = (configuration.hiddenSize, configuration.streamCount)
    pass.forEachRow { row in
      connection.read(pass.streams + row * streamCount * hidden, into: pass.input + row * hidden, hidden: hidden)
      pass.normalize(pass.input, by: norm, rows: row..<row + 1)
    }
  }

  private func write(_ connection: HyperConnection, _ pass: ForwardPass) {
    let (hidden, streamCount) = (configuration.hiddenSize, configuration.streamCount)
    pass.forEachRow { row in
      connection.write(pass.output + row * hidden, to: pass.streams + row * streamCount * hidden, hidden: hidden)
    }
  }

  /// The logits `[rows.count, vocabularySize]` of rows of a finished pass.
  func logits(_ rows: Range<Int>, of pass: ForwardPass) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows.count * head.outputs) { logits, count in
      if let start = logits.baseAddress {
        pass.multiply(
          [.init(weights: head, x: pass.input + rows.lowerBound * head.inputs, y: start)], rows: rows.count)
      }
      count = rows.count * head.outputs
    }
  }

  /// Weights are not read when the model is loaded; one that is not a number shows in the result, and is then looked
  /// for.
  private func checkFinite(_ values: UnsafeBufferPointer<Float>) throws {
    guard let value = values.first(where: { !$0.isFinite }) else { return }
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(name)
      if tensor.elementType.isFloatingPoint { _ = try tensor.floats(requiringFinite: true) }
    }
    throw MinkeError(
      .notFinite, "\(checkpoint.path): last hidden state", expected: "finite numbers", found: "\(value)")
  }

  // MARK: Results

  /// The last hidden states of a sequence, `[tokens, hiddenSize]`.
  func hiddenStates(_ tokens: some Collection<TokenID>) throws -> [Float] {
    try run([SequenceInput(tokens, state: makeMemory())]) { pass in
      Array(UnsafeBufferPointer(start: pass.input, count: pass.rows * configuration.hiddenSize))
    }
  }

  /// The memory of a sequence without any tokens yet.
  func makeMemory() -> SequenceState { SequenceState(configuration: configuration) }

  /// Every matrix that each token is multiplied with, but for the last one.
  private var matrices: [WeightMatrix] {
    var matrices: [WeightMatrix] = []
    for layer in layers {
      let (a, f) = (layer.attention, layer.feedForward)
      matrices += [a.queryDown, a.queryUp, a.key, a.value, a.outputDown, a.outputUp, f.gate, f.up, f.down]
    }
    if let engram { matrices += [engram.compressor, engram.gate] }
    if let refinement { matrices += [refinement.down, refinement.up] }
    return matrices
  }

  /// Bytes of weights that a decoded token reads: every matrix once. Of the engram's tables it reads a few rows.
  package var bytesPerToken: Int { matrices.reduce(head.byteCount) { $0 + $1.byteCount } }

  /// Multiplications and additions with weights for a token whose logits nobody asks for.
  package var operationsPerToken: Double { matrices.reduce(0) { $0 + 2 * Double($1.outputs * $1.inputs) } }

  /// How the linear layers' weights are held.
  package var precision: WeightPrecision { layers.first?.feedForward.gate.precision ?? embedding.precision }
}
