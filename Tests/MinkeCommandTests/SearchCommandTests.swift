import Foundation
import Minke
import MinkeTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct SearchCommandTests {
  private static let texts = [
    "whale.txt": "The harpooner stood ready.\nAhab wanted revenge on the white whale that took his leg.\n",
    "bread.md": "# Baking\n\nBread rises because yeast makes gas in the dough.\n",
    "code.swift": "/// Sorts the list.\nfunc sort() {}\n", ".secret.txt": "Ahab wanted revenge on the white whale.",
    "notes.bin": "Ahab\u{0}whale",
  ]

  /// A folder with some texts in it.
  private func withTexts(_ body: (URL) throws -> Void) throws {
    try Fixture.withTemporaryFolder { folder in
      for (name, text) in Self.texts { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
      try body(folder)
    }
  }

  private func rows(_ run: Run) throws -> [JSONValue] {
    try run.text.split(separator: "\n").map { line in
      try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "line") }
    }
  }

  @Test func `Search finds the passage that answers`() throws {
    try withTexts { folder in
      let run = try minke("search", "what does the captain want from the white whale", "--json", in: folder)
      #expect(run.status == 0, "\(run.errors)")
      let rows = try rows(run)
      #expect(rows.count == 3)
      #expect(rows[0]["file"] == "whale.txt" && rows[0]["rank"] == 1)
      #expect(rows[0]["text"]?.string?.contains("revenge") == true)
      #expect(rows[0]["lines"] == [1, 2] && rows[0]["bytes"] == [0, 84] && rows[0]["query"] == nil)
      #expect(run.errors.contains("3 passages of 3 files") && run.errors.contains("1 file skipped: not UTF-8 text"))
      let read = try minke("search", "how does dough rise", ".", "-k1", "--heading", in: folder)
      #expect(read.text.contains("./bread.md:1\n    # Baking\n\n    Bread rises"))
      #expect(!read.text.contains("\u{1B}"))
      let line = try minke("search", "how does dough rise", "-k1", in: folder)
      #expect(line.text.contains(/^bread\.md:1:1\.\d{4} # Baking Bread rises because .*\n$/))
    }
  }

  @Test func `The status says whether something was found`() throws {
    try withTexts { folder in
      let nothing = try minke("search", "whale", "--threshold", "0.99", "--mode", "meaning", in: folder)
      #expect(nothing.status == 1 && nothing.output.isEmpty)
      let found = try minke("search", "whale", "--threshold", "0.1", "--mode", "meaning", in: folder)
      #expect(found.status == 0 && found.text.split(separator: "\n").count == 1)
      // The superuser may read everything.
      if geteuid() != 0 {
        let locked = folder.appendingPathComponent("locked")
        try FileManager.default.createDirectory(at: locked, withIntermediateDirectories: false)
        chmod(locked.path, 0)
        defer { chmod(locked.path, 0o700) }
        let failed = try minke("search", "whale", in: folder)
        #expect(failed.status == 2 && failed.text.contains("whale.txt"))
        #expect(failed.errors.contains("minke: locked: permission denied"))
      }
    }
  }

  @Test func `Files are chosen by glob, type, hiddenness and ignore files`() throws {
    try withTexts { folder in
      try Data("*.md\n".utf8).write(to: folder.appendingPathComponent(".ignore"))
      func names(_ arguments: String) throws -> [String] {
        let run = try shell("cd '\(folder.path)' && minke search whale -l \(arguments)")
        return run.text.split(separator: "\n").map(String.init).sorted()
      }
      #expect(try names("") == ["code.swift", "whale.txt"])
      #expect(try names("--no-ignore") == ["bread.md", "code.swift", "whale.txt"])
      #expect(try names("--hidden").contains(".secret.txt"))
      #expect(try names("-g '*.md'") == ["bread.md"])
      #expect(try names("-g '!*.swift'") == ["whale.txt"])
      #expect(try names("--type swift -t txt") == ["code.swift", "whale.txt"])
      let debug = try minke("search", "whale", "--debug", in: folder)
      #expect(debug.errors.contains("minke: bread.md: ignored by .ignore, line 1"))
      #expect(debug.errors.contains("minke: notes.bin: binary: it holds a NUL character"))
      #expect(debug.errors.contains("minke: .secret.txt: hidden"))
      #expect(try minke("search", "--type-list").text.contains("swift: *.swift\n"))
    }
  }

  @Test func `Several queries are answered in one run`() throws {
    try withTexts { folder in
      let lines = Data("the white whale\r\n\r\nhow dough rises\r\n".utf8)
      let run = try minke("search", "--queries", "-", ".", "-k", "1", "--json", input: lines, in: folder)
      let first = try rows(run)
      #expect(first.map { $0["query"] } == [0, 1])
      #expect(first.map { $0["file"] } == ["./whale.txt", "./bread.md"])
      let plain = try minke("search", "--queries", "-", ".", "-k", "1", input: lines, in: folder).text.split(
        separator: "\n")
      #expect(plain.count == 2 && plain[0].hasPrefix("1\t./whale.txt:") && plain[1].hasPrefix("2\t./bread.md:"))
      try Data("{\"id\":\"q7\",\"text\":\"yeast\"}\n".utf8).write(to: folder.appendingPathComponent("q.jsonl"))
      let one = try minke("search", "--queries", "q.jsonl", "-k1", "--json", "-g", "*.md", in: folder)
      #expect(try rows(one).map { $0["query_id"] } == ["q7"])
      try Data("{\"text\":\"a\"}\n{\"txt\":1}\n".utf8).write(to: folder.appendingPathComponent("q.jsonl"))
      let wrong = try minke("search", "--queries", "q.jsonl", in: folder)
      #expect(wrong.status == 2 && wrong.errors.contains("q.jsonl, line 2"))
    }
  }

  @Test func `Standard input is searched as a file`() throws {
    let run = try minke("search", "whale", "-", "--json", input: Data("Bread.\n\nA white whale.\n".utf8))
    let row = try #require(rows(run).first)
    #expect(row["document"] == "<stdin>" && row["lines"] == [1, 3])
  }

  @Test func `At most so many passages of one file`() throws {
    let book = "Examples/books/time-machine.txt"
    let run = try minke("search", "the machine", book, "-k", "8", "--max-per-file", "2", "--json")
    #expect(try rows(run).count == 2)
  }

  @Test func `Text of other systems is read, and shown in its lines`() throws {
    try Fixture.withTemporaryFolder { folder in
      let text = "First line about bread.\r\nSecond line about a whale.\r\n"
      try Data(text.utf8).write(to: folder.appendingPathComponent("crlf.txt"))
      try #require(("\u{feff}" + text).data(using: .utf16LittleEndian)).write(
        to: folder.appendingPathComponent("wide.txt"))
      try Data([0x63, 0x61, 0x66, 0xe9]).write(to: folder.appendingPathComponent("latin.txt"))
      let shown = try minke("search", "whale", "crlf.txt", "--heading", in: folder)
      #expect(shown.text.contains("\n    First line about bread.\n    Second line about a whale.\n"))
      let wide = try rows(minke("search", "whale", "wide.txt", "--json", in: folder))
      #expect(wide.first?["text"]?.string == text.trimmingCharacters(in: .whitespacesAndNewlines))
      #expect(wide.first?["bytes"] == [2, 104] && wide.first?["lines"] == [1, 2])
      #expect(try minke("search", "coffee", "latin.txt", in: folder).status == 1)
      let latin = try rows(minke("search", "coffee", "latin.txt", "--encoding", "latin-1", "--json", in: folder))
      #expect(latin.first?["text"] == "café")
    }
  }

  @Test func `Names and texts cannot steer the terminal`() throws {
    try Fixture.withTemporaryFolder { folder in
      let name = "evil\u{1B}[2J\u{202E}txt"
      try Data("A whale \u{1B}]0;title\u{7} \u{202E}backwards".utf8).write(to: folder.appendingPathComponent(name))
      for form in ["--heading", "--no-heading", "-l"] {
        let run = try minke("search", "whale", form, in: folder)
        #expect(run.status == 0)
        for character in ["\u{1B}", "\u{7}", "\u{202E}"] as [Character] { #expect(!run.text.contains(character)) }
      }
      let debug = try minke("search", "whale", "--type", "md", "--debug", in: folder)
      #expect(debug.errors.contains("evil") && !debug.errors.contains("\u{1B}"))
    }
  }

  @Test func `A name that is not UTF-8 can be given and is shown`() throws {
    try Fixture.withTemporaryFolder { folder in
      let made = try shell("cd '\(folder.path)' && printf 'a white whale' > $'caf\\xe9.txt'")
      // Some file systems take names of UTF-8 only.
      guard made.status == 0 else { return }
      let run = try shell("cd '\(folder.path)' && minke search whale --json $'caf\\xe9.txt'")
      #expect(run.status == 0, "\(run.errors)")
      let row = try #require(rows(run).first)
      #expect(row["file"] == #"caf\xE9.txt"#)
      #expect(row["file_base64"]?.string.flatMap { Data(base64Encoded: $0) } == Data("caf".utf8 + [0xe9] + ".txt".utf8))
    }
  }

  @Test func `Rows, pages and code are found with what is around them`() throws {
    try Fixture.withTemporaryFolder { folder in
      let code = "struct Whale {\n" + (0..<60).map { "  func swim\($0)() { work() }\n" }.joined() + "}\n"
      for (name, text) in [
        ("w.swift", code), ("p.html", "<p>Bread &amp; butter</p>"), ("r.jsonl", "{\"text\":\"yeast\"}\noops\n"),
        ("n.ipynb", "no"),
      ] { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
      let run = try minke("search", "bread", "--json", "-k", "100", in: folder)
      let rows = try rows(run)
      #expect(
        rows.first?["text"] == "Bread & butter" && rows.first?["bytes"] == [3, 21] && rows.first?["context"] == nil)
      #expect(rows.contains { $0["context"] == "struct Whale" } && rows.allSatisfy { $0["page"] == nil })
      #expect(run.errors.contains("minke: r.jsonl: line 2 is passed over: expected a JSON value"))
      #expect(run.errors.contains("; 1 file skipped: damaged, locked or without text"))
      let shown = try minke("search", "swim", "-t", "swift", "--heading", "-k2", in: folder)
      #expect(shown.text.contains("  struct Whale\n"))
    }
  }

  @Test func `A pipe among the files is passed over, and nothing waits for it`() throws {
    try withTexts { folder in
      #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
      let run = try minke("search", "whale", in: folder)
      #expect(run.status == 0 && run.errors.contains("1 file skipped: gone or no plain files"))
      let named = try minke("search", "whale", "pipe", in: folder)
      #expect(named.status == 1)
    }
  }
}
