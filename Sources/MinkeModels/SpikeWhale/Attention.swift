import MinkeCore
import MinkeKernels

/// Attention with one key and one value shared by all heads, low-rank queries and outputs, and the position's own value
/// direction left out of its result (XSA).
///
/// `q = Wqb RMSNorm(Wqa x)`, `k = Wk x`, `v = Wv x`. RMSNorm over all dimensions of each head's `q` and of `k`, then
/// the last dimensions rotate with the position, half-split. `y = softmax(q k / sqrt(d)) v` over what came before; with
/// `u = v / (|v| + 1e-8)` of the own position, `y -= (y u) u`. The output is `Wob (Woa y)`.
struct Attention: Sendable {
  let queryDown: WeightMatrix
  let queryCodeNorm: SharedBuffer<Float>
  let queryUp: WeightMatrix
  let key: WeightMatrix
  let value: WeightMatrix
  let queryNorm: SharedBuffer<Float>?
  let keyNorm: SharedBuffer<Float>?
  let outputDown: WeightMatrix
  let outputUp: WeightMatrix

  /// `pass.input` `[rows, hidden]`, normed, to `pass.output` `[rows, hidden]`.
  func apply(_ pass: ForwardPass, layer: Int, rotary: RotaryTable) {
    let c = pass.configuration
    pass.multiply([
      .init(weights: queryDown, x: pass.input, y: pass.queryCode),
      .init(weights: key, x: pass.input, y: pass.keys),
      .init(weights: value, x: pass.input, y: pass.values),
    ])
    norm(pass.queryCode, c.queryRank, count: pass.rows, queryCodeNorm, pass)
    pass.multiply([.init(weights: queryUp, x: pass.queryCode, y: pass.queries)])
    for segment in pass.segments {
      Workers.forEachPieceUninterrupted(of: segment.rows.count, grain: ForwardPass.attentionBlock) { piece, _ in
        for offset in piece { place(segment.rows.lowerBound + offset, segment, offset, pass, layer, rotary) }
      }
    }
    let blocks = pass.segments.flatMap { segment in
      stride(from: 0, to: segment.rows.count, by: ForwardPass.attentionBlock).map { start in
        (segment: segment, offsets: start..<min(segment.rows.count, start + ForwardPass.attentionBlock))
      }
    }
    // The last blocks see the most positions, so they come first.
    Workers.forEachPieceUninterrupted(of: blocks.count, grain: 1, workers: pass.workers) { pieces, worker in
      for piece in pieces {
        attend(blocks[blocks.count - 1 - piece].segment, blocks[blocks.count - 1 - piece].offsets, pass, layer, worker)
      }
    }
    pass.multiply([.init(weights: outputDown, x: pass.attended, y: pass.outputCode)])
    pass.multiply([.init(weights: outputUp, x: pass.outputCode, y: pass.output)])
  }

  private func norm(
    _ x: UnsafeMutablePointer<Float>, _ columns: Int, count: Int, _ weight: SharedBuffer<Float>?, _ pass: ForwardPass
  ) {
    guard let weight = weight?.baseAddress else { return }
    pass.kernels.decoder.rms_norm(x, columns, weight, pass.configuration.normEpsilon, count, columns, x, columns)
  }

  /// Norms and rotates the queries and the key of a row and stores the key and value in the sequence's state.
  private func place(
    _ row: Int, _ segment: ForwardPass.Segment, _ offset: Int, _ pass: ForwardPass, _ layer: Int, _ rotary: RotaryTable
  ) {
    let c = pass.configuration
    let position = segment.start + offset
    let queries = pass.queries + row * c.headCount * c.headDimension
    let key = pass.keys + row * c.headDimension
    norm(queries, c.headDimension, count: c.headCount, queryNorm, pass)
    norm(key, c.headDimension, count: 1, keyNorm, pass)
    for head in 0..<c.headCount { rotary.rotate(queries + head * c.headDimension, to: position) }
    rotary.rotate(key, to: position)
    segment.state.store(key: key, value: pass.values + row * c.headDimension, at: position, layer: layer)
  }

  /// Attention of the tokens at `offsets` of a sequence: `[offsets, heads]` rows against all positions up to the last.
  private func attend(
    _ segment: ForwardPass.Segment, _ offsets: Range<Int>, _ pass: ForwardPass, _ layer: Int, _ worker: Int
  ) {
    let c = pass.configuration
    let (heads, width) = (c.headCount, c.headDimension)
    let first = segment.rows.lowerBound + offsets.lowerBound
    let positions = segment.start + offsets.upperBound
    let stride = ForwardPass.scoreStride(positions)
    let scores = pass.scores(of: worker)
    var product = minke_gemm_call(
      rows: offsets.count * heads, columns: positions, depth: width, x: pass.queries + first * heads * width,
      x_stride: width, panels: segment.state.keys[layer].pointer, bias: nil, y: scores, y_stride: stride,
      activation: MINKE_IDENTITY)
    pass.kernels.gemm.multiply(&product)
    for index in 0..<offsets.count {
      let seen = segment.start + offsets.lowerBound + index + 1
      let rows = scores + index * heads * stride
      pass.kernels.transformer.softmax(rows, heads, seen, stride, 1 / Float(width).squareRoot())
      for head in 0..<heads where seen < positions {
        (rows + head * stride + seen).update(repeating: 0, count: positions - seen)
      }
    }
    let attended = pass.attended + first * heads * width
    for start in Swift.stride(from: 0, to: width, by: SequenceState.panel) {
      var product = minke_gemm_call(
        rows: offsets.count * heads, columns: min(SequenceState.panel, width - start), depth: positions, x: scores,
        x_stride: stride, panels: segment.state.values[layer].pointer + start * segment.state.capacity, bias: nil,
        y: attended + start, y_stride: width, activation: MINKE_IDENTITY)
      pass.kernels.gemm.multiply(&product)
    }
    guard c.usesExclusiveAttention else { return }
    for index in 0..<offsets.count {
      let value = pass.values + (first + index) * width
      var square: Float = 0
      for i in 0..<width { square += value[i] * value[i] }
      let scale = 1 / (square.squareRoot() + 1e-8)
      for head in 0..<heads {
        let y = attended + (index * heads + head) * width
        var along: Float = 0
        for i in 0..<width { along += y[i] * (value[i] * scale) }
        for i in 0..<width { y[i] -= along * (value[i] * scale) }
      }
    }
  }
}

/// The cosines and sines by which the last dimensions of queries and keys turn with their position.
struct RotaryTable: Sendable {
  /// `[contextLength, rotaryDimension / 2]`
  private let cosines: SharedBuffer<Float>
  private let sines: SharedBuffer<Float>
  private let half: Int
  private let start: Int

  /// The stored tables `[contextLength, half]`.
  init(cosines: SharedBuffer<Float>, sines: SharedBuffer<Float>, configuration: SpikeWhaleConfiguration) {
    self.cosines = cosines
    self.sines = sines
    half = configuration.rotaryDimension / 2
    start = configuration.headDimension - configuration.rotaryDimension
  }

  /// `(x1 cos - x2 sin, x1 sin + x2 cos)` for the two halves of the last dimensions of a head.
  func rotate(_ head: UnsafeMutablePointer<Float>, to position: Int) {
    for j in 0..<half {
      let (cosine, sine) = (cosines[position * half + j], sines[position * half + j])
      let (x1, x2) = (head[start + j], head[start + half + j])
      head[start + j] = x1 * cosine - x2 * sine
      head[start + half + j] = x1 * sine + x2 * cosine
    }
  }
}
