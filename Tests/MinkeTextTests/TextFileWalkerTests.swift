import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

struct TextFileWalkerTests {
  /// Writes files, the folders they need included, and returns their folder's path.
  private func write(_ files: [String: String], in folder: URL) throws -> String {
    for (name, text) in files { try write(Data(text.utf8), name, in: folder) }
    return folder.path
  }

  private func write(_ data: Data, _ name: String, in folder: URL) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
  }

  private func found(_ walker: TextFileWalker, below root: String) -> [String] {
    walker.files.map { String($0.dropFirst(root.count + 1)) }
  }

  @Test func `files come in byte order, hidden and ignored ones left out`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(
        [
          "b.txt": "b", "a/z.txt": "z", "a/B.txt": "B", "Z.txt": "Z", ".hidden": "h", ".git/config": "c",
          ".build/x": "x",
          ".gitignore": "*.log\n/out/\n!keep.log\n", "x.log": "l", "keep.log": "k", "out/a.txt": "o",
          "a/out/b.txt": "o",
          "a/.gitignore": "!x.log\nsecret\n", "a/x.log": "kept by the inner file", "a/deep/secret": "s",
          "a/deep/x.log": "kept too", "secret": "not ignored here", "nothing/.gitignore": "*\n!.gitignore\n",
          "nothing/n.txt": "n",
        ], in: folder)
      let walker = try TextFileWalker([root])
      #expect(
        found(walker, below: root) == [
          "Z.txt", "a/B.txt", "a/deep/x.log", "a/out/b.txt", "a/x.log", "a/z.txt", "b.txt", "keep.log", "secret",
        ])
      #expect(try TextFileWalker([root + "/"]).files == walker.files)
    }
  }

  @Test func `a file or folder that is named is taken though hidden or ignored, and once`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write([".gitignore": "*\n", ".notes/a.txt": "a", "b.txt": "b", ".c": "c"], in: folder)
      let walker = try TextFileWalker(
        [root + "/b.txt", root + "/.c", root + "/.notes", root + "/.notes/a.txt", root, root + "/b.txt"])
      #expect(found(walker, below: root) == ["b.txt", ".c", ".notes/a.txt"])
    }
  }

  @Test func `what is not UTF-8 text is counted and not read`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(["a.txt": "naïve", "empty.txt": "", "later.txt": "gone soon"], in: folder)
      try write(Data([0x61, 0, 0x62]), "nul", in: folder)
      try write(Data([0x61, 0xff, 0x62]), "latin1", in: folder)
      try write("text".data(using: .utf16)!, "utf16", in: folder)
      try write(Data([0xef, 0xbb, 0xbf, 0x68, 0x69]), "mark", in: folder)
      #expect(mkfifo(root + "/pipe", 0o600) == 0)
      let walker = try TextFileWalker([root])
      try FileManager.default.removeItem(atPath: root + "/later.txt")
      var texts: [String] = []
      var sizes: [Int] = []
      let counts = try walker.readEach { file in
        texts.append(file.text)
        sizes.append(file.bytes.count)
      }
      #expect(texts == ["naïve", "", "hi"])
      #expect(sizes == [6, 0, 5])
      #expect(counts.read == 3)
      #expect(counts.skippedBinary == 3)
      #expect(counts.skippedUnreadable == 2)
    }
  }

  @Test func `links to folders are not entered, links to files are read once`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(["a/b/c.txt": "c", "elsewhere/d.txt": "d"], in: folder)
      let manager = FileManager.default
      try manager.createSymbolicLink(atPath: root + "/a/b/loop", withDestinationPath: root + "/a")
      try manager.createSymbolicLink(atPath: root + "/a/self", withDestinationPath: "self")
      try manager.createSymbolicLink(atPath: root + "/a/e.txt", withDestinationPath: root + "/elsewhere/d.txt")
      try manager.createSymbolicLink(atPath: root + "/named", withDestinationPath: root + "/a")
      let walker = try TextFileWalker([root])
      #expect(found(walker, below: root) == ["a/b/c.txt", "a/e.txt", "a/self"])
      #expect(try walker.readEach { _ in }.skippedUnreadable == 1)
      #expect(found(try TextFileWalker([root + "/named"]), below: root).first == "named/b/c.txt")
    }
  }

  @Test func `a path that does not exist is an error that names it`() throws {
    let error = #expect(throws: MinkeError.self) { try TextFileWalker(["/nonexistent/minke"]) }
    #expect(error?.kind == .notFound)
    #expect(error?.subject == "/nonexistent/minke")
  }

  @Test func `a file longer than one piece is read whole`() throws {
    try Fixture.withTemporaryFolder { folder in
      let text = String(repeating: "line of text\n", count: 20_000)
      let root = try write(["long.txt": text], in: folder)
      guard case .text(let file) = TextFile.read(root + "/long.txt") else {
        Issue.record("not read as text")
        return
      }
      #expect(file.text == text)
    }
  }
}
