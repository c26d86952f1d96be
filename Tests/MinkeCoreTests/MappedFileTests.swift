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
}
