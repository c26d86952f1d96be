import MinkeCore
import MinkeLayers
import MinkeText

/// A transformer encoder (Devlin et al. 2018, and those after it): token ids in, one vector of the last layer for each
/// token out.
///
/// The tokens of many texts stand one after the other, without padding; attention alone looks at texts. What comes out
/// for a text does not depend on the texts beside it nor on the number of threads.
struct TransformerModel: Sendable {
  let configuration: TransformerConfiguration
  let embeddings: TransformerEmbeddings
  let layers: [TransformerLayer]
  /// Behind the last layer, in families that norm before.
  let finalNorm: LayerNorm?

  /// The last hidden states, `[tokens, hidden]`, in memory of the workspace.
  ///
  /// - Throws: `CancellationError`.
  func forward(_ batch: TransformerBatch, _ workspace: TransformerWorkspace) throws -> MatrixView {
    let hidden = workspace.hidden.view.rows(0..<batch.ids.count)
    embeddings(batch, into: hidden, workspace)
    for layer in layers {
      try Workers.checkCancellation()
      layer(hidden, batch, workspace)
    }
    if let finalNorm { finalNorm(hidden.read, into: hidden) }
    return hidden.read
  }
}

/// `LayerNorm(word[id] + position[p] + type[0])`, `[tokens, hidden]`, with a linear layer behind it where embeddings are
/// of another size, and no positions where attention has its own.
struct TransformerEmbeddings: Sendable {
  /// `[vocabulary, embedding]`
  let word: SharedBuffer<Float>
  /// The position embedding with the embedding of token type 0 added to every row, `[positions, embedding]`.
  let position: SharedBuffer<Float>?
  /// As ``TransformerConfiguration/paddingToken``.
  let paddingToken: Int?
  let norm: LayerNorm
  let projection: Linear?

  func callAsFunction(_ batch: TransformerBatch, into hidden: MutableMatrixView, _ workspace: TransformerWorkspace) {
    guard let projection else { return embed(batch, into: hidden) }
    let embedded = workspace.projected.view(rows: hidden.rows, columns: norm.width)
    embed(batch, into: embedded)
    projection(embedded.read, into: hidden, workspace.rounding)
  }

  private func embed(_ batch: TransformerBatch, into y: MutableMatrixView) {
    let words = word.rows(of: norm.width)
    let positions = position?.rows(of: norm.width)
    for text in batch.texts {
      var place = paddingToken.map { $0 + 1 } ?? 0
      for token in text {
        let id = Int(batch.ids[token])
        // One that is spelt out in a text.
        let isPadding = id == paddingToken
        norm(words.row(id), plus: positions?.row(isPadding ? id : place), into: y.row(token))
        if !isPadding { place += 1 }
      }
    }
  }
}
