import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Synchronization
import Testing

@testable import MinkeEvaluation

/// Tasks out of files, on the tiny model.
@Suite struct LanguageTaskTests {
  private let language: LanguageModel

  init() throws { language = try ModelLibrary.languageModel(Fixture.url("spikewhale-tiny").path) }

  private func withFile<Result>(
    _ text: String, _ name: String = "task.jsonl", _ body: (URL) throws -> Result
  ) throws -> Result {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent(name)
      try Data(text.utf8).write(to: file)
      return try body(file)
    }
  }

  private func tasks(_ text: String, _ name: String = "task.jsonl") throws -> [any LanguageTask] {
    try withFile(text, name) { try LanguageTaskFiles.tasks(at: $0) }
  }

  @Test func `multiple choice takes the likeliest continuation`() throws {
    let text = """
      {"context": "The original", "choices": [" language", " cultural exchange of all", "s"], "gold": 1, "more": []}

      {"id": "second", "context": "Alaska ", "choices": ["Native", "Claims"], "gold": 0}\r
      """
    let task = try #require(try tasks("\u{FEFF}" + text).first as? MultipleChoice)
    #expect(task.name == "task")
    #expect(task.items.map(\.id) == ["1", "second"])
    let result = try task.evaluate(language)[0]
    // The space at the end of a context belongs to what follows.
    let pairs = [
      ("The original", " language"), ("The original", " cultural exchange of all"), ("The original", "s"),
      ("Alaska", " Native"), ("Alaska", " Claims"),
    ]
    let sums = try language.score(pairs).map(\.logLikelihood)
    let first = sums[..<3].firstIndex(of: sums[..<3].max() ?? 0) == 1
    let second = sums[3] >= sums[4]
    #expect(result.items.map(\.value) == [first ? 1 : 0, second ? 1 : 0])
    let perByte = [sums[0] / 8, sums[1] / 24, sums[2]]
    let normalized = (perByte.firstIndex(of: perByte.max() ?? 0) == 1 ? 1.0 : 0) + (second ? 1 : 0)
    #expect(result["acc_norm"] == normalized / 2)
    #expect(result.warnings.isEmpty)
    #expect(try task.evaluate(language, limit: 1)[0].items.count == 1)
  }

  @Test func `a context that is too long loses its beginning`() throws {
    let long = String(repeating: "Q", count: 300)
    let item = try MultipleChoice.Item(id: "1", context: long, choices: [" a", " bcd"], gold: 0)
    let result = try MultipleChoice(name: "long", items: [item]).evaluate(language)[0]
    #expect(result.warnings.count == 1)
    #expect(result.warnings.first?.contains("2 of 2 contexts") == true)
    let kept = try language.score([(long, " a")], shorteningContexts: true)[0]
    let tokens = language.tokenizer.encode(long + " a")
    #expect(kept.tokensLeftOut == tokens.count - 129 + 0)
    let alone = try language.score([(String(repeating: "Q", count: 300 - kept.tokensLeftOut), " a")])[0]
    #expect(abs(kept.logLikelihood - alone.logLikelihood) < 1e-6)

    let choice = try MultipleChoice.Item(id: "1", context: "a", choices: [long, "b"], gold: 0)
    let error = #expect(throws: MinkeError.self) {
      try MultipleChoice(name: "endless", items: [choice]).evaluate(language)
    }
    #expect(error?.description.contains("endless") == true)
  }

  @Test func `a folder holds tasks and paradigms`() throws {
    try Fixture.withTemporaryFolder { folder in
      let grammar = folder.appendingPathComponent("grammar")
      try FileManager.default.createDirectory(at: grammar, withIntermediateDirectories: true)
      let pairs = #"{"sentence_good": "A cat sits.", "sentence_bad": "A cat sit."}"# + "\n"
      for (name, count) in [("b", 2), ("a", 3)] {
        try Data(String(repeating: pairs, count: count).utf8).write(to: grammar.appendingPathComponent("\(name).jsonl"))
      }
      try Data("The original text".utf8).write(to: folder.appendingPathComponent("words.txt"))
      try Data("no task".utf8).write(to: folder.appendingPathComponent("README.md"))
      try Data(#"{"contexts": ["He", "She"], "continuation": " went", "gold": 1}"#.utf8)
        .write(to: folder.appendingPathComponent("people.jsonl"))
      let tasks = try LanguageTaskFiles.tasks(at: folder)
      #expect(tasks.map(\.name) == ["grammar", "people", "words"])
      let results = try tasks.flatMap { try $0.evaluate(language, limit: nil, progress: nil) }
      #expect(results.map(\.name) == ["a", "b", "grammar", "people", "words"])
      #expect(results[2].items.map(\.id) == ["a", "b"])
      #expect(results[3]["acc_norm"] == nil)
      let perplexity = try language.perplexity(of: "The original text")
      #expect(results[4].main == perplexity.perByte)
      #expect(results[4]["bits_per_byte"] == perplexity.bitsPerByte)
    }
  }

  @Test func `progress of paradigms goes on from one to the next`() throws {
    let pair = MinimalPairs.Pair(id: "1", good: "a b", bad: "b a")
    let task = Paradigms(
      name: "all", paradigms: [MinimalPairs(name: "x", pairs: [pair]), MinimalPairs(name: "y", pairs: [pair])])
    let heard = Heard()
    _ = try task.evaluate(language) { completed, total in heard.add(completed, of: total) }
    #expect(heard.values.last == [4, 4])
    #expect(heard.values.map { $0[0] } == heard.values.map { $0[0] }.sorted())
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let text: String
    let words: [String]
    var testDescription: String { text }
  }

  @Test(arguments: [
    Case(text: "", words: ["task.jsonl", "an item in a line"]),
    Case(text: "\n \n", words: ["task.jsonl"]),
    Case(text: "{}", words: ["line 1", "choices"]),
    Case(text: "[1]", words: ["line 1"]),
    Case(text: "\n{\"choices\": ", words: ["line 2"]),
    Case(text: #"{"context": "a", "choices": [], "gold": 0}"#, words: ["line 1", "two choices", "0"]),
    Case(text: #"{"context": "a", "choices": ["b"], "gold": 0}"#, words: ["line 1", "two choices"]),
    Case(text: #"{"context": "a", "choices": ["b", ""], "gold": 0}"#, words: ["line 1", "text in each choice"]),
    Case(text: #"{"context": "a", "choices": ["b", 3], "gold": 0}"#, words: ["line 1", "choices", "strings"]),
    Case(text: #"{"context": "a", "choices": ["b", "c"], "gold": 2}"#, words: ["line 1", "0 to 1", "2"]),
    Case(text: #"{"context": "a", "choices": ["b", "c"], "gold": -1}"#, words: ["line 1", "-1"]),
    Case(text: #"{"context": "a", "choices": ["b", "c"], "gold": 0.5}"#, words: ["line 1", "gold", "0.5"]),
    Case(text: #"{"context": "a", "choices": ["b", "c"]}"#, words: ["line 1", "gold", "none"]),
    Case(text: #"{"choices": ["b", "c"], "gold": 0}"#, words: ["line 1", "context"]),
    Case(text: #"{"contexts": ["b", "c"], "gold": 0}"#, words: ["line 1", "continuation"]),
    Case(text: #"{"contexts": ["b", "c"], "continuation": "", "gold": 0}"#, words: ["line 1", "text in each"]),
    Case(text: #"{"sentence_good": "b"}"#, words: ["line 1", "sentence_bad"]),
    Case(text: #"{"sentence_good": "b", "sentence_bad": ""}"#, words: ["line 1", "empty"]),
    Case(
      text: #"{"sentence_good": "b", "sentence_bad": "c"}"# + "\n" + #"{"context": "b"}"#, words: ["line 2", "good"]),
    Case(
      text: #"{"id": 7, "sentence_good": "b", "sentence_bad": "c"}"# + "\n"
        + #"{"id": "7", "sentence_good": "b", "sentence_bad": "c"}"#, words: ["line 2", "\"7\" again"]),
    Case(text: "{\"sentence_good\": \"\u{1}\"}", words: ["line 1"]),
  ])
  func `what is wrong with a file is named`(wrong: Case) throws {
    let error = #expect(throws: MinkeError.self) { try tasks(wrong.text) }
    for word in wrong.words { #expect(error?.description.contains(word) == true, "\(String(describing: error))") }
    #expect(error?.kind == .malformedFile)
  }

  @Test func `bytes that are no text are an error in items and not in a text`() throws {
    try withFile("") { file in
      try Data([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).write(to: file)
      #expect(throws: MinkeError.self) { try LanguageTaskFiles.tasks(at: file) }
    }
    let task = TextPrediction(name: "bytes", bytes: [0xff, 0xfe, 0x00, 0x41])
    #expect(try task.evaluate(language)[0]["byte_count"] == 4)
    #expect(throws: MinkeError.self) { try TextPrediction(name: "empty", bytes: []).evaluate(language) }
  }

  @Test func `nothing to measure is an error`() throws {
    try Fixture.withTemporaryFolder { folder in
      #expect(throws: MinkeError.self) { try LanguageTaskFiles.tasks(at: folder) }
      let missing = folder.appendingPathComponent("none.jsonl")
      let error = #expect(throws: MinkeError.self) { try LanguageTaskFiles.tasks(at: missing) }
      #expect(error?.description.contains("none.jsonl") == true)
    }
  }
}

/// What a progress handler was told.
private final class Heard: Sendable {
  private let all = Mutex<[[Int]]>([])
  var values: [[Int]] { all.withLock(\.self) }
  func add(_ completed: Int, of total: Int) { all.withLock { $0.append([completed, total]) } }
}
