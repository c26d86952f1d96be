import MinkeCore
import MinkeEvaluation
import Testing

@Suite struct RunComparisonTests {
  private func task(
    _ name: String, _ values: [String: Double], settings: [String: String] = [:], metric: String = "acc"
  ) -> TaskResult {
    let items = values.sorted { $0.key < $1.key }.map { TaskResult.Item(id: $0.key, value: $0.value) }
    return TaskResult(
      name: name, kind: .languageModel, settings: settings,
      metrics: [TaskResult.Metric(metric, Summary(items.map(\.value)).mean)], mainMetric: metric, items: items)
  }

  @Test func `tasks are matched by name and settings, items by id`() throws {
    let first = EvaluationReport(
      model: "old",
      tasks: [
        task("arc", ["a": 0, "b": 0, "c": 1, "d": 1]), task("arc", ["a": 1, "b": 1], settings: ["k": "8"]),
        task("lost", ["a": 1, "b": 0]),
      ])
    let second = EvaluationReport(
      model: "new", tasks: [task("new", ["a": 1, "b": 0]), task("arc", ["b": 1, "c": 1, "d": 0, "e": 1, "a": 1])])
    let found = try RunComparison(first, second)
    #expect(found.tasks.count == 1)
    let arc = found.tasks[0]
    // Only over what both have.
    #expect(arc.first == 0.5)
    #expect(arc.second == 0.75)
    #expect(arc.difference == 0.25)
    #expect(arc.bootstrap == (try PairedBootstrap([0, 0, 1, 1], [1, 1, 1, 0])))
    #expect(arc.onlyInFirst.isEmpty)
    #expect(arc.onlyInSecond == ["e"])
    #expect(found.onlyInFirst == ["arc k=8", "lost"])
    #expect(found.onlyInSecond == ["new"])
    #expect(
      found.warnings == [
        "2 tasks only in the first run: arc k=8, lost", "1 task only in the second run: new",
        "1 item only in the second run of arc: e",
      ])
    #expect(arc.mostDifferent(2).map(\.id) == ["a", "b"])
    #expect(arc.mostDifferent(9).map(\.id) == ["a", "b", "d"])
    #expect(arc.mostDifferent(0).isEmpty)
  }

  @Test func `models at their own sizes are compared, several sizes of one are kept apart`() throws {
    func run(_ sizes: String...) -> EvaluationReport {
      EvaluationReport(
        model: "m", tasks: sizes.map { task("t", ["a": 1, "b": 0], settings: ["dimension": $0, "bytes": $0 + "0"]) })
    }
    let found = try RunComparison(run("512"), run("384"))
    #expect(found.tasks.map(\.settings) == [["dimension": "512 / 384", "bytes": "5120 / 3840"]])
    #expect(found.warnings.isEmpty)
    let several = try RunComparison(run("512", "256"), run("384", "256"))
    #expect(several.tasks.map(\.settings) == [["dimension": "256", "bytes": "2560"]])
    #expect(several.onlyInFirst == ["t bytes=5120 dimension=512"])
    #expect(several.onlyInSecond == ["t bytes=3840 dimension=384"])
  }

  @Test func `a task without items has a difference and no p`() throws {
    func text(_ value: Double) -> EvaluationReport {
      let metric = TaskResult.Metric("byte_perplexity", value)
      return EvaluationReport(
        model: "m",
        tasks: [TaskResult(name: "text", kind: .languageModel, metrics: [metric], mainMetric: "byte_perplexity")])
    }
    let found = try RunComparison(text(3), text(2.5))
    #expect(found.tasks[0].difference == -0.5)
    #expect(found.tasks[0].bootstrap == nil)
    #expect(found.table.text(.plain).contains("-0.50"))
    #expect(found.json()["tasks"]?.array?.first?["p"] == nil)
  }

  @Test func `an item without a value counts as missing`() throws {
    let first = EvaluationReport(model: "m", tasks: [task("t", ["a": 1, "b": .nan, "c": 0])])
    let second = EvaluationReport(model: "m", tasks: [task("t", ["a": 0, "b": 1, "c": 0])])
    let found = try RunComparison(first, second)
    #expect(found.tasks[0].items.map(\.id) == ["a", "c"])
    #expect(found.tasks[0].onlyInSecond == ["b"])
  }

  @Test func `different main metrics are an error`() {
    let first = EvaluationReport(model: "m", tasks: [task("t", ["a": 1])])
    let second = EvaluationReport(model: "m", tasks: [task("t", ["a": 1], metric: "f1")])
    #expect(throws: MinkeError.self) { try RunComparison(first, second) }
  }

  @Test func `runs of one model are taken together`() throws {
    let runs = [0.5, 0.75, 0.25].enumerated().map { seed, value in
      EvaluationReport(
        model: "m", tasks: [task("t", ["a": value, "b": value], settings: ["k": "8", "seed": "\(seed)"])])
    }
    let extra = EvaluationReport(model: "n", tasks: [task("t", ["a": 1])])
    let partial = EvaluationReport(model: "m", tasks: [task("u", ["a": 1])])
    let means = RunMeans(runs + [extra, partial])
    #expect(means.tasks.map(\.model) == ["m", "m", "n"])
    let acc = means.tasks[0].metrics[0]
    #expect(acc.name == "acc")
    #expect(acc.summary == Summary([0.5, 0.75, 0.25]))
    #expect(means.tasks[0].settings == ["k": "8"])
    #expect(means.warnings == ["m: t k=8 is in 3 of 4 runs", "m: u is in 1 of 4 runs"])
    #expect(means.table.text(.plain).contains("50.00 ± 25.00"))
    let json = means.json["tasks"]?.array?.first?["metrics"]?["acc"]
    #expect(json?["mean"]?.double == 0.5)
    #expect(json?["standard_deviation"]?.double == 0.25)
    #expect(json?["runs"]?.integer == 3)
  }
}
