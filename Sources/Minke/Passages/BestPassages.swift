import MinkeCore

/// The best passages seen so far, the best first; of equal ones those that came first.
package struct BestPassages: Sendable {
  private let options: SearchOptions
  private var best: [(found: FoundPassage, document: Int)] = []

  package init(_ options: SearchOptions) { self.options = options }

  package var found: [FoundPassage] { best.map(\.found) }

  /// Takes in a passage if it is among the best.
  ///
  /// A passage that is refused is worse than `k` that were kept, or than as many of its document as are wanted, and so
  /// it stays refused whatever follows.
  package mutating func offer(score: Float, document: Int, _ found: () -> FoundPassage) {
    if let threshold = options.threshold, score < threshold { return }
    if best.count >= options.k, let last = best.last, score <= last.found.score { return }
    if let most = options.maximumPerDocument {
      let same = best.indices.filter { best[$0].document == document }
      if same.count >= most {
        guard let worst = same.last, score > best[worst].found.score else { return }
        best.remove(at: worst)
      }
    }
    let place = best.firstIndex { $0.found.score < score } ?? best.endIndex
    best.insert((found(), document), at: place)
    if best.count > options.k { best.removeLast() }
  }
}

extension SearchOptions {
  /// - Throws: `MinkeError` of kind `invalidArgument` naming the number that is out of its range.
  package func check() throws(MinkeError) {
    guard k > 0 else { throw MinkeError(.invalidArgument, "k", expected: "1 or more", found: "\(k)") }
    if let most = maximumPerDocument, most < 1 {
      throw MinkeError(.invalidArgument, "maximum per document", expected: "1 or more", found: "\(most)")
    }
    if let threshold, threshold.isNaN {
      throw MinkeError(.invalidArgument, "threshold", expected: "a number", found: "\(threshold)")
    }
  }
}
