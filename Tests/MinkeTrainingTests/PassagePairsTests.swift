import Foundation
import MinkeCore
import MinkeModels
import MinkeStore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

@Suite("Pairs out of one's own documents") struct PassagePairsTests {
  @Test func aSentenceIsTakenOutOfItsPassage() throws {
    let text = "The whale is a mammal of the sea. “It breathes air!” So said the old captain to the boy at the mast."
    let (sentence, rest) = try #require(PassagePairs.split(text))
    #expect(text.contains(sentence) && !rest.contains(sentence))
    #expect(sentence.count + rest.count >= text.count - 2)
    #expect(PassagePairs.split(text)?.sentence == sentence)
    #expect(PassagePairs.split("One sentence alone, however long it may be, has no passage around it.") == nil)
    #expect(PassagePairs.split("Short. Too short.") == nil)
  }

  @Test func aFolderBecomesRows() throws {
    try Fixture.withTemporaryFolder { folder in
      let paragraph = "<p>Whales are mammals that live in the open sea. They breathe air through a hole.</p>"
      let page = "<html><body><h1>Whales</h1>\(String(repeating: paragraph, count: 40))</body></html>"
      try page.write(to: folder.appendingPathComponent("whales.html"), atomically: true, encoding: .utf8)
      let text = (0..<60).map { "Sentence number \($0) speaks of harpoons, ropes and boats at great length." }
      try text.joined(separator: " ").write(
        to: folder.appendingPathComponent("boats.txt"), atomically: true, encoding: .utf8)
      let rows = try PassagePairs.rows(of: folder.path)
      #expect(Set(rows.map(\.source)) == ["heading", "sentence", "neighbor"])
      #expect(rows.contains { $0.source == "heading" && $0.texts[0] == "Whales" && $0.texts[1].contains("mammals") })
      #expect(rows.allSatisfy { $0.texts.count == 2 })
      #expect(PassagePairs.takes(folder.path) && PassagePairs.takes("a/notes.md") && !PassagePairs.takes("a.jsonl.xz"))

      // As the data of a run.
      let set = try TrainingSet(
        DataSelection(files: [folder.path], sources: ["sentence"]), .pairs, ModelLibrary.tokenization())
      #expect(set.count == rows.filter { $0.source == "sentence" }.count)
      #expect(throws: MinkeError.self) { try PassagePairs.rows(of: folder.path + "/nothing") }
    }
  }

  @Test func aCollectionGivesTheRowsOfItsFiles() throws {
    try Fixture.withTemporaryFolder { folder in
      let files = folder.appendingPathComponent("files")
      try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
      for name in ["a", "b"] {
        let text = (0..<40).map { "Sentence number \($0) of \(name) speaks of harpoons, ropes and boats at length." }
        try "# Boats of \(name)\n\n\(text.joined(separator: " "))\n".write(
          to: files.appendingPathComponent("\(name).md"), atomically: true, encoding: .utf8)
      }
      let path = folder.appendingPathComponent("notes.minke").path
      let collection = try Collection.open(path, encoder: ModelLibrary.textEncoder())
      _ = try collection.index([FilePath(files.path)])
      try collection.close()
      #expect(PassagePairs.takes(path))
      let (kept, read) = (try PassagePairs.rows(of: path), try PassagePairs.rows(of: files.path))
      #expect(kept.count > 4 && kept.map(\.texts) == read.map(\.texts) && kept.map(\.source) == read.map(\.source))
    }
  }
}
