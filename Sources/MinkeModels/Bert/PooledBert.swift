import MinkeCore
import MinkeText

/// From texts to one vector each: tokenizer, encoder and pooling, which all heads stand on.
struct PooledBert: Sendable {
  /// Cuts each text as Hugging Face does: the first tokens stay, and `[SEP]` behind them.
  let tokenization: TextTokenization
  let model: BertModel
  let pooling: Pooling
  let precision: Precision
  let files: BertFiles
  /// The file of the weights, for error texts.
  let path: String

  /// Numbers of a pooled vector.
  var width: Int { model.configuration.hiddenSize * pooling.modes.count }

  /// The most tokens of a text that are read, `[CLS]` and `[SEP]` among them.
  var maximumLength: Int { tokenization.tokenizer.maximumLength ?? model.configuration.positionCount }

  /// The pooled vectors of `texts` in `role`, `[texts.count, width]`.
  ///
  /// - Throws: `MinkeError` of kind `notFinite` when a weight made a vector NaN or infinite; `CancellationError`.
  func vectors(of texts: [String], role: TextRole?, progress: ProgressHandler?) throws -> Matrix {
    let batches = BertBatch.batches(of: try tokenization.ids(of: texts, role: role))
    let promptLength = pooling.includesPrompt ? 0 : tokenization.count(ofPrompt: tokenization.prompts.text(for: role))
    let result = Matrix(rows: texts.count, columns: width)
    let meter = ProgressMeter(total: texts.count, handler: progress)
    let workspaces = Spares { BertWorkspace(for: batches, model.configuration, precision: precision) }
    // SAFETY: every batch writes the rows of its own texts.
    @Sendable func run(_ batch: BertBatch, _ workspace: BertWorkspace) throws {
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
