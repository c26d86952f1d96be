import MinkeCore
import MinkeText

/// From texts to one vector each: tokenizer, encoder and pooling, which all heads stand on.
struct PooledBert: Sendable {
  /// Cuts each text as Hugging Face does: the first tokens stay, and `[SEP]` behind them.
  let tokenizer: WordPieceTokenizer
  /// Tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  let maximumLength: Int
  let model: BertModel
  let pooling: Pooling
  let precision: Precision
  /// The file of the weights, for error texts.
  let path: String

  /// Numbers of a pooled vector.
  var width: Int { model.configuration.hiddenSize * pooling.modes.count }

  /// The pooled vectors of `texts`, `[texts.count, width]`.
  ///
  /// - Throws: ``MinkeError`` of kind `notFinite` when a weight made a vector NaN or infinite; `CancellationError`.
  func vectors(of texts: [String], progress: ProgressHandler?) throws -> AlignedBuffer<Float> {
    let batches = BertBatch.batches(of: try tokenizer.encode(texts, addingSpecialTokens: true))
    let result = AlignedBuffer<Float>(uninitialized: texts.count * width)
    nonisolated(unsafe) let rows = result.baseAddress
    let meter = ProgressMeter(total: texts.count, handler: progress)
    let workspaces = Spares { BertWorkspace(for: batches, model.configuration, precision: precision) }
    // SAFETY: every batch writes the rows of its own texts.
    @Sendable func run(_ batch: BertBatch, _ workspace: BertWorkspace) throws {
      try model.forward(batch, workspace)
      let hidden = model.configuration.hiddenSize
      for (text, index) in zip(batch.texts, batch.indices) {
        let row = rows + index * width
        pooling.apply(
          to: workspace.hidden.baseAddress + text.lowerBound * hidden, tokens: text.count, width: hidden, into: row)
        // One NaN or infinity makes the sum of the zeros NaN.
        guard (0..<width).reduce(Float(0), { $0 + row[$1] * 0 }) == 0 else {
          throw MinkeError(
            .notFinite, path, expected: "weights that give finite vectors", found: "NaN or infinity for text \(index)")
        }
      }
      meter.advance(by: batch.texts.count)
    }
    // Where there are fewer batches than threads, the others help within a batch.
    try Workers.forEachPiece(of: batches.count, grain: 1) { piece, _ in
      for index in piece { try workspaces.use { try run(batches[index], $0) } }
    }
    return result
  }
}
