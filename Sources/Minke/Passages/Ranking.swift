import MinkeCore
import MinkeSearch

/// What queries find by meaning, by words or by both: the same way for files, passages in memory and collections.
package struct Ranking {
  /// The best `k` of some of the queries, by their numbers.
  package typealias Search = (_ queries: [Int], _ k: Int) throws -> [[Match]]
  /// The same in two steps: what it gives has all it needs and may be called on another thread.
  package typealias PreparedSearch = (_ queries: [Int], _ k: Int) throws -> @Sendable () throws -> [[Match]]

  private let options: SearchOptions
  private let again: Search?
  /// The best of each query: when words and meaning are combined, all that either found.
  private var found: [[Match]]

  /// - Parameters:
  ///   - count: how many queries there are.
  ///   - passages: how many passages could be found.
  ///   - meaning: similarities, larger being closer.
  ///   - words: BM25 scores; found while the other search is going on.
  package init(
    _ options: SearchOptions, queries count: Int, of passages: Int, meaning: @escaping Search,
    words: @escaping PreparedSearch
  ) throws {
    self.options = options
    let all = Array(0..<count)
    switch options.mode {
    case .meaning: (found, again) = (try meaning(all, options.k), meaning)
    case .words:
      let search: Search = { try words($0, $1)() }
      (found, again) = (try search(all, options.k), search)
    case .both:
      let depth = max(options.fusion.depth, options.k)
      let (near, worded) = try Workers.concurrently({ try meaning(all, depth) }, words(all, depth))
      found = zip(near, worded).map { options.fusion.combine(meaning: $0, words: $1, of: passages) }
      again = nil
    }
  }

  /// The best passages of a query.
  ///
  /// - Parameter offer: offers the passages of some matches, which come best first.
  package func best(
    of query: Int, _ offer: (_ matches: ArraySlice<Match>, _ best: inout BestPassages) throws -> Void
  ) throws -> [FoundPassage] {
    var (matches, wanted) = (found[query], options.k)
    while true {
      var best = BestPassages(options)
      // In pieces: where few of a document are wanted, many may have to be looked at.
      var rest = matches[...]
      while !rest.isEmpty, best.found.count < options.k {
        let piece = rest.prefix(max(16, options.k))
        if let threshold = options.threshold, let first = piece.first, first.score < threshold { break }
        try offer(piece, &best)
        rest = rest.dropFirst(piece.count)
      }
      let isBelow = options.threshold.map { (matches.last?.score ?? 0) < $0 } ?? false
      guard let again, best.found.count < options.k, matches.count >= wanted, !isBelow else { return best.found }
      // Others of the same documents stood before those that are wanted, or some were removed meanwhile.
      wanted *= 4
      matches = try again([query], wanted)[0]
    }
  }
}

extension WordQuery {
  /// Whether it asks for more than words that are likely.
  package var hasDemands: Bool { !phrases.isEmpty || !excluded.isEmpty || !fields.isEmpty }
}
