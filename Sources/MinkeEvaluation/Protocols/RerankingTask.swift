import Foundation
import MinkeCore

/// Candidates put in order by their cosine with a query (`mteb`'s `AbsTaskReranking`): mean average precision, MRR and
/// nDCG.
///
/// The folder holds `test.jsonl`, or one other .jsonl file: lines with `query`, a text or a list of texts of which the
/// closest counts, and the lists `positive` and `negative`. Asked for are the vectors of all queries, with the role of
/// queries, then of all candidates, with that of documents: line after line, the positive before the negative ones. Of
/// candidates with one score the negative ones come first, as trec_eval has it with the library's names of documents.
public struct RerankingTask: ProtocolTask {
  public static let kind = TaskKind.reranking

  public let name: String
  private let lists: [Candidates]
  private let warnings: [String]

  private struct Candidates: Sendable {
    let line: Int
    let queries: [String]
    let positive: [String]
    let negative: [String]
  }

  public init(_ folder: TaskFolder) throws {
    name = folder.name
    let file = try folder.data()
    var line = 0
    let all = try file.rows { row in
      line += 1
      let queries = try row.texts("query")
      guard !queries.isEmpty else { throw row.wrong("a text or more", ["query"]) }
      return Candidates(
        line: line, queries: queries, positive: try row.texts("positive"), negative: try row.texts("negative"))
    }
    lists = all.filter { !$0.positive.isEmpty && !$0.negative.isEmpty }
    guard !lists.isEmpty else {
      throw file.lacks("queries with positive and negative candidates", found: "none")
    }
    let bare = all.filter { $0.positive.isEmpty || $0.negative.isEmpty }.map { "\($0.line)" }
    warnings =
      bare.isEmpty
      ? [] : ["\(bare.count) queries without positive or without negative candidates are left out: \(listed(bare))"]
  }

  public func run(_ vectors: any TextVectors, seed: UInt32, progress: ProgressHandler?) throws -> TaskResult {
    let queries = lists.flatMap(\.queries)
    let candidates = lists.flatMap { $0.positive + $0.negative }
    let count = queries.count + candidates.count
    let parts = ProgressParts(handler: progress, total: 2 * count)
    let left = try TaskVectors(
      among: queries, called: "queries", from: vectors, role: .query, progress: parts.part(after: 0))
    let right = try TaskVectors(
      among: candidates, called: "candidates", from: vectors, role: .document,
      progress: parts.part(after: queries.count))
    try left.requireDimension(of: right, called: "candidates")
    var places: [(query: Int, candidate: Int)] = []
    var next = (query: 0, candidate: 0)
    for list in lists {
      places.append(next)
      next.query += list.queries.count
      next.candidate += list.positive.count + list.negative.count
    }
    let meter = parts.steps(lists.count, after: count)
    let figures = try Workers.map(count: lists.count, grain: 8) { [places] index in
      defer { meter.advance(by: 1) }
      let (list, place) = (lists[index], places[index])
      let scores = (0..<list.positive.count + list.negative.count).map { candidate in
        (0..<list.queries.count).map {
          // As single precision, in which the library ranks: what differs by rounding alone is equal.
          Float(RowSimilarities(left[place.query + $0], right[place.candidate + candidate]).cosine)
        }.max() ?? 0
      }
      return Self.figures(scores, positive: list.positive.count)
    }
    let names = ["map", "mrr@10", "ndcg@10"]
    return TaskResult(
      name: name, kind: .reranking, settings: ["dimension": "\(left.dimension)"],
      metrics: names.enumerated().map { place, name in TaskResult.Metric(name, figures.map { $0[place] }.mean) },
      mainMetric: "map",
      items: zip(lists, figures).map {
        TaskResult.Item(id: "query \($0.line)", value: $1[0], text: $0.queries.joined(separator: " / "))
      },
      warnings: warnings)
  }

  /// Average precision among the first 1,000, reciprocal rank and nDCG among the first 10; the first `positive` scores are
  /// those of relevant candidates.
  static func figures(_ scores: [Float], positive: Int) -> [Double] {
    let order = scores.indices.sorted { scores[$0] == scores[$1] ? $0 > $1 : scores[$0] > scores[$1] }
    var (precision, found, reciprocal, gain) = (0.0, 0, 0.0, 0.0)
    for (rank, candidate) in order.prefix(1000).enumerated() where candidate < positive {
      found += 1
      precision += Double(found) / Double(rank + 1)
      if found == 1, rank < 10 { reciprocal = 1 / Double(rank + 1) }
      if rank < 10 { gain += 1 / log2(Double(rank + 2)) }
    }
    let ideal = (0..<min(10, positive)).reduce(0) { $0 + 1 / log2(Double($1 + 2)) }
    return [precision / Double(positive), reciprocal, gain / ideal]
  }
}
