import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

/// `minke eval classification` and its like.
@Suite struct EvalProtocolTests {
  private func withTasks(_ body: (URL) throws -> Void) throws {
    try Fixture.withTemporaryFolder { folder in
      let texts = [
        ("weather", "Rain falls on the hills."), ("food", "Bread and butter with jam."), ("ships", "A sail."),
      ]
      let words = [
        "today", "again", "at last", "in spring", "for all", "as ever", "with joy", "of old", "in town", "now",
      ]
      let lines = texts.flatMap { label, text in
        words.map { #"{"text": "\#(text) \#($0)", "label": "\#(label)"}"# }
      }.joined(separator: "\n")
      let pairs = words.enumerated().map { index, word -> String in
        let other = index.isMultiple(of: 2) ? texts[0].1 : texts[1].1
        return #"{"sentence1": "\#(texts[0].1)", "sentence2": "\#(other) \#(word)", "label": \#((index + 1) % 2)}"#
      }.joined(separator: "\n")
      let tasks: [(name: String, files: [String: String])] = [
        ("kinds", ["train.jsonl": lines, "test.jsonl": lines]), ("pairs", ["pairs.jsonl": pairs]),
      ]
      for (name, files) in tasks {
        let task = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: task, withIntermediateDirectories: true)
        for (file, text) in files {
          try text.write(to: task.appendingPathComponent(file), atomically: true, encoding: .utf8)
        }
      }
      try body(folder)
    }
  }

  private func tasks(_ run: Run) throws -> [JSONValue] {
    #expect(run.status == 0, "\(run.errors)")
    let bytes = Array(run.output)
    let report = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
    return try #require(report["tasks"]?.array)
  }

  @Test func `classes, clusters and pairs are measured with the built-in model`() throws {
    try withTasks { folder in
      let classes = try tasks(
        minke("eval", "classification", "kinds", "--json", "--samples-per-label", "4", "--seed", "7", in: folder))
      #expect(classes[0]["name"]?.string == "kinds" && classes[0]["settings"]?["samples"]?.string == "4")
      #expect(try #require(classes[0]["metrics"]?["accuracy"]?.double) > 0.9)
      let clusters = try tasks(minke("eval", "clustering", "kinds", "--json", in: folder))
      #expect(try #require(clusters[0]["metrics"]?["v_measure"]?.double) > 0.5)
      let pairs = try tasks(minke("eval", "pairs", "pairs", "pairs", "--binarize", "--json", in: folder))
      #expect(pairs.count == 2 && pairs[0]["metrics"]?["max_ap"]?.double == 1)
      let table = try minke("eval", "pairs", "pairs", "--markdown", in: folder)
      #expect(table.status == 0 && table.text.hasPrefix("| ") && table.text.contains("max_ap"))
    }
  }

  @Test func `a suite goes into a card, and says what is missing`() throws {
    try withTasks { folder in
      func write(_ text: String, _ name: String) throws {
        try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
      }
      try write(
        #"""
        {"tasks": [{"type": "classification", "path": "kinds", "samples_per_label": 4}, {"type": "pairs", "path": "pairs"},
        {"type": "sts", "path": "nowhere"}]}
        """#, "suite.json")
      let run = try minke("eval", "suite", "suite.json", "--card", "card.md", "--json", in: folder)
      #expect(try tasks(run).map { $0["settings"]?["samples"]?.string } == ["4", nil])
      #expect(run.errors.contains("nowhere: no data in") && run.errors.contains("wrote 2 figures into card.md"))
      let card = try String(contentsOf: folder.appendingPathComponent("card.md"), encoding: .utf8)
      #expect(card.contains("| kinds") && card.contains("`minke eval suite suite.json`"))
      // A card that cannot be written is said before anything is measured.
      try write("<!-- minke eval: begin -->", "broken.md")
      for wrong in ["broken.md", "no/such/folder.md"] {
        let refused = try minke("eval", "suite", "suite.json", "--card", wrong, in: folder)
        #expect(refused.status == 2 && refused.text.isEmpty && refused.errors.hasPrefix("minke: \(wrong): expected"))
      }
    }
  }

  @Test func `vectors made elsewhere are cut, and none is left over`() throws {
    try withTasks { folder in
      let pairs = try String(contentsOf: folder.appendingPathComponent("pairs/pairs.jsonl"), encoding: .utf8)
      for (name, member) in [("first", "sentence1"), ("second", "sentence2")] {
        try pairs.replacing("\"\(member)\"", with: "\"text\"").write(
          to: folder.appendingPathComponent("\(name).jsonl"), atomically: true, encoding: .utf8)
        let encoded = try minke(
          "encode", "--jsonl", "--no-normalize", "\(name).jsonl", "--output", "\(name).npy", in: folder)
        #expect(encoded.status == 0, "\(encoded.errors)")
      }
      func measure(_ arguments: String...) throws -> Run {
        try minke(["eval", "pairs", "pairs", "--json"] + arguments, in: folder)
      }
      let cut = try tasks(measure("--dimension", "64", "--vectors", "first.npy", "second.npy"))
      let own = try tasks(measure("--dimension", "64"))
      #expect(cut[0]["metrics"] == own[0]["metrics"] && cut[0]["settings"]?["dimension"]?.string == "64")
      let surplus = try measure("--vectors", "first.npy", "second.npy", "second.npy")
      #expect(surplus.status == 2 && surplus.errors.contains("a file for each group of texts, 2, found 3"))
      #expect(try measure("--binarize", "--vectors", "first.npy", "second.npy").errors.contains("--vectors goes with"))
    }
  }

  @Test func `what is not there is said`() throws {
    try withTasks { folder in
      let missing = try minke("eval", "reranking", "nowhere", in: folder)
      #expect(missing.status != 0 && missing.errors.contains("nowhere: expected a folder"))
      let wrong = try minke("eval", "summarization", "pairs", in: folder)
      #expect(wrong.status != 0 && wrong.errors.contains("pairs.jsonl, line 1: expected a list of strings"))
      let none = try minke("eval", "classification", "kinds", "--samples-per-label", "0", in: folder)
      #expect(none.status != 0)
    }
  }
}
