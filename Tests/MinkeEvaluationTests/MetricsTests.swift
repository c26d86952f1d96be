import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeEvaluation

@Suite struct MetricsTests {
  @Test func `figures of a search are those of sentence-transformers`() throws {
    let golden = try Fixture.json("retrieval_metrics.json")
    let relevant = try #require(golden["relevant"]?.object)
    let runs = try #require(golden["runs"]?.object)
    let rankings = try relevant.keys.sorted().map { query in
      let right = Set(try #require(relevant[query]?.array).compactMap(\.string))
      let found = try #require(runs[query]?.array).compactMap { $0.array?[0].string }
      return JudgedRanking(
        query: query, gains: found.map { right.contains($0) ? 1 : 0 }, relevant: right.map { _ in 1 })
    }
    let figures = RetrievalMetrics().figures(of: rankings)
    var compared = 0
    for (name, values) in try #require(golden["metrics"]?.object) {
      for (k, value) in try #require(values.object) {
        let figure = try #require(figures.first { $0.name == name.replacing("@k", with: "@\(k)") })
        #expect(abs(figure.value - (try #require(value.double))) < 1e-12, "\(figure.name)")
        compared += 1
      }
    }
    #expect(compared == figures.count)
  }

  @Test func `gains count where they are graded`() throws {
    let ranking = JudgedRanking(query: "q", gains: [0, 1, 3], relevant: [3, 1, 2])
    let figures = RetrievalMetrics(cutoffs: [3]).figures(of: [ranking])
    let ideal = 3 + 2 / log2(Double(3)) + 1 / log2(Double(4))
    let graded = try #require(figures.first { $0.name == "graded_ndcg@3" })
    #expect(abs(graded.value - (1 / log2(Double(3)) + 3 / log2(Double(4))) / ideal) < 1e-12)
    #expect(figures.first { $0.name == "mrr@3" }?.value == 0.5)
    #expect(figures.first { $0.name == "recall@3" }?.value == 2.0 / 3)
  }

  @Test func `the figure that stands for a search can be chosen, and items are its parts`() throws {
    let rankings = [
      JudgedRanking(query: "a", gains: [0, 1, 0], relevant: [1, 1]),
      JudgedRanking(query: "b", gains: [2, 0, 0], relevant: [2]),
      JudgedRanking(query: "c", gains: [0], relevant: []),
    ]
    var metrics = RetrievalMetrics()
    #expect(metrics.main(of: rankings) == "ndcg@10")
    for name in metrics.names {
      metrics.main = name
      #expect(metrics.main(of: rankings) == name)
      let items = metrics.items(of: rankings)
      let figure = try #require(metrics.figures(of: rankings).first { $0.name == name })
      #expect(items.map(\.id) == ["a", "b"] && (items[0].value + items[1].value) / 2 == figure.value, "\(name)")
    }
    metrics.main = "recall@3"
    #expect(metrics.items(of: rankings).map(\.value) == [0.5, 1])
  }

  @Test func `correlations are those of scipy`() throws {
    let golden = try Fixture.json("statistics.json")
    let x = try #require(golden["x"]?.array).compactMap(\.double)
    let y = try #require(golden["y"]?.array).compactMap(\.double)
    #expect(abs(Correlation.pearson(x, y) - (try #require(golden["pearson"]?.double))) < 1e-12)
    #expect(abs(Correlation.spearman(x, y) - (try #require(golden["spearman_ties"]?.double))) < 1e-12)
    #expect(Correlation.pearson([1, 1, 1], [1, 2, 3]).isNaN)
    #expect(Correlation.ranks([5, 1, 5, 0]) == [3.5, 2, 3.5, 1])
  }
}
