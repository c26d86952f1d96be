import MinkeCore

/// `softmax(Q K^T / sqrt(d) + B) V` for one head over one text, each of whose tokens sees all, or those near it (Vaswani
/// et al. 2017).
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
  ///
  /// - Parameters:
  ///   - window: how far a token sees to both sides; nil for all tokens.
  ///   - bias: what is added to the scores by distance.
  package func callAsFunction(
    queries: MatrixView, keys: MatrixView, values: MatrixView, window: Int? = nil,
    bias: RelativePositionBias.Head? = nil, into y: MutableMatrixView, _ scratch: Scratch
  ) {
    let (count, size) = (keys.rows, keys.columns)
    let packedKeys = scratch.memory.baseAddress
    let packedValues = packedKeys + MatrixProduct.packedCount(columns: count, depth: size)
    let scoresStart = packedValues + MatrixProduct.packedCount(columns: size, depth: count)
    precondition(scoresStart + Self.queryBlock * AttentionSoftmax.stride(count) <= packedKeys + scratch.memory.count)

    product.pack(keys, into: packedKeys)
    product.pack(transposing: values, into: packedValues)
    for first in Swift.stride(from: 0, to: count, by: Self.queryBlock) {
      let block = first..<min(count, first + Self.queryBlock)
      let seen = Self.seen(by: block, of: count, window: window)
      let scores = MutableMatrixView(
        scoresStart, rows: block.count, columns: seen.count, stride: AttentionSoftmax.stride(seen.count))
      // Panels of keys follow each other, so those that are seen are reached by an offset.
      product(queries.rows(block), packedKeys + seen.lowerBound * size, into: scores)
      for (row, token) in block.enumerated() {
        bias?.add(to: scores.row(row), from: token, seeing: seen)
        if let window { Self.hide(scores.row(row), beyond: token - window...token + window, of: seen) }
      }
      softmax(scores, width: size, seeing: seen.count)
      if seen.count == count {
        product(scores.read, packedValues, into: y.rows(block))
        continue
      }
      for start in Swift.stride(from: 0, to: size, by: MatrixProduct.panel) {
        let columns = start..<min(size, start + MatrixProduct.panel)
        product(
          scores.read, packedValues + start * count + seen.lowerBound * MatrixProduct.panel,
          into: y.rows(block).columns(columns))
      }
    }
  }

  /// The tokens that some of `block` see, from the beginning of a panel on.
  private static func seen(by block: Range<Int>, of count: Int, window: Int?) -> Range<Int> {
    guard let window, window < count else { return 0..<count }
    let first = max(0, block.lowerBound - window) / MatrixProduct.panel * MatrixProduct.panel
    return first..<min(count, block.upperBound + window)
  }

  /// Gives the scores of the tokens `seen` outside of `near` no share.
  private static func hide(_ scores: MutableMatrixView, beyond near: ClosedRange<Int>, of seen: Range<Int>) {
    let before = max(0, near.lowerBound - seen.lowerBound)
    let end = min(seen.count, near.upperBound + 1 - seen.lowerBound)
    scores.columns(0..<before).fill(-.infinity)
    scores.columns(end..<seen.count).fill(-.infinity)
  }
}
