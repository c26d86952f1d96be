import MinkeCore
import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How alike texts are by the words that they share: the cosine of their tokens' counts, `1 + ln(count)`, times
/// `ln(1 + (N - n + 0.5) / (n + 0.5))` for a token in `n` of `N` texts, as BM25 weighs rare words.
///
/// A teacher of meaning passes over names and numbers that it has not learnt; what it wishes is better with some of this.
struct LexicalSimilarity: Sendable {
  /// What a token counts, by its id.
  private let weights: [Float]

  /// Weighs tokens by how many texts of `set` they stand in.
  init(_ set: TrainingSet, vocabulary: Int) {
    var (found, last) = ([Int](repeating: 0, count: vocabulary), [Int](repeating: -1, count: vocabulary))
    var text = 0
    for column in set.columns {
      var start = 0
      for end in column.ends {
        for id in column.ids[start..<end] where last[Int(id)] != text {
          last[Int(id)] = text
          found[Int(id)] += 1
        }
        (start, text) = (end, text + 1)
      }
    }
    weights = found.map { count in
      let (n, all) = (Double(count), Double(text))
      return Float(log(1 + (all - n + 0.5) / (n + 0.5)))
    }
  }

  /// Makes `similarities`, of every text of `x` with every one of `y`, the mixture of themselves and the similarities by
  /// words, of which the latter make the share given.
  func mix(_ share: Float, _ x: TokenBatch, _ y: TokenBatch, into similarities: MutableMatrixView) {
    precondition(similarities.rows == x.texts.count && similarities.columns == y.texts.count)
    let (x, y) = (vectors(x), vectors(y))
    // For every token, the texts of `y` that hold it, one token after the other.
    var starts = [Int](repeating: 0, count: weights.count + 1)
    for vector in y { for (id, _) in vector { starts[Int(id) + 1] += 1 } }
    for id in weights.indices { starts[id + 1] += starts[id] }
    var (next, postings) = (starts, [(text: Int32, weight: Float)](repeating: (0, 0), count: starts[weights.count]))
    for (text, vector) in y.enumerated() {
      for (id, weight) in vector {
        postings[next[Int(id)]] = (Int32(text), weight)
        next[Int(id)] += 1
      }
    }
    similarities.forEachRows { [starts, postings] rows in
      postings.withUnsafeBufferPointer { postings in
        for text in rows {
          similarities.row(text).scale(by: 1 - share)
          let row = similarities.row(text).start
          for (id, weight) in x[text] {
            for place in starts[Int(id)]..<starts[Int(id) + 1] {
              row[Int(postings[place].text)] += share * weight * postings[place].weight
            }
          }
        }
      }
    }
  }

  /// Each text as tokens, ascending, and their weights, together of length 1.
  private func vectors(_ batch: TokenBatch) -> [[(id: TokenID, weight: Float)]] {
    batch.texts.map { range in
      let ids = batch.ids[range].sorted()
      var vector: [(id: TokenID, weight: Float)] = []
      var start = 0
      while start < ids.count {
        let id = ids[start]
        let end = ids[start...].firstIndex { $0 != id } ?? ids.count
        vector.append((id, (1 + logf(Float(end - start))) * weights[Int(id)]))
        start = end
      }
      let length = vector.reduce(Float(0)) { $0 + $1.weight * $1.weight }.squareRoot()
      return length > 0 ? vector.map { ($0.id, $0.weight / length) } : []
    }
  }
}
