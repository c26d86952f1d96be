import Foundation
import MinkeCore
import MinkeText

/// What a system found for each query, best first, as TREC exchanges it: `query Q0 document rank score system` a line.
public struct RankedRun: Sendable, Equatable {
  /// A document found.
  public struct Hit: Sendable, Equatable {
    /// The document's id.
    public var document: String
    /// By which it was ranked: the higher, the better.
    public var score: Float

    /// A document with its score.
    public init(document: String, score: Float) { (self.document, self.score) = (document, score) }
  }

  /// By query id.
  public var hits: [String: [Hit]]

  /// A run of these hits, the best of each query first.
  public init(hits: [String: [Hit]]) { self.hits = hits }

  /// Reads the file at `url`; hits are ordered by score, and equal ones as they stand.
  ///
  /// - Throws: `MinkeError` when a line has not six columns, its score is no number, or a query has a document twice.
  public init(contentsOf url: URL) throws {
    hits = [:]
    var seen: [String: Set<String>] = [:]
    var lines = try FileLines(contentsOf: FilePath(url.relativePath))
    while let line = try lines.next() {
      if line.isBlank { continue }
      let columns = String(decoding: line, as: UTF8.self).split { $0 == "\t" || $0 == " " || $0.isNewline }
      guard columns.count == 6, let score = Float(columns[4]), !score.isNaN else {
        throw MinkeError(
          .malformedFile, lines.subject, expected: "query, Q0, document, rank, score and system",
          found: "\(columns.count) columns")
      }
      let (query, document) = (String(columns[0]), String(columns[2]))
      guard seen[query, default: []].insert(document).inserted else {
        throw MinkeError(
          .malformedFile, lines.subject, expected: "each document once for query \(query)",
          found: "\(document) again")
      }
      hits[query, default: []].append(Hit(document: document, score: score))
    }
    for query in hits.keys {
      let all = hits[query] ?? []
      hits[query] = all.indices.sorted { all[$0].score > all[$1].score || (all[$0].score == all[$1].score && $0 < $1) }
        .map { all[$0] }
    }
  }

  /// The lines of the file, queries in the order of their ids.
  ///
  /// - Parameter system: what made the run; blanks in it become underscores.
  public func text(system: String) -> String {
    let system = system.replacing(" ", with: "_")
    return hits.keys.sorted().map { query in
      (hits[query] ?? []).enumerated().map { "\(query) Q0 \($1.document) \($0 + 1) \($1.score) \(system)\n" }.joined()
    }.joined()
  }

  /// What does not go with a dataset: queries that only one of both has.
  public func warnings(for dataset: RetrievalDataset) -> [String] {
    var warnings = Warnings()
    for query in dataset.queries where hits[query.id] == nil {
      warnings.add("judged queries that the run does not have, for which nothing is found", query.id)
    }
    for id in Set(hits.keys).subtracting(dataset.queries.map(\.id)).sorted() {
      warnings.add("queries of the run that are not judged", id)
    }
    return warnings.texts
  }

  /// The run's rankings of the queries of a dataset, judged; a query without hits found nothing.
  public func judged(by dataset: RetrievalDataset) -> [JudgedRanking] {
    dataset.queries.map { query in
      JudgedRanking(
        query: query.id, gains: (hits[query.id] ?? []).map { query.gains[$0.document] ?? 0 },
        relevant: Array(query.gains.values))
    }
  }
}
