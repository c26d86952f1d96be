import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

@Suite struct TrainingDataTests {
  private let tokenization: TextTokenization

  init() throws { tokenization = try ModelLibrary.tokenization(Fixture.url("sse-tiny").path) }

  private static let rows = [
    #"{"anchor": "one two", "positive": "three four five", "negative": "six", "source": "a"}"#,
    #"{"anchor": "two", "positive": "one", "negative": "seven eight", "source": "b"}"#,
    #"{"anchor": "three", "positive": "two", "negative": "nine", "source": "a"}"#,
    #"{"anchor": "four", "positive": "ten", "negative": "one", "source": "c"}"#,
  ]

  /// The set of a file that holds `lines`.
  private func load(
    _ lines: [String], _ purpose: DataPurpose = .pairs, named name: String = "rows.jsonl",
    _ change: (inout DataSelection) -> Void = { _ in }
  ) throws -> TrainingSet {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent(name)
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      var selection = DataSelection(files: [file.path])
      change(&selection)
      return try TrainingSet(selection, purpose, tokenization)
    }
  }

  private func expectError(
    _ kind: MinkeError.Kind, _ pieces: String..., body: () throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      try body()
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch let error as MinkeError {
      #expect(error.kind == kind, sourceLocation: sourceLocation)
      for piece in pieces {
        #expect(error.description.contains(piece), "\(error)", sourceLocation: sourceLocation)
      }
    } catch {
      Issue.record("\(error)", sourceLocation: sourceLocation)
    }
  }

  @Test func `Every column holds the tokens of its texts, row after row`() throws {
    let set = try load(Self.rows)
    #expect(set.columns.map(\.name) == ["anchor", "positive", "negative"])
    #expect(set.count == 4)
    #expect(Array(set.columns[1][0]) == tokenization.ids(of: "three four five"))
    #expect(Array(set.columns[2][3]) == tokenization.ids(of: "one"))
    #expect(set.sourceNames == ["a", "b", "c"] && set.sources == [0, 1, 0, 2])
    #expect(set.name(of: 2).hasSuffix("rows.jsonl: line 3"))
    // Equal texts have one number, in whatever column.
    #expect(set.columns[0].hashes[1] == set.columns[1].hashes[2])
    #expect(set.columns[0].hashes[0] != set.columns[0].hashes[1])
  }

  @Test(arguments: [("gzip", "gz"), ("xz", "xz")])
  func `A compressed file is read as the file that it holds`(program: String, ending: String) throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("rows.jsonl")
      // More than a pipe holds at once.
      let lines = (0..<4000).map { #"{"anchor": "one \#($0)", "positive": "two \#($0 * 7)"}"# }
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      let plain = try TrainingSet(DataSelection(files: [file.path]), .pairs, tokenization)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [program, file.path]
      try process.run()
      process.waitUntilExit()
      let packed = file.appendingPathExtension(ending)
      let set = try TrainingSet(DataSelection(files: [packed.path]), .pairs, tokenization)
      #expect(
        set.count == 4000 && set.columns[0].ids == plain.columns[0].ids && set.columns[1].ends == plain.columns[1].ends)
      // Who takes few rows does not wait for the others, and nothing is left beside the file.
      let few = try TrainingSet(DataSelection(files: [packed.path], limit: 3), .pairs, tokenization)
      #expect(few.count == 3)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [packed.lastPathComponent])
      var bytes = try Data(contentsOf: packed)
      bytes.removeLast(bytes.count / 2)
      try bytes.write(to: packed)
      expectError(.malformedFile, "rows.jsonl.\(ending)", program) {
        _ = try TrainingSet(DataSelection(files: [packed.path]), .pairs, tokenization)
      }
    }
  }

  @Test func `Rows are chosen by number, count and source`() throws {
    let lines = (0..<100).map { #"{"anchor": "one \#($0)", "positive": "two \#($0)", "source": "s\#($0 % 4)"}"# }
    func numbers(_ change: (inout DataSelection) -> Void) throws -> [Int32] {
      try load(lines, .pairs, change).places.map { $0.line - 1 }
    }
    #expect(try numbers { ($0.every, $0.offset) = (30, 7) } == [7, 37, 67, 97])
    #expect(try numbers { ($0.every, $0.offset, $0.limit) = (30, 7, 2) } == [7, 37])
    #expect(try numbers { ($0.every, $0.sources) = (5, ["s1", "s2"]) } == [5, 10, 25, 30, 45, 50, 65, 70, 85, 90])
  }

  @Test func `Columns may have any names, and their order is the order of the texts`() throws {
    let lines = [#"{"title": "one", "body": "two", "other": "three"}"#]
    let set = try load(lines) { $0.columns = ["body", "title"] }
    #expect(set.columns.map(\.name) == ["body", "title"])
    #expect(Array(set.columns[0][0]) == tokenization.ids(of: "two"))
    expectError(.malformedFile, "line 1", "texts anker", "body, other, title") {
      _ = try load(lines) { $0.columns = ["body", "anker"] }
    }
  }

  @Test func `Missing columns, single columns and empty texts are named`() throws {
    expectError(.malformedFile, "line 1", "anchor and positive", "text") { _ = try load([#"{"text": "one"}"#]) }
    expectError(.malformedFile, "line 2", "\"positive\"") {
      _ = try load([Self.rows[0], #"{"anchor": "one", "negative": "two"}"#])
    }
    expectError(.malformedFile, "line 2", "\"positive\"") {
      _ = try load([Self.rows[0], #"{"anchor": "one", "positive": null, "negative": "two"}"#])
    }
    let set = try load([
      #"{"anchor": "one", "positive": "two"}"#, #"{"anchor": " \n", "positive": "two"}"#,
      #"{"anchor": "three", "positive": ""}"#, #"{"anchor": "four", "positive": "four"}"#,
    ])
    #expect(set.count == 1)
    #expect(set.notes == ["2 rows with an empty text left out", "1 rows whose texts are the same left out"])
    expectError(.malformedFile, "rows to learn from") { _ = try load([#"{"anchor": "", "positive": "two"}"#]) }
    expectError(.malformedFile, "rows to learn from") { _ = try load([""]) }
  }

  @Test func `Scores are finite numbers`() throws {
    let scored = #"{"sentence1": "one", "sentence2": "two", "score": 0.5}"#
    #expect(try load([scored, scored]).scores == [0.5, 0.5])
    for wrong in ["NaN", "Infinity", "-Infinity", "1e999"] {
      expectError(.notFinite, "line 2", "score") {
        _ = try load([scored, #"{"sentence1": "one", "sentence2": "two", "score": \#(wrong)}"#])
      }
    }
    expectError(.malformedFile, "line 2", "score") { _ = try load([scored, #"{"sentence1": "a", "sentence2": "b"}"#]) }
    let table = try load(["score\tsentence1\tsentence2", "4.5\tone\ttwo", "1\tthree\tfour"], named: "pairs.tsv")
    #expect(table.scores == [4.5, 1])
    #expect(Array(table.columns[1][1]) == tokenization.ids(of: "four"))
  }

  @Test func `Single texts come out of every column`() throws {
    let set = try load([#"{"anchor": "one", "positive": "two"}"#, #"{"anchor": "", "positive": "three"}"#], .texts)
    #expect(set.count == 3 && set.columns.count == 1)
    #expect(Array(set.columns[0][2]) == tokenization.ids(of: "three"))
  }

  @Test func `Held-out rows share no first text with the others, whatever the order of the rows`() throws {
    let lines = (0..<300).map { #"{"anchor": "one \#($0 / 3)", "positive": "two \#($0)"}"# }
    let set = try load(lines)
    let (learnt, heldOut) = try set.split(heldOut: 0.1, seed: 3)
    #expect(learnt.count + heldOut.count == 300 && (30..<33).contains(heldOut.count))
    func anchors(_ rows: [Int32], _ set: TrainingSet) -> Set<UInt64> {
      Set(rows.map { set.columns[0].hashes[Int($0)] })
    }
    #expect(anchors(learnt, set).isDisjoint(with: anchors(heldOut, set)))
    let reversed = try load(lines.reversed())
    #expect(anchors(try reversed.split(heldOut: 0.1, seed: 3).heldOut, reversed) == anchors(heldOut, set))
    #expect(anchors(try set.split(heldOut: 0.1, seed: 4).heldOut, set) != anchors(heldOut, set))
    #expect(try set.split(heldOut: 0, seed: 3).heldOut == [])
    expectError(.invalidArgument, "300") { _ = try set.split(heldOut: 300, seed: 0) }
  }

  @Test func `Sequences of a length hold the tokens of all texts, ended by the separator`() throws {
    try Fixture.withTemporaryFolder { folder in
      let tokenizer = try SpikeTokenizer(contentsOf: Fixture.url("spikewhale-tiny/tokenizer.json"))
      let (text, rows) = (folder.appendingPathComponent("a.txt"), folder.appendingPathComponent("b.jsonl"))
      let words = (0..<30_000).map { "word \($0)" }.joined(separator: "\n") + "\n"
      try Data(words.utf8).write(to: text)
      try Data("{\"text\": \"one two\"}\n{\"text\": \"three\"}\n".utf8).write(to: rows)
      let selection = DataSelection(files: [text.path, rows.path])
      let set = try TrainingSet(sequencesOf: 10, selection, tokenizer, separator: 3)
      var whole = set.columns[0].ids
      #expect(whole.count == 10 * set.count && set.columns[0][1].count == 10)
      whole.removeAll { $0 == 3 }
      // Nothing is lost between the pieces of a long text.
      #expect(tokenizer.decode(whole).hasPrefix(words))
      #expect(set.columns[0].ids.count { $0 == 3 } >= 2)
      expectError(.invalidArgument, "100000000 tokens") {
        _ = try TrainingSet(sequencesOf: 100_000_000, selection, tokenizer, separator: 3)
      }
    }
  }

  @Test func `Rows of some sources are conversations, the others texts`() throws {
    try Fixture.withTemporaryFolder { folder in
      let tokenizer = try SpikeTokenizer(contentsOf: Fixture.url("spikewhale-tiny/tokenizer.json"))
      let rows = folder.appendingPathComponent("rows.jsonl")
      let lines = [
        #"{"anchor": "a title", "positive": "a text", "source": "page"}"#,
        #"{"anchor": "who?", "positive": "a <|im_end|> whale", "source": "talk"}"#,
      ]
      try Data(lines.joined(separator: "\n").utf8).write(to: rows)
      var selection = DataSelection(
        files: [rows.path], columns: ["positive"], turns: ["anchor", "positive"], conversations: ["talk"])
      func ids(_ length: Int) throws -> [TokenID] {
        try TrainingSet(sequencesOf: length, selection, tokenizer, separator: 3).columns[0].ids
      }
      let form = try ChatML(tokenizer, named: "test")
      // What is spelt in a turn does not end it.
      let talk = [ChatMessage(.user, "who?"), ChatMessage(.assistant, "a <|im_end|> whale")].flatMap(form.tokens) + [3]
      let page = tokenizer.encode("a text") + [3]
      #expect(try ids(page.count + talk.count) == page + talk)
      // Without sources all rows are conversations, and need no other column.
      (selection.columns, selection.conversations) = ([], [])
      let first = [ChatMessage(.user, "a title"), ChatMessage(.assistant, "a text")].flatMap(form.tokens) + [3]
      #expect(try ids(first.count + talk.count) == first + talk)
      // A column that is not there is named.
      selection.turns = ["anchor", "answer"]
      expectError(.malformedFile, "answer", "anchor, positive, source") { _ = try ids(2) }
    }
  }

  @Test func `Conversations are for language models, and have turns`() {
    var recipe = Recipe(.sse)
    (recipe.data, recipe.turns) = (["rows.jsonl"], ["anchor", "positive"])
    expectError(.invalidArgument, "turns", "sse") { _ = try TrainingSetup(recipe) }
    recipe = Recipe(.lm)
    (recipe.data, recipe.conversations) = (["rows.jsonl"], ["talk"])
    expectError(.invalidArgument, "conversations", "turns") { _ = try TrainingSetup(recipe) }
  }
}

@Suite("Texts cut to characters") struct CutTextTests {
  @Test func textsEndWithAWord() {
    let row = DataRow(texts: ["one two  three", "überall", "short"])
    #expect(row.cut(to: nil).texts == row.texts)
    #expect(row.cut(to: 10).texts == ["one two", "überall", "short"])
    #expect(row.cut(to: 3).texts == ["one", "übe", "sho"])
    #expect(row.cut(to: 100).texts == row.texts)
  }
}
