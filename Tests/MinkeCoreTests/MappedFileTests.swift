import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@Suite struct MappedFileTests {
  @Test func `The bytes outlive the file's name`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("file")
      try Data("content".utf8).write(to: url)
      let file = try MappedFile(url)
      try FileManager.default.removeItem(at: url)
      #expect(String(decoding: file.bytes, as: UTF8.self) == "content")
    }
  }

  @Test func `An empty file has no bytes, and a missing one is an error`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("file")
      #expect(throws: MinkeError.self) { try MappedFile(url) }
      try Data().write(to: url)
      #expect(try MappedFile(url).bytes.count == 0)
      let error = #expect(throws: MinkeError.self) { try MappedFile(folder) }
      #expect(error?.found == "a folder")
      #expect(throws: MinkeError.self) { try MappedFile(URL(fileURLWithPath: "/dev/null")) }
    }
  }

  @Test(.timeLimit(.minutes(15))) func `A pipe is refused at once`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("pipe")
      #expect(mkfifo(url.path, 0o600) == 0)
      let error = #expect(throws: MinkeError.self) { try MappedFile(url) }
      #expect(error?.found == "a pipe")
    }
  }

  @Test func `Too many open files are told as what they are`() {
    let error = MinkeError.systemCall(EMFILE, "x", expected: "a readable file")
    #expect(error.kind == .inputOutput && error.found.contains("open file") && error.found.contains("ulimit"))
  }

  @Test func `An error says the same in every way`() {
    let error = MinkeError(.notFound, "x", expected: "a file", found: "none")
    #expect(error.localizedDescription == "x: expected a file, found none")
    #expect((error as any Error).localizedDescription == error.description)
  }
}
