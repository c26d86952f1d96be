import MinkeCore

/// `softmax(Q K^T / sqrt(d)) V` with one key and one value for all heads, each token seeing those up to itself (Shazeer
/// 2019).
package struct CausalAttention: Sendable {
  private let product: MatrixProduct
  private let softmax: AttentionSoftmax

  package init(_ level: KernelLevel) {
    product = MatrixProduct(level)
    softmax = AttentionSoftmax(level)
  }

  /// Tokens to compute at once, so that their rows fill the matrix product.
  package static let block = 16

  /// Memory for the scores, one for each thread.
  package final class Scratch: Sendable {
    fileprivate let scores = Spares { ScratchBuffer() }

    package init() {}
  }

  /// Writes what tokens gather to `y`; `queries` and `y` are `[tokens * heads, d]`, all heads of a token together.
  ///
  /// - Parameter positions: the tokens' places in the sequence, whose keys and values `memory` holds already.
  package func callAsFunction(
    _ queries: MatrixView, heads: Int, at positions: Range<Int>, _ memory: KeyValueMemory, into y: MutableMatrixView,
    _ scratch: Scratch
  ) {
    precondition(queries.rows == heads * positions.count && y.rows == queries.rows && queries.columns == memory.width)
    let stride = AttentionSoftmax.stride(positions.upperBound)
    scratch.scores.use { memoryOfScores in
      let scores = MutableMatrixView(
        memoryOfScores.memory(queries.rows * stride), rows: queries.rows, columns: positions.upperBound, stride: stride)
      memory.score(queries, into: scores, product)
      for (index, position) in positions.enumerated() {
        softmax(scores.rows(index * heads..<(index + 1) * heads), width: memory.width, seeing: position + 1)
      }
      memory.gather(scores.read, into: y, product)
    }
  }
}
