import Foundation

/// A query that a search answers badly: what was found and what was wanted.
public struct RetrievalFailure: Sendable {
  /// A document with how it is judged and where it was found.
  public struct Document: Sendable {
    public let id: String
    /// Title and text; empty where the corpus does not have it.
    public let text: String
    public let gain: Int
    /// Its place among those found, from 1 on; nil where it is not among them.
    public let rank: Int?
  }

  public let query: RetrievalDataset.Query
  /// The query's own value of the main figure.
  public let value: Double
  /// The first documents found.
  public let found: [Document]
  /// The documents that are right, those with the highest gains first.
  public let wanted: [Document]

  /// The `count` queries of an outcome with the lowest values, the lowest first.
  ///
  /// - Parameter shown: how many documents of either kind.
  /// - Throws: `MinkeError` when the corpus cannot be read again.
  public static func worst(
    _ count: Int, of outcome: RetrievalEvaluation.Outcome, _ dataset: RetrievalDataset, shown: Int = 3
  ) throws -> [RetrievalFailure] {
    let items = outcome.result.items.enumerated()
      .sorted { $0.element.value < $1.element.value || ($0.element.value == $1.element.value && $0.offset < $1.offset) }
      .prefix(count).map(\.element)
    return try these(items.map { ($0.id, $0.value) }, of: outcome.run, dataset, shown: shown)
  }

  /// The queries with these ids, each with its value.
  public static func these(
    _ queries: [(id: String, value: Double)], of run: RankedRun, _ dataset: RetrievalDataset, shown: Int = 3
  ) throws -> [RetrievalFailure] {
    let known = Dictionary(dataset.queries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let asked = queries.compactMap { id, value in known[id].map { ($0, value) } }
    func wanted(_ query: RetrievalDataset.Query) -> [String] {
      query.gains.sorted { $0.value > $1.value || ($0.value == $1.value && $0.key < $1.key) }.prefix(shown).map(\.key)
    }
    var ids: Set<String> = []
    for (query, _) in asked {
      ids.formUnion((run.hits[query.id] ?? []).prefix(shown).map(\.document))
      ids.formUnion(wanted(query))
    }
    let documents = try dataset.documents(ids)
    return asked.map { query, value in
      let hits = run.hits[query.id] ?? []
      func document(_ id: String) -> Document {
        Document(
          id: id, text: documents[id]?.wholeText ?? "", gain: query.gains[id] ?? 0,
          rank: hits.firstIndex { $0.document == id }.map { $0 + 1 })
      }
      return RetrievalFailure(
        query: query, value: value, found: hits.prefix(shown).map { document($0.document) },
        wanted: wanted(query).map(document))
    }
  }
}
