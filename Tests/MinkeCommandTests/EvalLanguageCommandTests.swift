import Foundation
import Minke
import MinkeTestSupport
import Testing

/// `minke eval lm` and what is made of its results.
@Suite struct EvalLanguageCommandTests {
  private static let model = "Tests/Fixtures/spikewhale-tiny"

  private func json(_ run: Run) throws -> JSONValue {
    try Array(run.output).withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
  }

  @Test func `from questions to a comparison and a picture`() throws {
    try Fixture.withTemporaryFolder { folder in
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      #expect(try minke("eval", "arithmetic", "--count", "24", "--seed", "4", "-o", path("sums.jsonl")).status == 0)
      #expect(try minke("eval", "arithmetic", "--count", "24", "--seed", "4").text.split(separator: "\n").count == 24)
      let run = try minke("eval", "lm", path("sums.jsonl"), "--model", Self.model, "--json")
      #expect(run.status == 0, "\(run.errors)")
      try run.output.write(to: folder.appendingPathComponent("all.json"))
      let task = try json(run)["tasks"]?.array?.first
      #expect(task?["name"]?.string == "sums")
      #expect(task?["items"]?.array?.count == 24)
      let some = try minke("eval", "lm", path("sums.jsonl"), "--model", Self.model, "--limit", "12", "--json")
      try some.output.write(to: folder.appendingPathComponent("some.json"))

      let same = try minke("eval", "compare", path("all.json"), path("some.json"), "--json")
      #expect(same.status == 0, "\(same.errors)")
      #expect(same.errors.contains("12 items only in the first run of sums: 13, 14"))
      let compared = try json(same)["comparisons"]?.array?.first?["tasks"]?.array?.first
      #expect(compared?["p"]?.double == 1)
      #expect(compared?["item_count"]?.integer == 12)

      let table = try minke("eval", "mean", path("all.json"), path("all.json"), "--markdown")
      #expect(table.text.hasPrefix("| model "), "\(table.text)")
      #expect(table.text.contains("± 0.00"))

      let chart = try minke("eval", "chart", path("all.json"), "--output", path("chart.svg"), "--metric", "acc_norm")
      #expect(chart.status == 0, "\(chart.errors)")
      #expect(try String(contentsOfFile: path("chart.svg"), encoding: .utf8).hasPrefix("<svg "))
    }
  }

  @Test func `the items in which runs differ are listed`() throws {
    try Fixture.withTemporaryFolder { folder in
      for (name, values) in [("one", [1, 0, 0.5]), ("two", [0, 0, 0.75])] {
        let items = values.enumerated().map {
          #"{"id": "q\#($0.offset)", "value": \#($0.element), "text": "what | is\nthat"}"#
        }
        let text = #"""
          {"model": "\#(name)", "tasks": [{"name": "t", "kind": "retrieval", "main": "ndcg@10", "metrics": \#
          {"ndcg@10": 0.5}, "items": [\#(items.joined(separator: ","))]}]}
          """#
        try Data(text.utf8).write(to: folder.appendingPathComponent("\(name).json"))
      }
      let run = try minke("eval", "compare", "one.json", "two.json", "--errors", "5", in: folder)
      #expect(run.status == 0, "\(run.errors)")
      let lines = run.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      #expect(
        lines.suffix(3) == [
          ["task", "item", "text", "one", "two"], ["t", "q0", "what", "|", "is", "that", "100.00", "0.00"],
          ["t", "q2", "what", "|", "is", "that", "50.00", "75.00"],
        ])
    }
  }

  @Test func `log-likelihoods made elsewhere are judged`() throws {
    try Fixture.withTemporaryFolder { folder in
      func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
      }
      try write(
        """
        {"context": "a", "choices": [" b", " cdefgh"], "gold": 1}
        {"context": "a", "choices": [" b", " c"], "gold": 0}

        """, "task.jsonl")
      try write("-3.5\n-6\n\n-1\n-2e0\n", "scores.txt")
      let run = try minke("eval", "lm", "task.jsonl", "--log-likelihoods", "scores.txt", "--json", in: folder)
      #expect(run.status == 0, "\(run.errors)")
      let task = try json(run)["tasks"]?.array?.first
      #expect(task?["metrics"]?["acc"]?.double == 0.5 && task?["metrics"]?["acc_norm"]?.double == 1)
      try write("-1\n-2\n-3\n", "few.txt")
      try write("-1\nlow\n", "words.txt")
      for (arguments, words) in [
        (["few.txt"], "expected 4 log-likelihoods, found 3"), (["words.txt"], "words.txt, line 2: expected a number"),
        (["few.txt", "few.txt"], "a file for each of 1 tasks"), (["few.txt", "--limit", "1"], "--limit goes with"),
        (["few.txt", "--model", "x"], "Give --model or --log-likelihoods"),
      ] {
        let wrong = try minke(["eval", "lm", "task.jsonl", "--log-likelihoods"] + arguments, in: folder)
        #expect(wrong.status != 0 && wrong.errors.contains(words), "\(wrong.errors)")
      }
    }
  }

  @Test func `names in a run cannot steer the terminal`() throws {
    try Fixture.withTemporaryFolder { folder in
      let task = #"{"name": "\u001b[2Jt", "kind": "sts", "main": "m", "metrics": {"m": 1}}"#
      let file = folder.appendingPathComponent("run.json")
      try Data(#"{"model": "\u001b]0;x", "tasks": [\#(task)]}"#.utf8).write(to: file)
      let run = try minke("eval", "mean", file.path)
      #expect(run.status == 0)
      #expect(run.text.contains("\u{FFFD}[2Jt") && !run.text.contains("\u{1B}"))
    }
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let line: String
    let words: [String]
    var testDescription: String { line }
  }

  @Test(arguments: [
    Case(line: "minke eval lm --model \(model)", words: ["paths"]),
    Case(line: "minke eval lm README.md --model \(model) --limit 0", words: ["--limit"]),
    Case(line: "minke eval lm /no/file.jsonl --model \(model)", words: ["/no/file.jsonl"]),
    Case(line: "minke eval lm Sources/Minke --model \(model)", words: ["Sources/Minke", ".jsonl"]),
    Case(line: "minke eval lm README.md --model /nowhere", words: ["/nowhere"]),
    Case(line: "minke eval arithmetic --count 0", words: ["--count"]),
    Case(line: "minke eval compare Package.swift", words: ["two runs"]),
    Case(line: "minke eval compare Package.swift Package.swift", words: ["Package.swift", "line 1"]),
    Case(line: "minke eval mean \(model)/config.json", words: ["config.json", "tasks"]),
    Case(line: "minke eval chart \(model)/config.json --x size", words: ["bytes"]),
  ])
  func `the error names the trouble`(wrong: Case) throws {
    let run = try shell(wrong.line)
    #expect(run.status == 2 || run.status == 64, "\(run.status): \(run.errors)")
    for word in wrong.words { #expect(run.errors.contains(word), "\(run.errors)") }
  }
}
