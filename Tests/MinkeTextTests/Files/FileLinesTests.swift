import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

@Suite struct FileLinesTests {
  private func lines(_ text: String) -> FileLines {
    var pieces = Array(text.utf8).map { [$0] }[...]
    return FileLines(name: "a.jsonl") { pieces.popFirst() }
  }

  @Test func `lines come whole, whatever the pieces, and are counted`() throws {
    var lines = lines("\u{FEFF}one\n\nthree\u{FEFF}\r\nfour")
    var found: [String] = []
    while let line = try lines.next() { found.append("\(lines.subject): \(String(decoding: line, as: UTF8.self))") }
    #expect(
      found == [
        "a.jsonl, line 1: one", "a.jsonl, line 2: ", "a.jsonl, line 3: three\u{FEFF}\r", "a.jsonl, line 4: four",
      ])
  }

  @Test func `an error of JSON says its line once`() throws {
    var wrong = lines("{}\n \n{\"a\": \n")
    let error = #expect(throws: MinkeError.self) { try wrong.nextJSON(10) }
    #expect(error?.subject == "a.jsonl, line 3, byte 6")
    var right = lines("\n{\"a\": 1}\n2")
    let values = try #require(try right.nextJSON(10))
    #expect(values.map(\.value) == [["a": 1], 2])
    #expect(values.map(\.line.subject) == ["a.jsonl, line 2", "a.jsonl, line 3"])
    #expect(try right.nextJSON(10) == nil)
  }

  @Test func `what cannot be read is an error that says why`() throws {
    let missing = #expect(throws: MinkeError.self) { try FileLines(contentsOf: FilePath("/no/such/file")) }
    #expect(missing?.kind == .notFound)
    try Fixture.withTemporaryFolder { folder in
      let error = #expect(throws: MinkeError.self) { try FileLines(contentsOf: FilePath(folder.path)) }
      #expect(error?.found == "a folder")
    }
  }
}
