import MinkeCore
import MinkeLayers
import MinkeText

/// The tokens of some texts, one text after the other without padding.
struct TransformerBatch: Sendable {
  private(set) var ids: [TokenID] = []
  /// Where in ``ids`` each text lies; at least one token each.
  private(set) var texts: [Range<Int>] = []
  /// Which of the caller's texts each one is.
  private(set) var indices: [Int] = []

  mutating func append(_ tokens: [TokenID], index: Int) {
    texts.append(ids.count..<ids.count + tokens.count)
    ids += tokens
    indices.append(index)
  }

  /// Tokens of the longest text.
  var longest: Int { texts.map(\.count).max() ?? 0 }

  /// Tokens that a batch is filled up to: enough to use each weight many times once it is read, few enough that the
  /// activations stay in the processor's second cache.
  private static let size = 256

  /// Puts texts of like length into batches of about equal size; those without tokens into none.
  static func batches(of texts: [[TokenID]]) -> [TransformerBatch] {
    let total = texts.reduce(0) { $0 + $1.count }
    let count = (total + size - 1) / size
    let target = count == 0 ? 0 : (total + count - 1) / count

    var batches: [TransformerBatch] = []
    var batch = TransformerBatch()
    // The longest first, so that no worker begins a long one when the others have finished.
    let order = texts.indices.sorted { (texts[$0].count, $1) > (texts[$1].count, $0) }
    for index in order where !texts[index].isEmpty {
      if !batch.ids.isEmpty, batch.ids.count + texts[index].count > target {
        batches.append(batch)
        batch = TransformerBatch()
      }
      batch.append(texts[index], index: index)
    }
    if !batch.ids.isEmpty { batches.append(batch) }
    return batches
  }
}

/// The memory of one forward pass, made once and used by every layer of every batch.
final class TransformerWorkspace: Sendable {
  /// The hidden states, `[tokens, hidden]`.
  let hidden: Matrix
  /// Embeddings, where they are of another size than hidden states; in each layer queries, keys and values,
  /// `[tokens, 3 hidden]`, and later what is added to the hidden states, `[tokens, hidden]`.
  let projected: Matrix
  /// What attention gathers, `[tokens, hidden]`, or hidden states behind a norm.
  let context: Matrix
  /// `[tokens, intermediate]`, or twice as many columns with a gate.
  let inner: Matrix
  /// One for each thread that computes attention.
  let attention: Spares<SelfAttention.Scratch>
  let rounding: Linear.Scratch

  /// Room for any one of `batches`.
  init(for batches: [TransformerBatch], _ configuration: TransformerConfiguration, precision: Precision) {
    let tokens = batches.map(\.ids.count).max() ?? 0
    let longest = batches.map(\.longest).max() ?? 0
    hidden = Matrix(rows: tokens, columns: configuration.hiddenSize)
    projected = Matrix(rows: tokens, columns: max(3 * configuration.hiddenSize, configuration.embeddingSize))
    context = Matrix(rows: tokens, columns: configuration.hiddenSize)
    inner = Matrix(rows: tokens, columns: (configuration.isGated ? 2 : 1) * configuration.intermediateSize)
    let headSize = configuration.headSize
    attention = Spares { SelfAttention.Scratch(tokens: longest, headSize: headSize) }
    rounding = Linear.Scratch(
      rows: tokens,
      inputs: max(configuration.hiddenSize, configuration.intermediateSize, configuration.embeddingSize),
      precision: precision)
  }
}
