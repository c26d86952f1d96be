import MinkeCore
import MinkeLayers

/// One transformer layer: attention `A`, the feed-forward block `F`, and a norm for each.
struct TransformerLayer: Sendable {
  /// The three projections as one matrix, `[3 hidden, hidden]`.
  let queryKeyValue: Linear
  let attention: TransformerAttention
  let attentionOutput: Linear
  /// W1, `[intermediate, hidden]`, or with a gate `[2 intermediate, hidden]`.
  let intermediate: Linear
  let activation: Activation
  let isGated: Bool
  /// W2, `[hidden, intermediate]`.
  let output: Linear
  let norms: Norms
  let level: KernelLevel

  /// Where the norms stand.
  enum Norms: Sendable {
    /// `h = LayerNorm(h + A(h))`, then `h = LayerNorm(h + F(h))`.
    case after(attention: LayerNorm, feedForward: LayerNorm)
    /// `h = h + A(LayerNorm(h))`, then `h = h + F(LayerNorm(h))`; the first norm may be missing.
    case before(attention: LayerNorm?, feedForward: LayerNorm)
  }

  func callAsFunction(_ h: MutableMatrixView, _ batch: TransformerBatch, _ workspace: TransformerWorkspace) {
    switch norms {
    case .after(let attentionNorm, let feedForwardNorm):
      attentionNorm(attend(h.read, batch, workspace), plus: h.read, into: h)
      feedForwardNorm(feedForward(h.read, workspace), plus: h.read, into: h)
    case .before(let attentionNorm, let feedForwardNorm):
      // Free until attention gathers into it.
      let x = workspace.context.view.rows(0..<h.rows)
      if let attentionNorm {
        attentionNorm(h.read, into: x)
        h.add(attend(x.read, batch, workspace))
      } else {
        h.add(attend(h.read, batch, workspace))
      }
      feedForwardNorm(h.read, into: x)
      h.add(feedForward(x.read, workspace))
    }
  }

  /// `Wo attention(Wq x, Wk x, Wv x)`, `[tokens, hidden]`, in memory of the workspace.
  private func attend(
    _ x: MatrixView, _ batch: TransformerBatch, _ workspace: TransformerWorkspace
  ) -> MatrixView {
    let projected = workspace.projected.view(rows: x.rows, columns: queryKeyValue.outputs)
    let context = workspace.context.view.rows(0..<x.rows)
    let change = workspace.projected.view(rows: x.rows, columns: attentionOutput.outputs)
    queryKeyValue(x, into: projected, workspace.rounding)
    attention(projected, batch, into: context, workspace.attention)
    attentionOutput(context.read, into: change, workspace.rounding)
    return change.read
  }

  /// `W2 activation(W1 x)` or, with the halves of `W1 x` as `a` and `b`, `W2 (activation(a) * b)`; `[tokens, hidden]`, in
  /// memory of the workspace.
  private func feedForward(_ x: MatrixView, _ workspace: TransformerWorkspace) -> MatrixView {
    let inner = workspace.inner.view.rows(0..<x.rows)
    let change = workspace.projected.view(rows: x.rows, columns: output.outputs)
    intermediate(x, isGated ? .identity : activation, into: inner, workspace.rounding)
    let first = inner.columns(0..<output.inputs)
    if isGated {
      activation.gate(first, by: inner.columns(output.inputs..<inner.columns).read, kernels: level)
    }
    output(first.read, into: change, workspace.rounding)
    return change.read
  }
}

/// For each head and text, `softmax(Q K^T / sqrt(headSize)) V`, `[text's tokens, headSize]`: of all tokens or of those
/// near by, with queries and keys turned by their positions or with a bias by distance, as the family has it.
struct TransformerAttention: Sendable {
  let headCount: Int
  let headSize: Int
  let rotary: RotaryEmbedding?
  /// How far a token sees to both sides; nil for all tokens.
  let window: Int?
  let bias: RelativePositionBias?
  private let attend: SelfAttention

  init(
    headCount: Int, headSize: Int, rotary: RotaryEmbedding? = nil, window: Int? = nil,
    bias: RelativePositionBias? = nil, kernels level: KernelLevel
  ) {
    self.headCount = headCount
    self.headSize = headSize
    self.rotary = rotary
    self.window = window
    self.bias = bias
    attend = SelfAttention(level)
  }

  /// `projected` holds queries, keys and values side by side, `[tokens, 3 hidden]`; `context` is `[tokens, hidden]`.
  func callAsFunction(
    _ projected: MutableMatrixView, _ batch: TransformerBatch, into context: MutableMatrixView,
    _ scratch: Spares<SelfAttention.Scratch>
  ) {
    if let rotary { turn(projected, batch, rotary) }
    let hidden = headCount * headSize
    // Pieces of some tens of microseconds.
    let grain = max(1, (1 << 18) / (batch.longest * batch.longest * headSize))
    // SAFETY: a piece writes the columns of its own heads and has scratch memory of its own.
    Workers.forEachPieceUninterrupted(of: batch.texts.count * headCount, grain: grain) { piece, _ in
      scratch.use { scratch in
        for index in piece {
          let text = projected.read.rows(batch.texts[index / headCount])
          let head = index % headCount * headSize
          attend(
            queries: text.columns(head..<head + headSize),
            keys: text.columns(hidden + head..<hidden + head + headSize),
            values: text.columns(2 * hidden + head..<2 * hidden + head + headSize), window: window,
            bias: bias?.head(index % headCount),
            into: context.rows(batch.texts[index / headCount]).columns(head..<head + headSize), scratch)
        }
      }
    }
  }

  /// Turns the queries and keys of every head by their positions.
  private func turn(_ projected: MutableMatrixView, _ batch: TransformerBatch, _ rotary: RotaryEmbedding) {
    // SAFETY: every piece writes the rows of its own texts.
    Workers.forEachPieceUninterrupted(of: batch.texts.count, grain: 1) { piece, _ in
      for index in piece {
        let text = projected.rows(batch.texts[index])
        for place in 0..<text.rows {
          let heads = text.row(place).columns(0..<2 * headCount * headSize)
          rotary(MutableMatrixView(heads.start, rows: 2 * headCount, columns: headSize), at: place)
        }
      }
    }
  }
}
