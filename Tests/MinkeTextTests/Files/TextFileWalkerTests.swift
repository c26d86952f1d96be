import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct TextFileWalkerTests {
  /// Writes files, the folders they need included, and returns their folder's path.
  private func write(_ files: [String: String], in folder: URL) throws -> String {
    for (name, text) in files {
      let file = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return folder.path
  }

  private func walk(_ paths: [String], _ selection: FileSelection = FileSelection()) throws -> TextFileWalker {
    try TextFileWalker(paths.map { FilePath($0) }, selection: selection)
  }

  private func found(_ walker: TextFileWalker, below root: String) -> [String] {
    walker.files.map { String($0.path.description.dropFirst(root.count + 1)) }
  }

  private func reasons(_ walker: TextFileWalker, below root: String) -> [String: SkipReason] {
    Dictionary(
      walker.skipped.map { (String($0.path.description.dropFirst(root.count + 1)), $0.reason) },
      uniquingKeysWith: { $1 })
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
      let walker = try walk([root])
      #expect(
        found(walker, below: root) == [
          "Z.txt", "a/B.txt", "a/deep/x.log", "a/out/b.txt", "a/x.log", "a/z.txt", "b.txt", "keep.log", "secret",
        ])
      #expect(try walk([root + "/"]).files == walker.files)
      let reasons = reasons(walker, below: root)
      #expect(reasons[".hidden"] == .hidden)
      #expect(reasons["x.log"] == .ignored(by: root + "/.gitignore", line: 1))
      #expect(reasons["out"] == .ignored(by: root + "/.gitignore", line: 2))
      #expect(reasons["a/deep/secret"] == .ignored(by: root + "/a/.gitignore", line: 2))
    }
  }

  @Test func `rules of the folders above, of info/exclude and of .ignore hold`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(
        [
          "above/.gitignore": "*.md\n", "above/repo/.git/info/exclude": "private\n*.c\n",
          "above/repo/.gitignore": "*.log\n!kept.c\n", "above/repo/.ignore": "!wanted.log\n/src/drafts\n",
          "above/repo/src/a.log": "", "above/repo/src/wanted.log": "", "above/repo/src/drafts/d.txt": "",
          "above/repo/src/private/p.txt": "", "above/repo/src/note.md": "", "above/repo/src/kept.c": "",
          "above/repo/src/x.c": "", "above/repo/src/inner/.git/HEAD": "", "above/repo/src/inner/i.log": "",
        ], in: folder)
      let src = root + "/above/repo/src"
      // The inner repository has rules of its own only, but a .ignore is not one of git's.
      #expect(found(try walk([src]), below: src) == ["inner/i.log", "kept.c", "note.md", "wanted.log"])
      #expect(
        found(try walk([root + "/above/repo"]), below: src) == ["inner/i.log", "kept.c", "note.md", "wanted.log"])
      let all = try walk([src], FileSelection(followsIgnoreFiles: false))
      #expect(all.files.count == 8)
    }
  }

  @Test func `the exclude file of a work tree is that of its repository`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(
        [
          "main/.git/info/exclude": "secret\n", "main/.git/worktrees/w/commondir": "../..\n",
          "tree/.git": "gitdir: \(folder.path)/main/.git/worktrees/w\n", "tree/secret": "", "tree/open": "",
        ], in: folder)
      #expect(found(try walk([root + "/tree"]), below: root) == ["tree/open"])
    }
  }

  @Test func `globs take in and leave out, the last that matches decides`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(
        [
          ".gitignore": "*.log\n", "a.swift": "", "b.md": "", "c.log": "", "sub/d.md": "", "sub/e.swift": "",
          ".hidden.md": "", "drafts/f.md": "", "README.markdown": "",
        ], in: folder)
      func names(_ globs: String..., types: [String] = []) throws -> [String] {
        found(try walk([root], FileSelection(globs: globs, types: types)), below: root)
      }
      #expect(try names("*.md", "!drafts/") == [".hidden.md", "b.md", "sub/d.md"])
      #expect(try names("!*.md") == ["README.markdown", "a.swift", "sub/e.swift"])
      #expect(try names("*.log") == ["c.log"])
      #expect(try names("!*.md", "b.md") == ["b.md"])
      #expect(
        try names("*.{md,swift}", "!**/{drafts,sub}/{d,f}.*") == [".hidden.md", "a.swift", "b.md", "sub/e.swift"])
      #expect(try names("**/{sub/{d,e},b}.md", "[{]x") == ["b.md", "sub/d.md"])
      #expect(try names(#"\{b,c\}.md"#).isEmpty)
      #expect(try names(types: ["md"]) == ["README.markdown", "b.md", "drafts/f.md", "sub/d.md"])
      #expect(try names(types: ["swift", "md"]).count == 6)
      let hidden = try walk([root], FileSelection(includesHidden: true))
      #expect(found(hidden, below: root).prefix(2) == [".gitignore", ".hidden.md"])
      let many = String(repeating: "{a,b}", count: 60)
      for (wrong, word) in [
        (FileSelection(globs: ["[a"]), "[a"), (FileSelection(globs: ["{a,b"]), "{a,b"),
        (FileSelection(globs: [many]), "{a,b}"), (FileSelection(types: ["cobol"]), "cobol"),
      ] {
        let error = #expect(throws: MinkeError.self) { try walk([root], wrong) }
        #expect(error?.found.contains(word) == true)
      }
    }
  }

  @Test func `a file or folder that is named is taken though hidden or ignored, and once`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write([".gitignore": "*\n", ".notes/a.txt": "a", "b.txt": "b", ".c": "c"], in: folder)
      let walker = try walk(
        [root + "/b.txt", root + "/.c", root + "/.notes", root + "/.notes/a.txt", root, root + "/b.txt"])
      #expect(found(walker, below: root) == ["b.txt", ".c", ".notes/a.txt"])
    }
  }

  @Test func `links to folders are not entered, links to files are read once`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(["a/b/c.txt": "c", "elsewhere/d.txt": "d"], in: folder)
      let manager = FileManager.default
      try manager.createSymbolicLink(atPath: root + "/a/b/loop", withDestinationPath: root + "/a")
      try manager.createSymbolicLink(atPath: root + "/a/nothing", withDestinationPath: "gone")
      try manager.createSymbolicLink(atPath: root + "/a/e.txt", withDestinationPath: root + "/elsewhere/d.txt")
      try manager.createSymbolicLink(atPath: root + "/named", withDestinationPath: root + "/a")
      let walker = try walk([root])
      #expect(found(walker, below: root) == ["a/b/c.txt", "a/e.txt"])
      let reasons = reasons(walker, below: root)
      #expect(reasons["a/b/loop"] == .linkToFolder)
      #expect(reasons["a/nothing"] == .gone)
      #expect(reasons["elsewhere/d.txt"] == .readAlready)
      #expect(found(try walk([root + "/named"]), below: root).first == "named/b/c.txt")
    }
  }

  @Test func `what is no plain file and what may not be listed is said, and nothing waits`() throws {
    try Fixture.withTemporaryFolder { folder in
      let root = try write(["a.txt": "a", "locked/b.txt": "b"], in: folder)
      #expect(mkfifo(root + "/pipe", 0o600) == 0)
      chmod(root + "/locked", 0)
      defer { chmod(root + "/locked", 0o700) }
      let walker = try walk([root, root + "/pipe"])
      #expect(reasons(walker, below: root)["pipe"] == .notPlainFile("a pipe"))
      // The superuser may list every folder.
      if geteuid() != 0 {
        let reason = try #require(reasons(walker, below: root)["locked"])
        #expect(reason.isFailure && reason.description == "permission denied")
        #expect(found(walker, below: root) == ["a.txt"])
      }
    }
  }

  @Test func `a name that is not UTF-8 is walked, read and shown`() throws {
    try Fixture.withTemporaryFolder { folder in
      let name = Array((folder.path + "/caf").utf8) + [0xe9, 0x2e, 0x74, 0x78, 0x74]
      let path = FilePath(bytes: name)
      let file = path.withCString { fopen($0, "w") }
      // Some file systems take names of UTF-8 only.
      guard let file else { return }
      fputs("a text", file)
      fclose(file)
      let walker = try walk([folder.path])
      #expect(walker.files.map(\.path) == [path])
      #expect("\(walker.files[0].path)".hasSuffix("/caf\\xE9.txt"))
      #expect(!path.isUTF8)
      var reader = try TextFileReader(path)
      var text: [UInt8] = []
      try reader.read(100, into: &text)
      #expect(text.elementsEqual("a text".utf8) && reader.isAtEnd)
    }
  }

  @Test func `a path that does not exist is an error that names it`() throws {
    let error = #expect(throws: MinkeError.self) { try walk(["/nonexistent/minke"]) }
    #expect(error?.kind == .notFound)
    #expect(error?.subject == "/nonexistent/minke")
  }

  @Test func `the empty path is the current folder, and its files are named without it`() throws {
    let walker = try walk([""])
    #expect(!walker.files.isEmpty)
    #expect(walker.files.allSatisfy { !$0.path.bytes.starts(with: "./".utf8) && !$0.path.bytes.starts(with: "/".utf8) })
  }
}
