import Foundation
import Minke
import MinkeTestSupport
import Testing

struct PassageSearchTests {
  private static let encoder = Result { try ModelLibrary.textEncoder() }

  private let documents = [
    Document(id: "sea", text: "The captain hunts the white whale.\r\n\r\nA storm broke the mast of the ship."),
    Document(id: "kitchen", text: "Bread rises because of yeast."),
    Document(id: "empty", text: ""),
  ]

  @Test func `texts are found by meaning, with their places`() throws {
    let search = try PassageSearch(encoder: Self.encoder.get())
    #expect(try search.search("whale").isEmpty)
    #expect(try search.add(documents).documents == 3)
    #expect(search.documentCount == 3 && search.passageCount == 2)
    let found = try search.search("how dough rises", k: 5)
    #expect(found.count == 2)
    #expect(found[0].document == "kitchen" && found[0].text == "Bread rises because of yeast." && found[0].path == nil)
    #expect(found[0].score > found[1].score && found[0].score <= 1)
    #expect(found[1].passage == Passage(byteRange: 0..<73, lines: 1...3))
  }

  @Test func `documents are added, replaced and removed`() throws {
    let search = try PassageSearch(encoder: Self.encoder.get())
    try search.add(documents)
    try search.add([Document(id: "kitchen", text: "A detective looks at footprints.")])
    #expect(search.documentCount == 3 && search.passageCount == 2)
    #expect(try search.search("bread and yeast", k: 9).allSatisfy { !$0.text.contains("yeast") })
    #expect(try search.search("an investigator", k: 1)[0].document == "kitchen")
    #expect(try search.remove("kitchen") && !search.remove("kitchen"))
    #expect(!search.contains("kitchen") && search.contains("empty"))
    #expect(try search.search("an investigator", k: 9).map(\.document) == ["sea"])
    #expect(try search.remove("sea") && search.remove("empty"))
    #expect(try search.search("anything").isEmpty)
  }

  @Test func `threshold and maximum per document hold, and what was left out makes room`() throws {
    let search = try PassageSearch(encoder: Self.encoder.get())
    let whales = (0..<30).map { "# Part \($0)\n\nThe white whale swims, number \($0).\n" }.joined(separator: "\n")
    try search.add([
      Document(id: "whales", text: whales, format: .markdown), Document(id: "ship", text: "A ship at sea."),
      Document(id: "law", text: "The contract is void."),
    ])
    let all = try search.search(["the white whale"], options: SearchOptions(k: 100, mode: .meaning))[0]
    #expect(all.count == 32 && zip(all, all.dropFirst()).allSatisfy { $0.score >= $1.score })
    let few = try search.search(
      ["the white whale"], options: SearchOptions(k: 3, maximumPerDocument: 1, mode: .meaning))[0]
    #expect(few.map(\.document) == ["whales", "ship", "law"])
    #expect(few[0] == all[0])
    let two = try search.search(
      ["the white whale"], options: SearchOptions(k: 4, maximumPerDocument: 2, mode: .meaning))[0]
    #expect(two.prefix(2).map(\.document) == ["whales", "whales"] && two.count == 4)
    let threshold = all[4].score
    let best = try search.search(
      ["the white whale"], options: SearchOptions(k: 100, threshold: threshold, mode: .meaning))[0]
    #expect(best == all.filter { $0.score >= threshold })
    for options in [SearchOptions(k: 0), SearchOptions(maximumPerDocument: 0), SearchOptions(threshold: .nan)] {
      #expect(throws: MinkeError.self) { try search.search(["x"], options: options) }
    }
  }

  @Test func `one pass finds what a search over held documents finds`() throws {
    let books = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Examples/books/time-machine.txt").path
    let encoder = try Self.encoder.get()
    for encoder in [encoder, try BinarizedEncoder(encoder)] as [any TextEncoder] {
      let queries = ["the future of mankind", "a fire in the forest"]
      let held = try PassageSearch(paths: [books], encoder: encoder)
      for options in [SearchOptions(k: 7), SearchOptions(k: 5, threshold: 0.2, maximumPerDocument: 3)] {
        let sources = try TextFileWalker([FilePath(books)]).files.map { DocumentSource.file($0) }
        let found = try OnePassSearch(queries, encoder: encoder, options: options).run(sources).found
        let expected = try held.search(queries, options: options)
        #expect(found.map { $0.map(\.passage) } == expected.map { $0.map(\.passage) })
        for (mine, theirs) in zip(found.joined(), expected.joined()) {
          #expect(mine.text == theirs.text && abs(mine.score - theirs.score) < 1e-5)
        }
      }
    }
  }

  @Test func `a file is shown as it was read, whatever became of it`() throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.txt")
      try Data("The captain hunts the white whale.".utf8).write(to: file)
      let search = try PassageSearch(paths: [folder.path], encoder: Self.encoder.get())
      try Data("Something else.".utf8).write(to: file)
      let found = try search.search("whale", k: 1)
      #expect(found[0].text == "The captain hunts the white whale." && found[0].path == FilePath(file.path))
      try search.add(paths: [FilePath(file.path)])
      #expect(try search.search("whale").map(\.text) == ["Something else."])
      let report = try search.add(paths: [FilePath(folder.path)], selection: FileSelection(types: ["md"]))
      #expect(report.documents == 0 && report.skipped.map(\.reason) == [.otherType])
    }
  }

  @Test func `adding and searching at once is safe`() async throws {
    let search = try PassageSearch(encoder: Self.encoder.get())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<4 {
        group.addTask {
          for round in 0..<20 {
            try await search.add([Document(id: "\(worker)", text: "Whale \(round) of worker \(worker).")])
            for found in try await search.search("whale", k: 8) { #expect(found.text.contains("Whale")) }
            if round % 3 == 0 { try search.remove("\(worker)") }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(search.documentCount == 4 && search.passageCount == 4)
  }

  @Test func `queries and documents have the model's prompts before them`() throws {
    try Fixture.withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try FileManager.default.copyItem(at: Fixture.url("static-embedding-tiny"), to: model)
      let plain = try ModelLibrary.textEncoder(model.path)
      let prompts = #"{"prompts": {"query": "asked: ", "document": "told: "}, "default_prompt_name": null}"#
      try Data(prompts.utf8).write(to: model.appendingPathComponent("config_sentence_transformers.json"))
      let encoder = try ModelLibrary.textEncoder(model.path)
      let (question, answer) = ("where whales sing", "Whales sing in the deep sea.")
      let expected = try plain.encode(["asked: " + question]).similarities(to: plain.encode(["told: " + answer]))[0]
      let bare = try plain.encode([question]).similarities(to: plain.encode([answer]))[0]
      #expect(abs(expected - bare) > 1e-4)

      let search = try PassageSearch(encoder: encoder)
      try search.add([Document(id: "sea", text: answer)])
      let options = SearchOptions(mode: .meaning)
      #expect(try abs(search.search([question], options: options)[0][0].score - expected) < 1e-6)
      let once = try OnePassSearch([question], encoder: encoder, options: options).run([
        .text(Document(id: "sea", text: answer))
      ])
      #expect(abs(once.found[0][0].score - expected) < 1e-6)
      #expect(try encoder.encode([question], role: .query) == plain.encode(["asked: " + question]))
      #expect(try encoder.encode([question]) == plain.encode([question]))
    }
  }
}
