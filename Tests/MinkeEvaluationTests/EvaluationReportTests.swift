import Foundation
import MinkeCore
import MinkeEvaluation
import MinkeTestSupport
import Testing

@Suite struct EvaluationReportTests {
  private let report = EvaluationReport(
    model: "model \"a\"",
    tasks: [
      TaskResult(
        name: "arc", kind: .languageModel, settings: ["seed": "1", "b": "c"],
        metrics: [TaskResult.Metric("acc", 0.25), TaskResult.Metric("acc_norm", 0.1)], mainMetric: "acc",
        items: [TaskResult.Item(id: "1", value: 0), TaskResult.Item(id: "2", value: 0.5)], warnings: ["a warning"]),
      TaskResult(name: "sts", kind: .sts, metrics: [TaskResult.Metric("spearman", 1)], mainMetric: "spearman"),
    ])

  @Test func `a report is read as it was written`() throws {
    #expect(try EvaluationReport(json: report.json) == report)
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("run.json")
      try Data(report.json.text.utf8).write(to: file)
      #expect(try EvaluationReport(contentsOf: file) == report)
    }
  }

  @Test func `a bar in a name begins no column`() {
    let task = TaskResult(name: "a|b", kind: .sts, metrics: [TaskResult.Metric("m", 1)], mainMetric: "m")
    let table = ResultTable(EvaluationReport(model: "m", tasks: [task]))
    #expect(table.text(.markdown).contains("| a\\|b |"))
    #expect(table.text(.plain).contains("a|b   100.00"))
  }

  @Test func `what is no number comes back as such`() throws {
    let task = TaskResult(
      name: "t", kind: .sts, metrics: [TaskResult.Metric("m", .nan)], mainMetric: "m",
      items: [TaskResult.Item(id: "1", value: .infinity)])
    let read = try EvaluationReport(json: EvaluationReport(model: "m", tasks: [task]).json)
    #expect(read.tasks[0].main.isNaN)
    #expect(read.tasks[0].items[0].value.isNaN)
  }

  @Test(arguments: [
    ("[]", "report"), ("{}", "tasks"), (#"{"tasks": []}"#, "model"), (#"{"tasks": {}, "model": "m"}"#, "tasks"),
    (#"{"model": "m", "tasks": [3]}"#, "tasks[0]"),
    (#"{"model": "m", "tasks": [{"kind": "lm"}]}"#, "metrics"),
    (#"{"model": "m", "tasks": [{"kind": "x", "name": "n", "main": "a", "metrics": {"a": 1}}]}"#, "kind"),
    (#"{"model": "m", "tasks": [{"kind": "lm", "name": 1, "main": "a", "metrics": {"a": 1}}]}"#, "name"),
    (#"{"model": "m", "tasks": [{"kind": "lm", "name": "n", "main": "b", "metrics": {"a": 1}}]}"#, "\"b\""),
    (#"{"model": "m", "tasks": [{"kind": "lm", "name": "n", "main": "a", "metrics": {"a": "1"}}]}"#, "\"a\""),
    (
      #"{"model": "m", "tasks": [{"kind": "lm", "name": "n", "main": "a", "metrics": {"a": 1}, "settings": {"d": 1}}]}"#,
      "\"d\""
    ),
    (
      #"{"model": "m", "tasks": [{"kind": "lm", "name": "n", "main": "a", "metrics": {"a": 1}, "items": [{"id": "1"}]}]}"#,
      "items[0]"
    ),
    (
      #"{"model": "m", "tasks": [{"kind": "lm", "name": "n", "main": "a", "metrics": {"a": 1}, "items": "#
        + #"[{"id": "1", "value": 1}, {"id": "1", "value": 1}]}]}"#, "items[1]"
    ),
    (
      #"{"model": "m", "tasks": [{"kind": "lm", "name": "n", "main": "a", "metrics": {"a": 1}}, "#
        + #"{"kind": "lm", "name": "n", "main": "a", "metrics": {"a": 1}}]}"#, "tasks[1]"
    ),
    ("{", "run.json"), ("", "run.json"),
  ])
  func `what is no report is named`(_ text: String, _ word: String) throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("run.json")
      try Data(text.utf8).write(to: file)
      let error = #expect(throws: MinkeError.self) { try EvaluationReport(contentsOf: file) }
      #expect(error?.kind == .malformedFile)
      #expect(error?.description.contains(word) == true, "\(String(describing: error))")
      #expect(error?.description.contains("run.json") == true)
    }
  }
}
