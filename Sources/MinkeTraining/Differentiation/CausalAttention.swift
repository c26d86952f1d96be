import MinkeCore
import MinkeLayers

extension Tape {
  /// `softmax(Q K^T / sqrt(d)) V` with one key and one value for all heads (Shazeer 2019), each token seeing those of its
  /// text up to itself, `[tokens, heads * d]`.
  ///
  /// - Parameters:
  ///   - queries: `[tokens, heads * d]`.
  ///   - keys: `[tokens, d]`, as `values`.
  ///   - texts: the rows of each text; together they are all rows.
  package func causalAttention(
    queries: Variable, keys: Variable, values: Variable, texts: [Range<Int>]
  ) -> Variable {
    let width = keys.columns
    let heads = queries.columns / width
    precondition(queries.columns == heads * width && values.columns == width)
    let y = result(queries.rows, queries.columns, of: [queries, keys, values])
    let products = AttentionProducts(level)
    let blocks = CausalBlock.blocks(of: texts)
    let (q, k, v) = (queries.value.cut(into: heads).read, keys.value.read, values.value.read)
    @Sendable func block(_ block: CausalBlock) -> AttentionProducts.Block {
      AttentionProducts.Block(
        queries: q.rows(block.rows(heads)), keys: k.rows(block.seen), values: v.rows(block.seen), heads: heads,
        firstSees: block.tokens.lowerBound - block.seen.lowerBound + 1)
    }
    let to = y.value.cut(into: heads)
    // SAFETY: every piece writes rows of its own.
    Workers.forEachPieceUninterrupted(of: blocks.count, grain: 1) { piece, _ in
      for index in piece { products(block(blocks[index]), into: to.rows(blocks[index].rows(heads))) }
    }
    record(y) { [kernels] in
      let dy = y.gradient.cut(into: heads).read
      let (dq, dk, dv) = (queries.gradient.cut(into: heads), keys.gradient, values.gradient)
      // Each block has gradients of its own for the keys and values that it sees; they are added up in order.
      let starts = blocks.reduce(into: [0]) { $0.append(($0.last ?? 0) + 2 * $1.seen.count * width) }
      let parts = AlignedBuffer<Float>(uninitialized: starts.last ?? 0)
      @Sendable func part(_ index: Int, _ place: Int) -> MutableMatrixView {
        let count = blocks[index].seen.count
        return MutableMatrixView(
          parts.baseAddress + starts[index] + place * count * width, rows: count, columns: width)
      }
      Workers.forEachPieceUninterrupted(of: blocks.count, grain: 1) { piece, _ in
        for index in piece {
          let (rows, dk, dv) = (blocks[index].rows(heads), part(index, 0), part(index, 1))
          dk.fill(0)
          dv.fill(0)
          products.backward(
            block(blocks[index]), dy.rows(rows), queries: dq.rows(rows), keys: dk, values: dv, adding: true)
        }
      }
      Workers.forEachPieceUninterrupted(of: keys.rows, grain: 64) { piece, _ in
        for (index, block) in blocks.enumerated() {
          for row in piece.clamped(to: block.seen) {
            let place = row - block.seen.lowerBound
            kernels.add(dk.row(row).start, part(index, 0).row(place).start, 1, width)
            kernels.add(dv.row(row).start, part(index, 1).row(place).start, 1, width)
          }
        }
      }
    }
    return y
  }

  /// Takes the direction of a token's own value out of what each of its heads gathered (XSA): with
  /// `u = v / (|v| + 1e-8)`, `y - (y u) u`.
  ///
  /// - Parameters:
  ///   - y: `[tokens, heads * d]`; its gradient is not asked for before.
  ///   - values: `[tokens, d]`.
  package func exclusive(_ y: Variable, values: Variable) -> Variable {
    let width = values.columns
    let heads = y.columns / width
    let z = result(y.rows, y.columns, of: [y, values])
    let (from, to, v) = (y.value, z.value, values.value)
    to.forEachRows { [kernels] rows in
      for row in rows {
        let value = v.row(row).start
        let length = kernels.dot(value, value, width).squareRoot() + 1e-8
        to.row(row).copy(from.row(row).read)
        for head in 0..<heads {
          let z = to.row(row).start + head * width
          kernels.add(z, value, -kernels.dot(z, value, width) / (length * length), width)
        }
      }
    }
    record(z) { [kernels, unowned self] in
      let (dz, dv) = (z.gradient, values.gradient)
      dz.forEachRows { rows in
        // The gradient of u.
        let du = AlignedBuffer<Float>(uninitialized: width)
        for row in rows {
          let value = v.row(row).start
          let own = kernels.dot(value, value, width).squareRoot()
          let length = own + 1e-8
          du.mutablePointer.update(repeating: 0)
          for head in 0..<heads {
            let (y, dz) = (from.row(row).start + head * width, dz.row(row).start + head * width)
            let along = kernels.dot(y, value, width) / length
            let gradient = kernels.dot(dz, value, width) / length
            kernels.add(du.baseAddress, dz, -along, width)
            kernels.add(du.baseAddress, y, -gradient, width)
            // From here on the gradient of y.
            kernels.add(dz, value, -gradient / length, width)
          }
          kernels.add(dv.row(row).start, du.baseAddress, 1 / length, width)
          guard own > 0 else { continue }
          let turn = kernels.dot(du.baseAddress, value, width) / (length * length * own)
          kernels.add(dv.row(row).start, value, -turn, width)
        }
      }
      pass(gradientOf: z, to: [y])
    }
    return z
  }
}

extension Tape {
  /// `x` with the last dimensions of each of its parts turned by the token's position, `[tokens, parts * d]`.
  ///
  /// - Parameters:
  ///   - parts: heads that stand side by side in a row.
  ///   - texts: the rows of each text, whose positions begin with 0.
  package func rotated(_ x: Variable, by rotary: RotaryEmbedding, parts: Int, texts: [Range<Int>]) -> Variable {
    let y = result(x.rows, x.columns, of: [x])
    y.value.forEachRows { [from = x.value, to = y.value] rows in to.rows(rows).copy(from.rows(rows).read) }
    turn(y.value, by: rotary, parts, texts, back: false)
    record(y) { [unowned self] in
      turn(y.gradient, by: rotary, parts, texts, back: true)
      pass(gradientOf: y, to: [x])
    }
    return y
  }

  private func turn(
    _ x: MutableMatrixView, by rotary: RotaryEmbedding, _ parts: Int, _ texts: [Range<Int>], back isBack: Bool
  ) {
    Workers.forEachPieceUninterrupted(of: texts.count, grain: 1) { piece, _ in
      for text in piece {
        for (position, row) in texts[text].enumerated() {
          rotary(x.row(row).cut(into: parts), at: position, back: isBack)
        }
      }
    }
  }
}

/// Some tokens of a text, and the positions that the last of them sees.
private struct CausalBlock: Sendable {
  let tokens: Range<Int>
  let seen: Range<Int>

  /// Tokens of a block: more make larger products, fewer leave more of what nobody sees uncomputed.
  private static let size = 64

  static func blocks(of texts: [Range<Int>]) -> [CausalBlock] {
    texts.flatMap { text in
      stride(from: text.lowerBound, to: text.upperBound, by: size).map { start in
        let end = min(text.upperBound, start + size)
        return CausalBlock(tokens: start..<end, seen: text.lowerBound..<end)
      }
    }
  }

  /// The rows of the tokens where every head has a row of its own.
  func rows(_ heads: Int) -> Range<Int> { tokens.lowerBound * heads..<tokens.upperBound * heads }
}
