import Minke
import MinkeCore
import MinkeSearch

/// Searches in one state of a collection: what is the same wherever passages lie.
package protocol PassageSearcher {
  /// Which passages may be found.
  associatedtype Filter

  /// The collection, for errors.
  var location: String { get }
  /// Passages that can be found.
  var passageCount: Int { get }
  /// The words of the passages.
  var words: WordSearch { get }

  /// Vectors of queries as the collection keeps vectors.
  func form(_ queries: Embeddings) throws -> Embeddings
  /// What a query demands of passages beside `condition`; nil for nothing.
  func filter(of query: WordQuery, and condition: Filter?) throws -> Filter?
  /// The same filter for a search by words.
  func ids(_ filter: Filter) throws -> IDFilter
  /// The nearest `k` of each query, as similarities.
  ///
  /// - Parameter queries: as the collection keeps vectors.
  func nearest(_ queries: Embeddings, k: Int, among filter: Filter?) throws -> [[Match]]
  /// The passages with these ids, those that exist.
  func stored(_ ids: [Int64]) throws -> [Int64: StoredPassage]
  /// The same passage with the `count` passages of its document before it and behind it.
  func surrounded(_ found: FoundPassage, by count: Int) throws -> FoundPassage
}

extension PassageSearcher {
  package func form(_ queries: Embeddings) throws -> Embeddings { queries }

  /// The best passages of each query, some hundred queries together: what they share is read once, and what each keeps
  /// stays small.
  ///
  /// - Parameter vectors: those of the queries; nil where only words count.
  package func search(
    _ queries: [WordQuery], _ vectors: Embeddings?, _ options: CollectionSearchOptions, among condition: Filter?
  ) throws -> [[FoundPassage]] {
    let turn = 256
    return try stride(from: 0, to: queries.count, by: turn).flatMap { start in
      let range = start..<min(queries.count, start + turn)
      return try searchTogether(
        Array(queries[range]), try vectors.map { try form($0.rows(range)) }, options, among: condition)
    }
  }

  private func searchTogether(
    _ queries: [WordQuery], _ vectors: Embeddings?, _ options: CollectionSearchOptions, among condition: Filter?
  ) throws -> [[FoundPassage]] {
    // What a query itself demands makes it one of its own; the rest is searched for together.
    var filters: [Filter?] = []
    for query in queries { filters.append(try filter(of: query, and: condition)) }
    let plain = queries.indices.filter { !queries[$0].hasDemands }
    let single = queries.indices.filter { queries[$0].hasDemands }
    var results = [[FoundPassage]](repeating: [], count: queries.count)
    let groups = (plain.isEmpty ? [] : [plain]) + single.map { [$0] }
    for group in groups {
      let filter = filters[group[0]]
      let ranking = try Ranking(
        options.search, queries: group.count, of: passageCount,
        meaning: { chosen, k in
          guard let vectors else { return chosen.map { _ in [] } }
          return try nearest(vectors.choosing(chosen.map { group[$0] }), k: k, among: filter)
        },
        words: { chosen, k in
          try words.prepare(chosen.map { queries[group[$0]] }, k: k, among: filter.map { try ids($0) })
        })
      for (place, index) in group.enumerated() { results[index] = try passages(ranking, place, options) }
    }
    return results
  }

  /// The passages of a ranking that the options ask for.
  package func passages(
    _ ranking: Ranking, _ query: Int, _ options: CollectionSearchOptions
  ) throws -> [FoundPassage] {
    let found = try ranking.best(of: query) { matches, best in
      let stored = try stored(matches.map(\.id))
      for match in matches {
        let found = try passage(match.id, of: stored)
        best.offer(score: match.score, document: Int(found.document)) { FoundPassage(found, score: match.score) }
      }
    }
    guard options.surroundings > 0 else { return found }
    return try found.map { try surrounded($0, by: options.surroundings) }
  }
  /// One of the passages that must be among those `stored` gave.
  func passage(_ id: Int64, of stored: [Int64: StoredPassage]) throws -> StoredPassage {
    try stored[id].unwrapped {
      MinkeError(
        .malformedFile, location, expected: "passage \(id)", found: "none; minke collection verify says more")
    }
  }
}
