import MinkeCore
import MinkeText

/// From texts to one vector each: tokenizer, encoder and pooling, which all heads stand on.
struct PooledTransformer: Sendable {
  /// Cuts each text as Hugging Face does: the first tokens stay, and `[SEP]` behind them.
  let tokenization: TextTokenization
  let model: TransformerModel
  let pooling: Pooling
  let precision: Precision
  let files: TransformerFiles
  /// The file of the weights, for error texts.
  let path: String

  /// Numbers of a pooled vector.
  var width: Int { model.configuration.hiddenSize * pooling.modes.count }

  /// The most tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  var maximumLength: Int { tokenization.tokenizer.maximumLength ?? model.configuration.maximumLength }

  /// The pooled vectors of `texts` in `role`, `[texts.count, width]`; zeros for a text without tokens.
  ///
  /// - Throws: `MinkeError` of kind `notFinite` when a weight made a vector NaN or infinite; `CancellationError`.
  func vectors(of texts: [String], role: TextRole?, progress: ProgressHandler?) throws -> Matrix {
    let ids = try tokenization.ids(of: texts, role: role)
    let batches = TransformerBatch.batches(of: ids)
    let promptLength = pooling.includesPrompt ? 0 : tokenization.count(ofPrompt: tokenization.prompts.text(for: role))
    let result = Matrix(rows: texts.count, columns: width)
    let meter = ProgressMeter(total: texts.count, handler: progress)
    let empty = ids.indices.filter { ids[$0].isEmpty }
    for index in empty { result.view.row(index).fill(0) }
    if !empty.isEmpty { meter.advance(by: empty.count) }
    let workspaces = Spares { TransformerWorkspace(for: batches, model.configuration, precision: precision) }
    // SAFETY: every batch writes the rows of its own texts.
    @Sendable func run(_ batch: TransformerBatch, _ workspace: TransformerWorkspace) throws {
      let hidden = try model.forward(batch, workspace)
      for (text, index) in zip(batch.texts, batch.indices) {
        let row = result.view.row(index)
        pooling(hidden.rows(text), prompt: promptLength, into: row)
        guard row.read.isFinite else {
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
