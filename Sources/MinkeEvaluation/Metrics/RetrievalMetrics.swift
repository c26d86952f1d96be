import Foundation

/// What was found for a query, judged.
public struct JudgedRanking: Sendable, Equatable {
  /// The query's id.
  public var query: String
  /// The gain of each document found, best first; 0 for one that is not right.
  public var gains: [Int]
  /// The gains of all documents that are right, in any order, found or not.
  public var relevant: [Int]

  /// A query's ranking: the gains of what was found, the best first, and of all that is right.
  public init(query: String, gains: [Int], relevant: [Int]) {
    (self.query, self.gains, self.relevant) = (query, gains, relevant)
  }
}

/// The figures of a search, as sentence-transformers' `InformationRetrievalEvaluator` defines them: a document is right or
/// it is not, and each figure is the mean over queries.
public struct RetrievalMetrics: Sendable {
  /// The places after which a ranking is cut.
  public var ndcg = [10]
  /// Places after which the reciprocal rank is 0.
  public var mrr = [10]
  /// Places of which average precision is taken.
  public var map = [100]
  /// Places among which one right document is enough.
  public var accuracy = [1, 3, 5, 10]
  /// Places of which precision and recall are taken.
  public var precisionAndRecall = [1, 3, 5, 10]
  /// Whether the main figure heeds gains other than 1, where there are some, as MTEB's does.
  public var heedsGains = false

  /// The name of the figure that stands for a task, one of ``names``; nil for ndcg at the first of its places.
  public var main: String?

  /// The figures that the field prints.
  public init() {}

  /// All figures after the places `cutoffs`.
  public init(cutoffs: [Int]) {
    (ndcg, mrr, map, accuracy, precisionAndRecall) = (cutoffs, cutoffs, cutoffs, cutoffs, cutoffs)
  }

  /// The deepest place that any of the figures looks at.
  public var depth: Int { (ndcg + mrr + map + accuracy + precisionAndRecall).max() ?? 0 }

  /// The names of the figures that every judgment allows, such as `recall@10`.
  public var names: [String] { figures(graded: false).map(\.name) }

  /// Each figure, in the mean over the queries that have a right document.
  ///
  /// Where judgments have gains other than 1, `graded_ndcg@k` heeds them, as trec_eval does.
  public func figures(of rankings: [JudgedRanking]) -> [TaskResult.Metric] {
    let asked = rankings.filter { !$0.relevant.isEmpty }
    return figures(graded: Self.haveGains(asked)).map { figure in
      TaskResult.Metric(figure.name, asked.reduce(0) { $0 + figure.value($1) } / Double(asked.count))
    }
  }

  /// The name of the figure that stands for a task.
  public func main(of rankings: [JudgedRanking]) -> String {
    main ?? (heedsGains && Self.haveGains(rankings) ? "graded_" : "") + "ndcg@\(ndcg.first ?? 10)"
  }

  /// Each query's share in the main figure; none where there is no figure of its name.
  public func items(of rankings: [JudgedRanking]) -> [TaskResult.Item] {
    let name = main(of: rankings)
    guard let main = figures(graded: true).first(where: { $0.name == name }) else { return [] }
    return rankings.filter { !$0.relevant.isEmpty }.map { TaskResult.Item(id: $0.query, value: main.value($0)) }
  }

  private typealias Figure = (name: String, value: (JudgedRanking) -> Double)

  private func figures(graded: Bool) -> [Figure] {
    var figures: [Figure] = ndcg.map { k in ("ndcg@\(k)", { $0.ndcg(k) }) }
    if graded { figures += ndcg.map { k in ("graded_ndcg@\(k)", { $0.gradedNDCG(k) }) } }
    figures += mrr.map { k in ("mrr@\(k)", { $0.reciprocalRank(k) }) }
    figures += map.map { k in ("map@\(k)", { $0.averagePrecision(k) }) }
    figures += accuracy.map { k in ("accuracy@\(k)", { $0.hits(k) > 0 ? 1 : 0 }) }
    figures += precisionAndRecall.map { k in ("precision@\(k)", { Double($0.hits(k)) / Double(k) }) }
    figures += precisionAndRecall.map { k in ("recall@\(k)", { Double($0.hits(k)) / Double($0.relevant.count) }) }
    return figures
  }

  private static func haveGains(_ rankings: [JudgedRanking]) -> Bool {
    rankings.contains { $0.relevant.contains { $0 != 1 } }
  }
}

extension JudgedRanking {
  /// Right documents among the first `k`.
  func hits(_ k: Int) -> Int { gains.prefix(k).count { $0 > 0 } }

  func reciprocalRank(_ k: Int) -> Double {
    gains.prefix(k).firstIndex { $0 > 0 }.map { 1 / Double($0 + 1) } ?? 0
  }

  func averagePrecision(_ k: Int) -> Double {
    var (hits, sum) = (0, 0.0)
    for (rank, gain) in gains.prefix(k).enumerated() where gain > 0 {
      hits += 1
      sum += Double(hits) / Double(rank + 1)
    }
    return sum / Double(min(k, relevant.count))
  }

  func ndcg(_ k: Int) -> Double {
    Self.discounted(gains.prefix(k).map { $0 > 0 ? 1 : 0 })
      / Self.discounted(Array(repeating: 1, count: min(k, relevant.count)))
  }

  func gradedNDCG(_ k: Int) -> Double {
    Self.discounted(gains.prefix(k).map { $0 }) / Self.discounted(relevant.sorted(by: >).prefix(k).map { $0 })
  }

  private static func discounted(_ gains: [Int]) -> Double {
    gains.enumerated().reduce(0) { $0 + Double($1.element) / log2(Double($1.offset + 2)) }
  }
}
