import MinkeCheckpoints
import MinkeCore
import MinkeLayers
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
    let attentionNorm: RMSNorm
    var attention: Attention
    let feedForwardConnection: HyperConnection
    let feedForwardNorm: RMSNorm
    var feedForward: FeedForward
  }

  let level: KernelLevel
  let checkpoint: Checkpoint
  /// `E` `[vocabularySize, hidden]`
  let embedding: Linear
  let engram: Engram?
  var layers: [Layer]
  /// The share of each stream in the result.
  let mix: [Float]
  let refinement: HRMRefinement?
  let norm: RMSNorm
  /// `E` itself where the file says that they are tied.
  let head: Linear

  // MARK: Forward pass

  /// Runs tokens through the model, on all cores, and adds them to their sequences' states.
  ///
  /// Calls `body` with the pass, in which `input` holds the last hidden states `[rows, hidden]`.
  ///
  /// - Parameter rounding: whether a single token's products with 4-bit weights may round their inputs to 8 bits.
  /// - Throws: `MinkeError` when a token is not in the vocabulary, a sequence would outgrow the context or the result
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
    let x = pass.input
    pass.forEachRow { row in
      let token = Int(pass.tokens[row])
      embedding.unpack(token..<token + 1, into: x.row(row))
    }
    engram?(pass)
    pass.forEachRow { row in
      let streams = streams(of: row, pass)
      for stream in 0..<streams.rows { streams.row(stream).copy(x.row(row).read) }
    }
    for (index, layer) in layers.enumerated() {
      try Task.checkCancellation()
      read(layer.attentionConnection, layer.attentionNorm, pass)
      layer.attention(pass, layer: index)
      write(layer.attentionConnection, pass)
      read(layer.feedForwardConnection, layer.feedForwardNorm, pass)
      layer.feedForward(pass)
      write(layer.feedForwardConnection, pass)
    }
    pass.forEachRow { row in HyperConnection.mix(streams(of: row, pass).read, mix, into: x.row(row)) }
    refinement?(pass)
    pass.forEachRow { row in norm(x.row(row).read, into: x.row(row)) }
    try checkFinite(x.read)
    // Only now do the states know of the tokens: a pass that was left half-way has changed nothing in them.
    for (index, segment) in pass.segments.enumerated() {
      segment.state.append(pass.tokens[segment.rows], recentCodes: engram == nil ? nil : pass.recentCodes[index])
    }
  }

  /// The streams of one token, `[streams, hidden]`.
  private func streams(of row: Int, _ pass: ForwardPass) -> MutableMatrixView {
    pass.streams.rows(row * configuration.streamCount..<(row + 1) * configuration.streamCount)
  }

  private func read(_ connection: HyperConnection, _ norm: RMSNorm, _ pass: ForwardPass) {
    pass.forEachRow { row in
      let h = pass.input.row(row)
      connection.read(streams(of: row, pass).read, into: h)
      norm(h.read, into: h)
    }
  }

  private func write(_ connection: HyperConnection, _ pass: ForwardPass) {
    pass.forEachRow { row in connection.write(pass.output.row(row).read, to: streams(of: row, pass)) }
  }

  /// The logits `[rows.count, vocabularySize]` of rows of a finished pass.
  func logits(_ rows: Range<Int>, of pass: ForwardPass) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows.count * head.outputs) { logits, count in
      if let start = logits.baseAddress {
        let y = MutableMatrixView(start, rows: rows.count, columns: head.outputs)
        pass.multiply([.init(head, pass.input.rows(rows).read, into: y)])
      }
      count = rows.count * head.outputs
    }
  }

  /// Weights are not read when the model is loaded; one that is not a number shows in the result, and is then looked
  /// for.
  private func checkFinite(_ x: MatrixView) throws {
    if x.isFinite { return }
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(name)
      if tensor.elementType.isFloatingPoint { _ = try tensor.floats(requiringFinite: true) }
    }
    throw MinkeError(
      .notFinite, "\(checkpoint.path): last hidden state", expected: "finite numbers", found: "NaN or infinity")
  }

  // MARK: Results

  /// The last hidden states of a sequence, `[tokens, hiddenSize]`.
  func hiddenStates(_ tokens: some Collection<TokenID>) throws -> [Float] {
    try run([SequenceInput(tokens, state: makeMemory())]) { $0.input.read.copied() }
  }

  /// The memory of a sequence without any tokens yet.
  func makeMemory() -> SequenceState { SequenceState(configuration: configuration) }

  /// Every matrix that each token is multiplied with, but for the last one.
  private var matrices: [Linear] {
    var matrices: [Linear] = []
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
  package var precision: Precision { layers.first?.feedForward.gate.precision ?? embedding.precision }
}
