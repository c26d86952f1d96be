import MinkeCore
import MinkeKernels
import MinkeText

/// A BERT encoder (Devlin et al. 2018): token ids in, one vector of the last layer for each token out.
///
/// The tokens of many texts stand one after the other, without padding; attention alone looks at texts. What comes out
/// for a text does not depend on the texts beside it nor on the number of threads.
struct BertModel: Sendable {
  let configuration: BertConfiguration
  let embeddings: BertEmbeddings
  let layers: [BertLayer]

  /// Leaves the last hidden states `[tokens, hidden]` in the workspace's `hidden`.
  func forward(_ batch: BertBatch, _ workspace: borrowing BertWorkspace) throws {
    embeddings.forward(batch, workspace)
    for layer in layers {
      try Workers.checkCancellation()
      layer.forward(batch, workspace)
    }
  }
}

/// `LayerNorm(word[id] + position[p] + type[0])`, `[tokens, hidden]`.
struct BertEmbeddings: Sendable {
  /// `[vocabulary, hidden]`
  let word: SharedBuffer<Float>
  /// The position embedding with the embedding of token type 0 added to every row, `[positions, hidden]`.
  let position: SharedBuffer<Float>
  let norm: LayerNorm

  func forward(_ batch: BertBatch, _ workspace: borrowing BertWorkspace) {
    let width = norm.width
    guard let word = word.baseAddress, let position = position.baseAddress else { return }
    for text in batch.texts {
      for (place, token) in text.enumerated() {
        norm.apply(
          to: word + Int(batch.ids[token]) * width, plus: position + place * width, rows: 1,
          into: workspace.hidden.baseAddress + token * width)
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

  func forward(_ batch: BertBatch, _ workspace: borrowing BertWorkspace) {
    let tokens = batch.ids.count
    let hidden = workspace.hidden.baseAddress, projected = workspace.projected.baseAddress
    let context = workspace.context.baseAddress, inner = workspace.inner.baseAddress

    queryKeyValue.apply(
      to: hidden, stride: queryKeyValue.inputs, rows: tokens, into: projected, stride: queryKeyValue.outputs,
      scratch: workspace.rounding)
    attention.forward(batch, workspace)
    attentionOutput.apply(
      to: context, stride: attentionOutput.inputs, rows: tokens, into: projected, stride: attentionOutput.outputs,
      scratch: workspace.rounding)
    attentionNorm.apply(to: projected, plus: hidden, rows: tokens, into: hidden)

    intermediate.apply(
      to: hidden, stride: intermediate.inputs, rows: tokens, into: inner, stride: intermediate.outputs,
      activation: .gelu, scratch: workspace.rounding)
    output.apply(
      to: inner, stride: output.inputs, rows: tokens, into: projected, stride: output.outputs,
      scratch: workspace.rounding)
    outputNorm.apply(to: projected, plus: hidden, rows: tokens, into: hidden)
  }
}

/// For each head and text, `softmax(Q K^T / sqrt(headSize)) V`, `[text's tokens, headSize]`.
struct BertAttention: Sendable {
  let headCount: Int
  let headSize: Int
  let level: KernelLevel

  /// Query rows whose scores are held at a time.
  static let queryBlock = 64

  /// Numbers of scratch for one worker: a head's keys and values, packed, and the scores of some queries.
  static func scratchCount(longest: Int, headSize: Int) -> Int {
    minke_gemm_panel_count(longest, headSize) + minke_gemm_panel_count(headSize, longest)
      + queryBlock * scoreStride(longest)
  }

  /// Numbers from one query's scores to the next query's.
  private static func scoreStride(_ keys: Int) -> Int { (keys + 15) / 16 * 16 }

  /// Reads queries, keys and values from the workspace's `projected` and writes to its `context`.
  func forward(_ batch: BertBatch, _ workspace: borrowing BertWorkspace) {
    nonisolated(unsafe) let projected = UnsafePointer(workspace.projected.baseAddress)
    nonisolated(unsafe) let context = workspace.context.baseAddress
    let scratch = workspace.attention
    let grain = max(1, (1 << 18) / (batch.longest * batch.longest * headSize))
    // SAFETY: a piece writes the columns of its own heads and has scratch memory of its own.
    Workers.forEachPieceUninterrupted(of: batch.texts.count * headCount, grain: grain) { piece, _ in
      scratch.use { scratch in
        for index in piece {
          attend(
            batch.texts[index / headCount], head: index % headCount, projected: projected, context: context,
            scratch: scratch.baseAddress)
        }
      }
    }
  }

  private func attend(
    _ text: Range<Int>, head: Int, projected: UnsafePointer<Float>, context: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let gemm = minke_gemm(level.rawLevel).pointee, transformer = minke_transformer(level.rawLevel).pointee
    let hidden = headCount * headSize, stride = 3 * hidden, count = text.count
    let queries = projected + text.lowerBound * stride + head * headSize
    let keys = scratch
    let values = keys + minke_gemm_panel_count(count, headSize)
    let scores = values + minke_gemm_panel_count(headSize, count)
    let scoreStride = Self.scoreStride(count)

    gemm.pack(queries + hidden, stride, count, headSize, keys)
    gemm.pack_transposed(queries + 2 * hidden, stride, headSize, count, values)
    for first in Swift.stride(from: 0, to: count, by: Self.queryBlock) {
      let rows = min(Self.queryBlock, count - first)
      var product = minke_gemm_call(
        rows: rows, columns: count, depth: headSize, x: queries + first * stride, x_stride: stride, panels: keys,
        bias: nil, y: scores, y_stride: scoreStride, activation: MINKE_IDENTITY)
      gemm.multiply(&product)
      transformer.softmax(scores, rows, count, scoreStride, 1 / Float(headSize).squareRoot())
      product = minke_gemm_call(
        rows: rows, columns: headSize, depth: count, x: scores, x_stride: scoreStride, panels: values, bias: nil,
        y: context + (text.lowerBound + first) * hidden + head * headSize, y_stride: hidden,
        activation: MINKE_IDENTITY)
      gemm.multiply(&product)
    }
  }
}

/// `weight * (x - mean) / sqrt(variance + epsilon) + bias` over each row (Ba, Kiros and Hinton 2016).
struct LayerNorm: Sendable {
  let weight: SharedBuffer<Float>
  let bias: SharedBuffer<Float>
  let epsilon: Float
  let level: KernelLevel

  var width: Int { weight.count }

  /// Writes `LayerNorm(x + residual)` to `y`, which may be either of them; all `[rows, width]`.
  func apply(
    to x: UnsafePointer<Float>, plus residual: UnsafePointer<Float>?, rows: Int, into y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (x, residual, y) = (x, residual, y)
    // SAFETY: every piece reads and writes rows of its own.
    Workers.forEachPieceUninterrupted(of: rows, grain: 128) { piece, _ in
      let offset = piece.lowerBound * width
      minke_transformer(level.rawLevel).pointee.layer_norm(
        x + offset, residual.map { $0 + offset }, weight.baseAddress, bias.baseAddress, epsilon, piece.count, width,
        y + offset)
    }
  }
}
