import MinkeCore
import MinkeEvaluation
import MinkeTestSupport
import Testing

/// What log-likelihoods come to, beside lm-evaluation-harness.
@Suite struct LanguageMetricsTests {
  private let golden: JSONValue

  init() throws { golden = try Fixture.json("language-metrics.json") }

  private func items(_ value: JSONValue?) -> [JSONValue] { value?["items"]?.array ?? [] }

  private func likelihoods(_ value: JSONValue?) -> [Double] { value?["likelihoods"]?.array?.compactMap(\.double) ?? [] }

  private func texts(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

  private func expect(_ result: TaskResult, _ metric: String, is name: String, of figures: JSONValue?) {
    let expected = figures?[name]?.double ?? .nan
    #expect(abs((result[metric] ?? .nan) - expected) < 1e-12, "\(metric): \(expected)")
  }

  @Test func `multiple choice`() throws {
    let part = golden["choices"]
    let task = try MultipleChoice(
      name: "choices",
      items: items(part).enumerated().map { index, item in
        // The harness puts the space before a choice itself.
        try MultipleChoice.Item(
          id: String(index), context: item["context"]?.string ?? "", choices: texts(item["choices"]).map { " " + $0 },
          gold: item["gold"]?.integer ?? -1)
      })
    let result = try task.result(logLikelihoods: likelihoods(part))
    expect(result, "acc", is: "acc", of: part?["figures"])
    expect(result, "acc_stderr", is: "acc_stderr", of: part?["figures"])
    expect(result, "acc_norm", is: "acc_bytes", of: part?["figures"])
    expect(result, "acc_norm_stderr", is: "acc_bytes_stderr", of: part?["figures"])
    #expect(result["acc"] != result["acc_norm"])
    #expect(result.items.count == 60)
    #expect(abs(Summary(result.items.map(\.value)).mean - result.main) < 1e-12)
  }

  @Test func `one continuation after several contexts`() throws {
    let part = golden["contexts"]
    let task = try MultipleChoice(
      name: "contexts",
      items: items(part).enumerated().map { index, item in
        try MultipleChoice.Item(
          id: String(index), contexts: texts(item["contexts"]),
          continuation: " " + (item["continuation"]?.string ?? ""),
          gold: item["gold"]?.integer ?? -1)
      })
    let result = try task.result(logLikelihoods: likelihoods(part))
    expect(result, "acc", is: "acc", of: part?["figures"])
    expect(result, "acc_stderr", is: "acc_stderr", of: part?["figures"])
    #expect(result["acc_norm"] == nil)
  }

  @Test func `minimal pairs and the mean of their paradigms`() throws {
    var results: [TaskResult] = []
    for part in golden["paradigms"]?.array ?? [] {
      let task = MinimalPairs(
        name: "paradigm\(results.count)",
        pairs: items(part).enumerated().map { index, item in
          MinimalPairs.Pair(
            id: String(index), good: item["sentence_good"]?.string ?? "", bad: item["sentence_bad"]?.string ?? "")
        })
      results.append(try task.result(logLikelihoods: likelihoods(part)))
      expect(results[results.count - 1], "acc", is: "acc", of: part["figures"])
      expect(results[results.count - 1], "acc_stderr", is: "acc_stderr", of: part["figures"])
    }
    #expect(results.count == 2)
    let mean = Paradigms.mean(of: results, name: "all")
    expect(mean, "acc", is: "acc", of: golden["mean"])
    expect(mean, "acc_stderr", is: "acc_stderr", of: golden["mean"])
    #expect(mean["item_count"] == 42)
    #expect(mean.items.map(\.id) == ["paradigm0", "paradigm1"])
  }

  @Test func `the first of equals counts`() throws {
    let item = try MultipleChoice.Item(id: "1", context: "", choices: ["ab", "cd"], gold: 0)
    #expect(try MultipleChoice(name: "t", items: [item]).result(logLikelihoods: [-1, -1]).main == 1)
    let pairs = MinimalPairs(name: "t", pairs: [MinimalPairs.Pair(id: "1", good: "a", bad: "b")])
    #expect(try pairs.result(logLikelihoods: [-2, -2]).main == 1)
    #expect(try pairs.result(logLikelihoods: [-.infinity, -2]).main == 0)
  }

  @Test func `a likelihood that is no number is an error that names the item`() throws {
    let item = try MultipleChoice.Item(id: "q7", context: "", choices: ["a", "b"], gold: 0)
    let task = MultipleChoice(name: "t", items: [item])
    let error = #expect(throws: MinkeError.self) { try task.result(logLikelihoods: [.nan, -1]) }
    #expect(error?.kind == .notFinite)
    #expect(error?.description.contains("q7") == true)
    #expect(throws: MinkeError.self) { try task.result(logLikelihoods: [-1]) }
    let pairs = MinimalPairs(name: "t", pairs: [MinimalPairs.Pair(id: "1", good: "a", bad: "b")])
    #expect(throws: MinkeError.self) { try pairs.result(logLikelihoods: [-1, .nan]) }
    #expect(throws: MinkeError.self) { try pairs.result(logLikelihoods: [-1]) }
  }
}
