import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

/// What the walker leaves out is what git leaves out.
struct GitComparisonTests {
  /// Runs git in `folder`, without the settings of whoever runs the tests.
  private func git(_ arguments: [String], in folder: URL, input: Data = Data()) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git", "-c", "core.excludesFile=/dev/null", "-c", "core.quotePath=false"] + arguments
    process.currentDirectoryURL = folder
    process.environment = [
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": folder.path,
      "GIT_CONFIG_NOSYSTEM": "1",
    ]
    let (given, answered) = (folder.appendingPathComponent(".git/in"), folder.appendingPathComponent(".git/out"))
    if FileManager.default.fileExists(atPath: folder.path + "/.git") {
      try input.write(to: given)
      process.standardInput = try FileHandle(forReadingFrom: given)
      _ = FileManager.default.createFile(atPath: answered.path, contents: nil)
      process.standardOutput = try FileHandle(forWritingTo: answered)
    } else {
      process.standardOutput = FileHandle.nullDevice
    }
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return (try? Data(contentsOf: answered)) ?? Data()
  }

  private func names(_ list: Data) -> [String] {
    list.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: 0..<12) func `Trees of every sort are walked as git sees them`(seed: Int) throws {
    try Fixture.withTemporaryFolder { folder in
      var random = SplitMix64(seed: UInt64(seed))
      _ = try git(["init", "-q"], in: folder)
      let parts = ["a", "b", "ab", "b.o", "c.txt", "A1", "x-y", "a b", "[q]", "é"]
      func name() -> String { parts.randomElement(using: &random)! }
      var files: Set<String> = []
      for _ in 0..<60 {
        let path = (0..<Int.random(in: 1...4, using: &random)).map { _ in name() }.joined(separator: "/")
        let file = folder.appendingPathComponent(path)
        try? FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        // A folder or file of the name may stand there already.
        if (try? Data("x".utf8).write(to: file, options: .withoutOverwriting)) != nil { files.insert(path) }
      }
      let pieces = [
        "a", "b", "*", "**", "?", "/", "/", "[a-c]", "[!a]", "[[:alpha:]]", "[[:digit:]x]", "[^[:lower:]]", "[]-]",
        ".o",
        "txt", "\\", "!", "#", " ", "-", "é", "[", "1",
      ]
      func rules() -> String {
        (0..<Int.random(in: 1...6, using: &random)).map { _ in
          let pattern = (0..<Int.random(in: 1...5, using: &random)).map { _ in pieces.randomElement(using: &random)! }
          return (Bool.random(using: &random) && Bool.random(using: &random) ? "!" : "") + pattern.joined()
        }.joined(separator: Bool.random(using: &random) ? "\n" : "\r\n") + "\n"
      }
      let folders = Set(files.map { path in path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }).sorted()
      for place in [""] + folders.filter({ !$0.isEmpty }).shuffled(using: &random).prefix(3) {
        try Data(rules().utf8).write(to: folder.appendingPathComponent(place).appendingPathComponent(".gitignore"))
      }
      try Data(rules().utf8).write(to: folder.appendingPathComponent(".git/info/exclude"))

      let walked = try TextFileWalker([FilePath(folder.path)]).files.map {
        "\($0.path)".dropFirst(folder.path.count + 1)
      }
      let input = Data(files.sorted().joined(separator: "\0").utf8)
      let ignored = Set(names(try git(["check-ignore", "--no-index", "-z", "--stdin"], in: folder, input: input)))
      #expect(Set(walked.map(String.init)) == files.subtracting(ignored))
      // The same from within, where the rules of the folders above count.
      for inner in folders.filter({ !$0.isEmpty && !ignored.contains($0) }) {
        let root = folder.path + "/" + inner
        let walked = try TextFileWalker([FilePath(root)]).files.map { inner + "\($0.path)".dropFirst(root.count) }
        let below = files.filter { $0.hasPrefix(inner + "/") }
        // Git also leaves out what lies in an ignored folder; the one that is named is taken all the same.
        let isNamedIgnored = try !git(
          ["check-ignore", "--no-index", "-z", "--stdin"], in: folder, input: Data(inner.utf8)
        ).isEmpty
        if !isNamedIgnored { #expect(Set(walked) == below.subtracting(ignored), "\(inner)") }
      }
    }
  }
}
