import MinkeCore
import MinkeLayers
import MinkeText

/// A BERT encoder (Devlin et al. 2018): token ids in, one vector of the last layer for each token out.
///
/// The tokens of many texts stand one after the other, without padding; attention alone looks at texts. What comes out
/// for a text does not depend on the texts beside it nor on the number of threads.
struct BertModel: Sendable {
  let configuration: BertConfiguration
  let embeddings: BertEmbeddings
  let layers: [BertLayer]

  /// The last hidden states, `[tokens, hidden]`, in memory of the workspace.
  ///
  /// - Throws: `CancellationError`.
  func forward(_ batch: BertBatch, _ workspace: BertWorkspace) throws -> MatrixView {
    let hidden = workspace.hidden.view.rows(0..<batch.ids.count)
    embeddings(batch, into: hidden)
    for layer in layers {
      try Workers.checkCancellation()
      layer(hidden, batch, workspace)
    }
    return hidden.read
  }
}

/// `LayerNorm(word[id] + position[p] + type[0])`, `[tokens, hidden]`.
struct BertEmbeddings: Sendable {
  /// `[vocabulary, hidden]`
  let word: SharedBuffer<Float>
  /// The position embedding with the embedding of token type 0 added to every row, `[positions, hidden]`.
  let position: SharedBuffer<Float>
  let norm: LayerNorm

  func callAsFunction(_ batch: BertBatch, into hidden: MutableMatrixView) {
    let width = norm.width
    guard let word = word.baseAddress, let position = position.baseAddress else { return }
    let words = MatrixView(word, rows: self.word.count / width, columns: width)
    let positions = MatrixView(position, rows: self.position.count / width, columns: width)
    for text in batch.texts {
      for (place, token) in text.enumerated() {
        norm(words.row(Int(batch.ids[token])), plus: positions.row(place), into: hidden.row(token))
      }
    }
  }
}

/// One transformer layer, the norms after the sums:
/// `h = LayerNorm(h + Attention(h))`, then `h = LayerNorm(h + W2 GELU(W1 h))`.
struct BertLayer: Sendable {
  /// The three projections as one matrix, `[3 hidden, hidden]`.
  let queryKeyValue: Linear
  let attention: BertAttention
  let attentionOutput: Linear
  let attentionNorm: LayerNorm
  /// W1, `[intermediate, hidden]`.
  let intermediate: Linear
  /// W2, `[hidden, intermediate]`.
  let output: Linear
  let outputNorm: LayerNorm

  func callAsFunction(_ h: MutableMatrixView, _ batch: BertBatch, _ workspace: BertWorkspace) {
    let projected = workspace.projected.view(rows: h.rows, columns: queryKeyValue.outputs)
    let context = workspace.context.view.rows(0..<h.rows)
    let inner = workspace.inner.view.rows(0..<h.rows)
    let change = workspace.projected.view(rows: h.rows, columns: h.columns)
    let rounding = workspace.rounding

    queryKeyValue(h.read, into: projected, rounding)
    attention(projected.read, batch, into: context, workspace.attention)
    attentionOutput(context.read, into: change, rounding)
    attentionNorm(change.read, plus: h.read, into: h)

    intermediate(h.read, .gelu, into: inner, rounding)
    output(inner.read, into: change, rounding)
    outputNorm(change.read, plus: h.read, into: h)
  }
}

/// For each head and text, `softmax(Q K^T / sqrt(headSize)) V`, `[text's tokens, headSize]`.
struct BertAttention: Sendable {
  let headCount: Int
  let headSize: Int
  private let attend: SelfAttention

  init(headCount: Int, headSize: Int, kernels level: KernelLevel) {
    self.headCount = headCount
    self.headSize = headSize
    attend = SelfAttention(level)
  }

  /// `projected` holds queries, keys and values side by side, `[tokens, 3 hidden]`; `context` is `[tokens, hidden]`.
  func callAsFunction(
    _ projected: MatrixView, _ batch: BertBatch, into context: MutableMatrixView,
    _ scratch: Spares<SelfAttention.Scratch>
  ) {
    let hidden = headCount * headSize
    // Pieces of some tens of microseconds.
    let grain = max(1, (1 << 18) / (batch.longest * batch.longest * headSize))
    // SAFETY: a piece writes the columns of its own heads and has scratch memory of its own.
    Workers.forEachPieceUninterrupted(of: batch.texts.count * headCount, grain: grain) { piece, _ in
      scratch.use { scratch in
        for index in piece {
          let text = projected.rows(batch.texts[index / headCount])
          let head = index % headCount * headSize
          attend(
            queries: text.columns(head..<head + headSize),
            keys: text.columns(hidden + head..<hidden + head + headSize),
            values: text.columns(2 * hidden + head..<2 * hidden + head + headSize),
            into: context.rows(batch.texts[index / headCount]).columns(head..<head + headSize), scratch)
        }
      }
    }
  }
}
