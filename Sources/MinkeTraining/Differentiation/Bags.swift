import MinkeCore
import MinkeText

/// The tokens of some texts, one text after the other without padding.
package struct TokenBatch: Sendable {
  package private(set) var ids: [TokenID] = []
  /// Where in ``ids`` each text lies.
  package private(set) var texts: [Range<Int>] = []

  package init() {}

  package init(_ texts: some Sequence<some Sequence<TokenID>>) {
    for text in texts { append(text) }
  }

  package mutating func append(_ text: some Sequence<TokenID>) {
    let start = ids.count
    ids.append(contentsOf: text)
    texts.append(start..<ids.count)
  }

  /// Some of the texts, one after the other.
  package func texts(_ range: Range<Int>) -> TokenBatch {
    TokenBatch(texts[range].lazy.map { ids[$0] })
  }

  /// Tokens of the longest text.
  package var longest: Int { texts.map(\.count).max() ?? 0 }

  /// For every id that occurs, ascending: in which texts, in order, once for each time.
  func occurrences(vocabulary: Int) -> Occurrences {
    var starts = [Int32](repeating: 0, count: vocabulary + 1)
    for id in ids { starts[Int(id) + 1] += 1 }
    var found: [Int32] = []
    for id in 0..<vocabulary {
      if starts[id + 1] > 0 { found.append(Int32(id)) }
      starts[id + 1] += starts[id]
    }
    var (next, owners) = (starts, [Int32](repeating: 0, count: ids.count))
    for (text, range) in texts.enumerated() {
      for token in range {
        let id = Int(ids[token])
        owners[Int(next[id])] = Int32(text)
        next[id] += 1
      }
    }
    return Occurrences(rows: found, starts: found.map { Int(starts[Int($0)]) } + [ids.count], texts: owners)
  }

  struct Occurrences: Sendable {
    /// The ids.
    let rows: [Int32]
    /// Where in ``texts`` those of each id begin, and their end.
    let starts: [Int]
    let texts: [Int32]
  }
}

extension Tape {
  /// The mean of the rows of `table` that the tokens of each text name, `[texts, columns]`; 0 for a text without any.
  ///
  /// - Parameter rounding: what makes of the rows those that are read in their place; the gradient is that of the rows
  ///   themselves, as if nothing were rounded (straight-through).
  package func bagMean(_ table: Parameter, _ batch: TokenBatch, rounding: NibbleRounding? = nil) -> Variable {
    let occurrences = batch.occurrences(vocabulary: table.rows)
    table.onRead?(occurrences.rows)
    let y = result(batch.texts.count, table.columns, of: [table])
    let (rows, means) = (rounding?.round(occurrences.rows, of: table) ?? table.value, y.value)
    // SAFETY: every piece writes the rows of its own texts.
    Workers.forEachPieceUninterrupted(of: batch.texts.count, grain: 32) { [pooling] piece, _ in
      batch.ids.withUnsafeBufferPointer { ids in
        for text in piece {
          let (range, mean) = (batch.texts[text], means.row(text))
          guard let first = ids.baseAddress, !range.isEmpty else {
            mean.fill(0)
            continue
          }
          pooling.sum_rows(
            rows.start, rows.stride, first + range.lowerBound, range.count, rows.columns, mean.start)
          pooling.scale(mean.start, 1 / Float(range.count), mean.columns)
        }
      }
    }
    record(y) { [kernels, pooling] in
      let shares = batch.texts.map { 1 / Float(max(1, $0.count)) }
      let (dy, gradient) = (y.gradient, table.gradient)
      // SAFETY: every piece writes rows of the table's gradient of its own.
      Workers.forEachPieceUninterrupted(of: occurrences.rows.count, grain: 32) { piece, _ in
        let sum = AlignedBuffer<Float>(uninitialized: gradient.columns)
        var weights: [Float] = []
        occurrences.texts.withUnsafeBufferPointer { texts in
          for index in piece {
            let range = occurrences.starts[index]..<occurrences.starts[index + 1]
            guard let first = texts.baseAddress else { return }
            weights.removeAll(keepingCapacity: true)
            for place in range { weights.append(shares[Int(texts[place])]) }
            pooling.sum_weighted_rows(
              dy.start, dy.stride, first + range.lowerBound, weights, range.count, gradient.columns, sum.baseAddress)
            kernels.add(gradient.row(Int(occurrences.rows[index])).start, sum.baseAddress, 1, gradient.columns)
          }
        }
      }
      table.touch(occurrences.rows)
    }
    return y
  }

  /// The rows of `table` that `ids` name, one after the other, `[ids, columns]`.
  package func gather(_ table: Parameter, _ ids: [TokenID]) -> Variable {
    bagMean(table, TokenBatch(ids.map { CollectionOfOne($0) }))
  }
}
