import MinkeCore

/// `softmax(Q K^T / sqrt(d)) V` for one head over one text, each of whose tokens sees all (Vaswani et al. 2017).
package struct SelfAttention: Sendable {
  private let product: MatrixProduct
  private let softmax: AttentionSoftmax

  package init(_ level: KernelLevel) {
    product = MatrixProduct(level)
    softmax = AttentionSoftmax(level)
  }

  /// Query rows whose scores are held at a time.
  private static let queryBlock = 64

  /// Memory that one head at a time uses in between: its keys and values, packed, and the scores of some queries.
  package final class Scratch: Sendable {
    fileprivate let memory: AlignedBuffer<Float>

    /// Room for texts of up to `tokens` tokens and heads of `size` numbers.
    package init(tokens: Int, headSize size: Int) {
      memory = AlignedBuffer(
        uninitialized: MatrixProduct.packedCount(columns: tokens, depth: size)
          + MatrixProduct.packedCount(columns: size, depth: tokens) + SelfAttention.queryBlock
          * AttentionSoftmax.stride(tokens))
    }
  }

  /// Writes what the head gathers to `y`; all `[tokens, headSize]`.
  package func callAsFunction(
    queries: MatrixView, keys: MatrixView, values: MatrixView, into y: MutableMatrixView, _ scratch: Scratch
  ) {
    let (count, size) = (keys.rows, keys.columns)
    let packedKeys = scratch.memory.baseAddress
    let packedValues = packedKeys + MatrixProduct.packedCount(columns: count, depth: size)
    let scoresStart = packedValues + MatrixProduct.packedCount(columns: size, depth: count)
    let stride = AttentionSoftmax.stride(count)
    precondition(scoresStart + Self.queryBlock * stride <= packedKeys + scratch.memory.count)

    product.pack(keys, into: packedKeys)
    product.pack(transposing: values, into: packedValues)
    for first in Swift.stride(from: 0, to: count, by: Self.queryBlock) {
      let block = first..<min(count, first + Self.queryBlock)
      let scores = MutableMatrixView(scoresStart, rows: block.count, columns: count, stride: stride)
      product(queries.rows(block), packedKeys, into: scores)
      softmax(scores, width: size, seeing: count)
      product(scores.read, packedValues, into: y.rows(block))
    }
  }
}
