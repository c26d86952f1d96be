import Foundation

/// What was found for a query, judged.
public struct JudgedRanking: Sendable, Equatable {
  /// The query's id.
  public var query: String
  /// The gain of each document found, best first; 0 for one that is not right.
  public var gains: [Int]
  /// The gains of all documents that are right, in any order, found or not.
  public var relevant: [Int]

  public init(query: String, gains: [Int], relevant: [Int]) {
    (self.query, self.gains, self.relevant) = (query, gains, relevant)
  }
}

/// The figures of a search, as sentence-transformers' `InformationRetrievalEvaluator` defines them: a document is right or
/// it is not, and each figure is the mean over queries.
public struct RetrievalMetrics: Sendable {
  /// The places after which a ranking is cut.
  public var ndcg = [10]
  public var mrr = [10]
  public var map = [100]
  public var accuracy = [1, 3, 5, 10]
  public var precisionAndRecall = [1, 3, 5, 10]
  /// Whether the main figure heeds gains other than 1, where there are some, as MTEB's does.
  public var heedsGains = false

  /// The figures that the field prints.
  public init() {}

  /// All figures after the places `cutoffs`.
  public init(cutoffs: [Int]) {
    (ndcg, mrr, map, accuracy, precisionAndRecall) = (cutoffs, cutoffs, cutoffs, cutoffs, cutoffs)
  }

  /// The deepest place that any of the figures looks at.
  public var depth: Int { (ndcg + mrr + map + accuracy + precisionAndRecall).max() ?? 0 }

  /// The figures, and the name of the main one.
  ///
  /// Where judgments have gains other than 1, `graded_ndcg@k` heeds them, as trec_eval does.
  public func figures(of rankings: [JudgedRanking]) -> [TaskResult.Metric] {
    let asked = rankings.filter { !$0.relevant.isEmpty }
    func mean(_ name: String, _ value: (JudgedRanking) -> Double) -> TaskResult.Metric {
      TaskResult.Metric(name, asked.reduce(0) { $0 + value($1) } / Double(asked.count))
    }
    var figures: [TaskResult.Metric] = []
    for k in ndcg { figures.append(mean("ndcg@\(k)") { $0.ndcg(k) }) }
    if Self.haveGains(asked) {
      for k in ndcg { figures.append(mean("graded_ndcg@\(k)") { $0.gradedNDCG(k) }) }
    }
    for k in mrr { figures.append(mean("mrr@\(k)") { $0.reciprocalRank(k) }) }
    for k in map { figures.append(mean("map@\(k)") { $0.averagePrecision(k) }) }
    for k in accuracy { figures.append(mean("accuracy@\(k)") { $0.hits(k) > 0 ? 1 : 0 }) }
    for k in precisionAndRecall { figures.append(mean("precision@\(k)") { Double($0.hits(k)) / Double(k) }) }
    for k in precisionAndRecall {
      figures.append(mean("recall@\(k)") { Double($0.hits(k)) / Double($0.relevant.count) })
    }
    return figures
  }

  /// The name of the figure that stands for a task.
  public func main(of rankings: [JudgedRanking]) -> String {
    (heedsGains && Self.haveGains(rankings) ? "graded_" : "") + "ndcg@\(ndcg.first ?? 10)"
  }

  /// Each query's share in the main figure.
  public func items(of rankings: [JudgedRanking]) -> [TaskResult.Item] {
    let k = ndcg.first ?? 10
    let isGraded = heedsGains && Self.haveGains(rankings)
    return rankings.filter { !$0.relevant.isEmpty }.map {
      TaskResult.Item(id: $0.query, value: isGraded ? $0.gradedNDCG(k) : $0.ndcg(k))
    }
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
