import Foundation
import MinkeTestSupport
import Testing

@testable import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct DraftsTests {
  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  private func write(_ text: String, to url: URL) throws {
    var writer = try FileWriter(url)
    try writer.write(text)
    try writer.finish()
  }

  private func status(_ url: URL) -> stat {
    var status = stat()
    _ = lstat(url.path, &status)
    return status
  }

  // MARK: Files

  @Test(arguments: [0o600, 0o640, 0o755] as [mode_t])
  func `A replaced file keeps its permissions`(mode: mode_t) throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("out")
      try Data("old".utf8).write(to: url)
      chmod(url.path, mode)
      try write("new", to: url)
      #expect(status(url).st_mode & 0o7777 == mode)
      #expect(try String(contentsOf: url, encoding: .utf8) == "new")
    }
  }

  @Test func `A draft is no more readable than the file it will replace`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("secret")
      try Data("old".utf8).write(to: url)
      chmod(url.path, 0o600)
      var writer = try FileWriter(url)
      try writer.write("new")
      try writer.flush()
      let draft = try #require(names(folder).first { $0.hasSuffix(".part") })
      #expect(status(folder.appendingPathComponent(draft)).st_mode & 0o777 == 0o600)
      try writer.finish()
    }
  }

  @Test func `All names of a file with hard links get the new bytes`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (first, second) = (folder.appendingPathComponent("first"), folder.appendingPathComponent("second"))
      for (old, new) in [("short", String(repeating: "long ", count: 50_000)), ("a longer old text", "new"), ("x", "")]
      {
        try Data(old.utf8).write(to: first)
        try? FileManager.default.removeItem(at: second)
        try FileManager.default.linkItem(at: first, to: second)
        let node = status(first).st_ino
        try write(new, to: first)
        #expect(status(first).st_ino == node && status(second).st_ino == node)
        #expect(try String(contentsOf: second, encoding: .utf8) == new)
        #expect(try names(folder) == ["first", "second"])
      }
    }
  }

  @Test func `Through links that lead on, and to a file not there yet, the last one's file is written`() throws {
    try Fixture.withTemporaryFolder { folder in
      let manager = FileManager.default
      let inner = folder.appendingPathComponent("inner")
      try manager.createDirectory(at: inner, withIntermediateDirectories: true)
      try manager.createSymbolicLink(
        atPath: folder.appendingPathComponent("a").path, withDestinationPath: "inner/b")
      try manager.createSymbolicLink(atPath: inner.appendingPathComponent("b").path, withDestinationPath: "file")
      try write("new", to: folder.appendingPathComponent("a"))
      #expect(try String(contentsOf: inner.appendingPathComponent("file"), encoding: .utf8) == "new")
      #expect(status(folder.appendingPathComponent("a")).st_mode & S_IFMT == S_IFLNK)
      #expect(try names(inner) == ["b", "file"])
    }
  }

  @Test func `A file that may not be written to is not replaced`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("read-only")
      try Data("old".utf8).write(to: url)
      chmod(url.path, 0o444)
      // The superuser may write to it.
      if access(url.path, W_OK) == 0 { return }
      #expect(throws: MinkeError.self) { try write("new", to: url) }
      #expect(try String(contentsOf: url, encoding: .utf8) == "old")
    }
  }

  @Test func `A header is written over at the end`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("out")
      var writer = try FileWriter(url)
      let canOverwrite = writer.canOverwrite
      #expect(canOverwrite)
      try writer.write("????")
      try writer.write(String(repeating: "x", count: 100_000))
      try writer.overwrite(Array("head".utf8), at: 0)
      let error = #expect(throws: MinkeError.self) { try writer.overwrite([1, 2], at: 100_003) }
      #expect(error?.kind == .invalidArgument)
      try writer.finish()
      let text = try String(contentsOf: url, encoding: .utf8)
      #expect(text.hasPrefix("headxx") && text.utf8.count == 100_004)
    }
  }

  // MARK: Folders

  @Test func `A folder appears whole or not at all`() throws {
    try Fixture.withTemporaryFolder { folder in
      let destination = folder.appendingPathComponent("above/model")
      struct Failure: Error {}
      #expect(throws: Failure.self) {
        try FolderWriter.write(to: destination) { draft in
          try write("a", to: draft.appendingPathComponent("a"))
          throw Failure()
        }
      }
      #expect(try names(folder.appendingPathComponent("above")).isEmpty)
      try FolderWriter.write(to: destination) { draft in
        try write("a", to: draft.appendingPathComponent("a"))
        #expect(!FileManager.default.fileExists(atPath: destination.path))
      }
      #expect(try names(destination) == ["a"])
      #expect(try names(folder.appendingPathComponent("above")) == ["model"])
    }
  }

  @Test func `What is there already is kept`() throws {
    try Fixture.withTemporaryFolder { folder in
      let manager = FileManager.default
      for name in ["folder", "file", "link"] {
        let url = folder.appendingPathComponent(name)
        switch name {
        case "folder": try manager.createDirectory(at: url, withIntermediateDirectories: true)
        case "file": try Data().write(to: url)
        default: try manager.createSymbolicLink(atPath: url.path, withDestinationPath: "nowhere")
        }
        let error = #expect(throws: MinkeError.self) { try FolderWriter.write(to: url) { _ in Issue.record("made") } }
        #expect(error?.expected == "a folder that does not exist yet")
      }
      #expect(try names(folder) == ["file", "folder", "link"])
    }
  }

  @Test func `A temporary folder is gone afterwards`() throws {
    let folder = try FolderWriter.withTemporaryFolder { folder in
      try Data("a".utf8).write(to: folder.appendingPathComponent("a"))
      return folder
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  // MARK: Leftovers

  /// The number of a process that has ended.
  private func endedProcess() throws -> pid_t {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "exit 0"]
    try process.run()
    process.waitUntilExit()
    return process.processIdentifier
  }

  @Test func `Drafts of a process that is gone are removed by the next writer, those of a living one are not`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (gone, living) = (try endedProcess(), getppid())
      try Data("half".utf8).write(to: folder.appendingPathComponent(".out.\(gone).abc.part"))
      let inner = folder.appendingPathComponent(".out.\(gone).def.part")
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
      try Data("half".utf8).write(to: inner.appendingPathComponent("file"))
      let kept = [".other.\(gone).abc.part", ".out.\(living).abc.part", ".out.abc.part", ".out.more.\(gone).abc.part"]
      for name in kept { try Data().write(to: folder.appendingPathComponent(name)) }
      try write("new", to: folder.appendingPathComponent("out"))
      #expect(try names(folder) == (kept + ["out"]).sorted())
    }
  }

  @Test func `A draft that somebody holds is not removed`() throws {
    try Fixture.withTemporaryFolder { folder in
      let draft = folder.appendingPathComponent(".out.\(try endedProcess()).abc.part")
      try Data("half".utf8).write(to: draft)
      let descriptor = open(draft.path, O_RDONLY)
      defer { close(descriptor) }
      #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
      try write("new", to: folder.appendingPathComponent("out"))
      #expect(try names(folder).count == 2)
    }
  }

  @Test func `The longest names have drafts too`() throws {
    try Fixture.withTemporaryFolder { folder in
      for name in [String(repeating: "n", count: 255), String(repeating: "鯨", count: 85)] {
        try write("new", to: folder.appendingPathComponent(name))
      }
      #expect(try names(folder).count == 2)
    }
  }
}
