import MinkeCore
import MinkeLayers

/// Attention with one key and one value shared by all heads, low-rank queries and outputs, and the position's own value
/// direction left out of its result (XSA).
///
/// `q = Wqb RMSNorm(Wqa x)`, `k = Wk x`, `v = Wv x`. RMSNorm over all dimensions of each head's `q` and of `k`, then
/// the last dimensions rotate with the position, half-split. `y = softmax(q k / sqrt(d)) v` over what came before; with
/// `u = v / (|v| + 1e-8)` of the own position, `y -= (y u) u`. The output is `Wob (Woa y)`.
struct Attention: Sendable {
  let headCount: Int
  var queryDown: Linear
  let queryCodeNorm: RMSNorm
  var queryUp: Linear
  var key: Linear
  var value: Linear
  let queryNorm: RMSNorm?
  let keyNorm: RMSNorm?
  let rotary: RotaryEmbedding
  let attend: CausalAttention
  /// Whether the own value's direction is left out.
  let isExclusive: Bool
  var outputDown: Linear
  var outputUp: Linear

  /// `pass.input` `[rows, hidden]`, normed, to `pass.output` `[rows, hidden]`.
  func callAsFunction(_ pass: ForwardPass, layer: Int) {
    let x = pass.input.read
    pass.multiply([
      .init(queryDown, x, into: pass.queryCode), .init(key, x, into: pass.keys), .init(value, x, into: pass.values),
    ])
    queryCodeNorm(pass.queryCode.read, into: pass.queryCode)
    pass.multiply([.init(queryUp, pass.queryCode.read, into: pass.queries)])
    for segment in pass.segments {
      Workers.forEachPieceUninterrupted(of: segment.rows.count, grain: CausalAttention.block) { piece, _ in
        for offset in piece { place(offset, of: segment, pass, layer) }
      }
    }
    let blocks = pass.segments.flatMap { segment in
      stride(from: 0, to: segment.rows.count, by: CausalAttention.block).map { start in
        (segment: segment, offsets: start..<min(segment.rows.count, start + CausalAttention.block))
      }
    }
    // The last blocks see the most positions, so they come first.
    Workers.forEachPieceUninterrupted(of: blocks.count, grain: 1) { pieces, _ in
      for piece in pieces {
        let block = blocks[blocks.count - 1 - piece]
        gather(block.offsets, of: block.segment, pass, layer)
      }
    }
    pass.multiply([.init(outputDown, pass.attended.read, into: pass.outputCode)])
    pass.multiply([.init(outputUp, pass.outputCode.read, into: pass.output)])
  }

  /// Norms and rotates the queries and the key of a token and stores the key and value in the sequence's state.
  private func place(_ offset: Int, of segment: ForwardPass.Segment, _ pass: ForwardPass, _ layer: Int) {
    let (row, position) = (segment.rows.lowerBound + offset, segment.start + offset)
    let queries = pass.queries.row(row).cut(into: headCount)
    let key = pass.keys.row(row)
    queryNorm?(queries.read, into: queries)
    keyNorm?(key.read, into: key)
    rotary(queries, at: position)
    rotary(key, at: position)
    segment.state.layers[layer].store(key: key.read, value: pass.values.row(row).read, at: position)
  }

  /// Attention of the tokens at `offsets` of a sequence against all positions up to each.
  private func gather(
    _ offsets: Range<Int>, of segment: ForwardPass.Segment, _ pass: ForwardPass, _ layer: Int
  ) {
    let first = segment.rows.lowerBound
    let rows = first + offsets.lowerBound..<first + offsets.upperBound
    let y = pass.attended.rows(rows)
    attend(
      pass.queries.rows(rows).cut(into: headCount).read, heads: headCount,
      at: segment.start + offsets.lowerBound..<segment.start + offsets.upperBound, segment.state.layers[layer],
      into: y.cut(into: headCount), pass.attention)
    guard isExclusive else { return }
    for (index, row) in rows.enumerated() {
      // The state holds the value itself; here its direction is all that counts.
      let value = pass.values.row(row)
      value.scale(by: 1 / (value.read.dot(value.read).squareRoot() + 1e-8))
      let heads = y.row(index).cut(into: headCount)
      for head in 0..<headCount {
        let y = heads.row(head)
        y.add(value.read, times: -y.read.dot(value.read))
      }
    }
  }
}
