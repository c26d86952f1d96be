import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@Suite struct FileWriterTests {
  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func `A file appears when it is finished, and not before`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("out")
      var writer = try FileWriter(url)
      try writer.write("small ")
      let large = [UInt8](repeating: 0x61, count: 200_000)
      try large.withUnsafeBytes { try writer.write($0) }
      try writer.write(" end")
      #expect(!FileManager.default.fileExists(atPath: url.path))
      try writer.finish()
      #expect(try Data(contentsOf: url) == Data("small ".utf8) + Data(large) + Data(" end".utf8))
      #expect(try names(folder) == ["out"])
    }
  }

  @Test func `A file that is not finished leaves the old one and nothing else`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("out")
      try Data("old".utf8).write(to: url)
      do {
        var writer = try FileWriter(url)
        try writer.write("new")
      }
      #expect(try Data(contentsOf: url) == Data("old".utf8))
      #expect(try names(folder) == ["out"])
    }
  }

  @Test func `A symbolic link stays one, and its file is replaced`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (link, file) = (folder.appendingPathComponent("link"), folder.appendingPathComponent("file"))
      try Data("old".utf8).write(to: file)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      var writer = try FileWriter(link)
      try writer.write("new")
      try writer.finish()
      #expect(try Data(contentsOf: file) == Data("new".utf8))
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == file.path)
    }
  }

  @Test func `Places that take no file are errors`() throws {
    try Fixture.withTemporaryFolder { folder in
      #expect(throws: MinkeError.self) { _ = try FileWriter(folder) }
      let error = #expect(throws: MinkeError.self) { _ = try FileWriter(folder.appendingPathComponent("no/file")) }
      #expect(error?.kind == .notFound)
    }
  }
}
