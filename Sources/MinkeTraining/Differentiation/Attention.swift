import MinkeCore
import MinkeKernels

extension Tape {
  /// `softmax(Q K^T / sqrt(d)) V` for each head of each text, all of whose tokens see all of it (Vaswani et al. 2017),
  /// `[tokens, hidden]`.
  ///
  /// - Parameters:
  ///   - x: queries, keys and values side by side, `[tokens, 3 hidden]`.
  ///   - texts: the rows of each text; together they are all rows.
  package func attention(_ x: Variable, heads: Int, texts: [Range<Int>]) -> Variable {
    let hidden = x.columns / 3
    let size = hidden / heads
    precondition(x.columns == 3 * heads * size)
    let y = result(x.rows, hidden, of: [x])
    let products = AttentionProducts(level)
    let longest = texts.map(\.count).max() ?? 0
    let grain = max(1, (1 << 17) / max(1, longest * longest * size))

    /// The columns of a head in `x` `[tokens, 3 hidden]`: its queries, keys or values.
    @Sendable func part(_ place: Int, of head: Int) -> Range<Int> {
      let start = place * hidden + head * size
      return start..<start + size
    }
    @Sendable func block(_ index: Int, in x: MatrixView) -> AttentionProducts.Block {
      let (x, head) = (x.rows(texts[index / heads]), index % heads)
      return AttentionProducts.Block(
        queries: x.columns(part(0, of: head)), keys: x.columns(part(1, of: head)), values: x.columns(part(2, of: head)))
    }
    let (from, to) = (x.value.read, y.value)
    // SAFETY: every piece writes rows and columns of its own.
    Workers.forEachPieceUninterrupted(of: texts.count * heads, grain: grain) { piece, _ in
      for index in piece {
        products(block(index, in: from), into: to.rows(texts[index / heads]).columns(part(0, of: index % heads)))
      }
    }
    record(y) {
      let dy = y.gradient.read
      let (dx, isNew) = x.gradientToFill()
      Workers.forEachPieceUninterrupted(of: texts.count * heads, grain: grain) { piece, _ in
        for index in piece {
          let (rows, head) = (texts[index / heads], index % heads)
          let own = dx.rows(rows)
          products.backward(
            block(index, in: from), dy.rows(rows).columns(part(0, of: head)), queries: own.columns(part(0, of: head)),
            keys: own.columns(part(1, of: head)), values: own.columns(part(2, of: head)), adding: !isNew)
        }
      }
    }
    return y
  }
}

/// The products of attention, forward and back, one block of queries at a time.
///
/// The shares are computed again on the way back: kept, they would take memory with the square of a text's length.
struct AttentionProducts: Sendable {
  /// Some queries and what they look at.
  struct Block: Sendable {
    /// `[rows, d]`
    let queries: MatrixView
    /// `[positions, d]`
    let keys: MatrixView
    let values: MatrixView
    /// Rows of queries that belong to one token.
    var heads = 1
    /// The positions that the first token sees, each later one seeing one more; nil where all see all.
    var firstSees: Int?
  }

  private let product: MatrixProduct
  private let softmax: minke_transformer_kernels
  private let backwards: minke_backward_kernels
  private let kernels: minke_training_kernels
  private let scratch = Spares { ScratchBuffer() }

  init(_ level: KernelLevel) {
    product = MatrixProduct(level)
    softmax = minke_transformer(level.rawLevel).pointee
    backwards = minke_backward(level.rawLevel).pointee
    kernels = minke_training(level.rawLevel).pointee
  }

  /// Writes what the queries gather to `y` `[rows, d]`.
  func callAsFunction(_ block: Block, into y: MutableMatrixView) {
    guard block.queries.rows > 0 else { return }
    scratch.use { scratch in
      let memory = Memory(block, in: scratch, parts: 1)
      share(block, into: memory.scores(0), memory)
      product.pack(transposing: block.values, into: memory.packed)
      product(memory.scores(0).read, memory.packed, into: y)
    }
  }

  /// Writes the gradients of `queries`, `keys` and `values` for the gradient `dy` of what was gathered, or adds them.
  func backward(
    _ block: Block, _ dy: MatrixView, queries: MutableMatrixView, keys: MutableMatrixView, values: MutableMatrixView,
    adding: Bool
  ) {
    guard block.queries.rows > 0 else { return }
    scratch.use { scratch in
      let memory = Memory(block, in: scratch, parts: 3)
      let (shares, scores, packed) = (memory.scores(0), memory.scores(1), memory.packed)
      share(block, into: shares, memory)

      product.pack(block.values, into: packed)
      product(dy, packed, into: scores)
      let scale = 1 / Float(block.keys.columns).squareRoot()
      for row in 0..<scores.rows {
        backwards.softmax_backward(shares.row(row).start, scores.row(row).start, scale, scores.columns)
      }
      product.pack(transposing: block.keys, into: packed)
      product(scores.read, packed, bias: nil, adding: adding, into: queries)

      product.pack(transposing: block.queries, into: packed)
      product(transpose(scores, memory).read, packed, bias: nil, adding: adding, into: keys)
      product.pack(transposing: dy, into: packed)
      product(transpose(shares, memory).read, packed, bias: nil, adding: adding, into: values)
    }
  }

  /// Writes the share that each query takes of each position to `shares` `[rows, positions]`.
  private func share(_ block: Block, into shares: MutableMatrixView, _ memory: Memory) {
    product.pack(block.keys, into: memory.packed)
    product(block.queries, memory.packed, into: shares)
    let scale = 1 / Float(block.keys.columns).squareRoot()
    guard let first = block.firstSees else {
      return softmax.softmax(shares.start, shares.rows, shares.columns, shares.stride, scale)
    }
    for token in 0..<shares.rows / block.heads {
      let (rows, seen) = (shares.rows(token * block.heads..<(token + 1) * block.heads), first + token)
      softmax.softmax(rows.start, rows.rows, seen, rows.stride, scale)
      rows.columns(seen..<rows.columns).fill(0)
    }
  }

  private func transpose(_ x: MutableMatrixView, _ memory: Memory) -> MutableMatrixView {
    let y = MutableMatrixView(memory.transposed, rows: x.columns, columns: x.rows)
    kernels.transpose(x.start, x.stride, x.rows, x.columns, y.start, y.stride)
    return y
  }

  /// What one block needs in between.
  private struct Memory {
    let packed: UnsafeMutablePointer<Float>
    let transposed: UnsafeMutablePointer<Float>
    private let start: UnsafeMutablePointer<Float>
    private let rows, columns, stride: Int

    /// - Parameter parts: matrices of the size of the scores, the last of them for a transpose where there are three.
    init(_ block: Block, in scratch: ScratchBuffer, parts: Int) {
      (rows, columns) = (block.queries.rows, block.keys.rows)
      // Whole vectors, as the softmax wants them.
      stride = (columns + 15) / 16 * 16
      let width = block.keys.columns
      let packedCount = max(
        MatrixProduct.packedCount(columns: columns, depth: width),
        MatrixProduct.packedCount(columns: width, depth: max(rows, columns)))
      start = scratch.memory(parts * rows * stride + packedCount)
      transposed = start + (parts - 1) * rows * stride
      packed = start + parts * rows * stride
    }

    func scores(_ index: Int) -> MutableMatrixView {
      MutableMatrixView(start + index * rows * stride, rows: rows, columns: columns, stride: stride)
    }
  }
}
