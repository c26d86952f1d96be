import MinkeCore

/// A query that a search answers badly: what was found and what was wanted.
public struct RetrievalFailure: Sendable {
  /// A document with how it is judged and where it was found.
  public struct Document: Sendable {
    /// The document's id.
    public let id: String
    /// Title and text; empty where the corpus does not have it.
    public let text: String
    /// How right it is for the query; 0 for what is not.
    public let gain: Int
    /// Its place among those found, from 1 on; nil where it is not among them.
    public let rank: Int?
  }

  /// The query with what is right for it.
  public let query: RetrievalDataset.Query
  /// The query's own value of the main figure.
  public let value: Double
  /// The first documents found.
  public let found: [Document]
  /// The documents that are right, those with the highest gains first.
  public let wanted: [Document]

  /// The `count` queries of an outcome with the lowest values, the lowest first.
  ///
  /// - Parameters:
  ///   - other: what another search reached; then the queries come first at which this one falls behind most.
  ///   - shown: how many documents of either kind.
  /// - Throws: `MinkeError` when the corpus cannot be read again.
  public static func worst(
    _ count: Int, of outcome: RetrievalEvaluation.Outcome, beside other: RetrievalEvaluation.Outcome? = nil,
    _ dataset: RetrievalDataset, shown: Int = 3
  ) throws -> [(failure: RetrievalFailure, other: RetrievalFailure?)] {
    var others: [String: Double] = [:]
    for item in other?.result.items ?? [] { others[item.id] = item.value }
    let ranked = outcome.result.items.enumerated().map { place, item in
      (item: item, key: item.value - (others[item.id] ?? 0), place: place)
    }
    let items = ranked.sorted { $0.key < $1.key || ($0.key == $1.key && $0.place < $1.place) }.prefix(count).map(\.item)
    let known = Dictionary(dataset.queries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let asked = items.compactMap { item in known[item.id].map { ($0, item.value) } }
    var ids: Set<String> = []
    for (query, _) in asked {
      for run in [outcome.run, other?.run] { ids.formUnion((run?.hits[query.id] ?? []).prefix(shown).map(\.document)) }
      ids.formUnion(Self.wanted(query, shown))
    }
    let documents = try dataset.documents(ids)
    return asked.map { query, value in
      (
        RetrievalFailure(query, value, outcome.run, documents, shown),
        other.map { RetrievalFailure(query, others[query.id] ?? .nan, $0.run, documents, shown) }
      )
    }
  }

  private static func wanted(_ query: RetrievalDataset.Query, _ shown: Int) -> [String] {
    query.gains.sorted { $0.value > $1.value || ($0.value == $1.value && $0.key < $1.key) }.prefix(shown).map(\.key)
  }

  private init(
    _ query: RetrievalDataset.Query, _ value: Double, _ run: RankedRun, _ documents: [String: RetrievalRecord],
    _ shown: Int
  ) {
    let hits = run.hits[query.id] ?? []
    func document(_ id: String) -> Document {
      Document(
        id: id, text: documents[id]?.wholeText ?? "", gain: query.gains[id] ?? 0,
        rank: hits.firstIndex { $0.document == id }.map { $0 + 1 })
    }
    (self.query, self.value) = (query, value)
    (found, wanted) = (hits.prefix(shown).map { document($0.document) }, Self.wanted(query, shown).map(document))
  }

  /// The failure as a JSON object.
  public var json: JSONValue {
    func list(_ documents: [Document]) -> JSONValue {
      .array(
        documents.map {
          [
            "id": .string($0.id), "text": .string($0.text), "gain": .integer($0.gain),
            "rank": $0.rank.map { .integer($0) } ?? .null,
          ]
        })
    }
    return [
      "id": .string(query.id), "text": .string(query.text), "value": value.isFinite ? .number(value) : .null,
      "found": list(found), "wanted": list(wanted),
    ]
  }
}
