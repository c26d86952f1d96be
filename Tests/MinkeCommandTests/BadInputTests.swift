import Foundation
import MinkeTestSupport
import Testing

/// What a person may get wrong: status 2 or 64 and a sentence that names the trouble, never a crash.
@Suite struct BadInputTests {
  /// A command line, and what its error must speak of.
  struct Case: CustomTestStringConvertible, Sendable {
    let line: String
    let words: [String]
    var testDescription: String { line }
  }

  @Test(arguments: [
    Case(line: "minke search whale /no/such/place", words: ["/no/such/place", "no such file"]),
    Case(line: "minke search", words: ["query"]),
    Case(line: "minke search ' ' Examples", words: ["words to look for"]),
    Case(line: "minke search whale Examples --type cobol", words: ["cobol", "swift"]),
    Case(line: "minke search whale Examples -g '[a'", words: ["[a", "brackets"]),
    Case(line: "minke search whale Examples --encoding ebcdic", words: ["ebcdic", "utf-16le"]),
    Case(line: "minke search whale Examples --threshold high", words: ["high"]),
    Case(line: "minke search whale Examples --max-per-file 0", words: ["--max-per-file"]),
    Case(line: "minke search whale Examples --json -l", words: ["--json"]),
    Case(line: "minke search --queries /no/such/file Examples", words: ["/no/such/file"]),
    Case(line: "minke search --queries /dev/null Examples", words: ["/dev/null", "a query a line"]),
    Case(line: "minke search whale Examples -k 0", words: ["-k", "1 or more"]),
    Case(line: "minke search whale Examples -k many", words: ["many"]),
    Case(line: "minke search whale Examples --model nowhere", words: ["nowhere", "minke-sse-en"]),
    Case(line: "minke search whale Examples --model Examples/books", words: ["Examples/books", "tokenizer.json"]),
    Case(line: "minke search whale Examples --model Package.swift", words: ["Package.swift", "a file"]),
    Case(line: "minke search whale Examples --dimension 100", words: ["dimension", "512, 256, 128, 64, 32", "100"]),
    Case(line: "MINKE_KERNELS=sse9 minke similarity a b", words: ["MINKE_KERNELS", "portable", "sse9"]),
    Case(line: "MINKE_THREADS=abc minke similarity a b", words: ["MINKE_THREADS", "1 to 1024", "abc"]),
    Case(line: "MINKE_THREADS=0 minke similarity a b", words: ["MINKE_THREADS", "1 to 1024", "0"]),
    Case(line: "minke search whale Examples -g '*.{txt'", words: ["*.{txt", "closed"]),
    Case(line: "echo a | minke search --queries - -", words: ["--queries", "standard input"]),
    Case(line: "minke search whale <(echo whale)", words: ["a pipe", "expected text to search"]),
    Case(line: "minke search whale /dev/null", words: ["/dev/null: a device", "expected text to search"]),
    Case(line: "minke encode --input /no/file", words: ["/no/file"]),
    Case(line: "minke encode --input Examples", words: ["Examples", "found a folder"]),
    Case(line: "echo nonsense | minke encode --jsonl", words: ["line 1", "a JSON value", "nonsense"]),
    Case(line: "echo 7 | minke encode --jsonl", words: ["line 1", "a JSON object", "found a number"]),
    Case(line: "minke encode --dimension 7 < /dev/null", words: ["dimension", "7"]),
    Case(line: "echo a | minke encode --output /no/folder/x.npy", words: ["/no/folder/x.npy"]),
    Case(line: "echo a | minke encode --format parquet", words: ["parquet", "npy"]),
    Case(line: "echo a | minke encode --output Sources", words: ["Sources", "a folder"]),
    Case(line: "minke knn --base Package.swift --queries Package.swift", words: ["Package.swift"]),
    Case(line: "minke knn --base /no.npy --queries /no.npy", words: ["/no.npy"]),
    Case(line: "minke model info /nowhere", words: ["/nowhere"]),
    Case(line: "minke model convert minke-sse-en /no/place/x --format float16", words: ["float16", "4bit"]),
    Case(line: "minke bench search --count 0", words: ["--count"]),
    Case(line: "minke bench search --base x.npy", words: ["--queries"]),
    Case(line: "minke bench search --count 9223372036854775807", words: ["--count", "9223372036854775807"]),
    Case(
      line: "minke bench generate --model Tests/Fixtures/spikewhale-tiny --tokens 9223372036854775807",
      words: ["--prompt and --tokens", "9223372036854775807"]),
    Case(line: "minke bench encode --input /dev/null", words: ["/dev/null", "one text"]),
    Case(line: "minke frobnicate", words: ["frobnicate"]),
  ])
  func `The error names the trouble`(wrong: Case) throws {
    let run = try shell(wrong.line)
    #expect([1, 2, 64].contains(run.status), "\(run.status): \(run.errors)")
    #expect(run.output.isEmpty)
    for word in wrong.words { #expect(run.errors.contains(word), "\(run.errors)") }
  }

  @Test func `No name reaches the terminal with what could steer it`() throws {
    try Fixture.withTemporaryFolder { folder in
      let wrong = try shell("minke $'no\\e[31msuch'; minke encode $'--no\\u202esuch'; minke encode -i $'no\\e[31msuch'")
      #expect(wrong.errors.split(separator: "minke: ").count == 3, "\(wrong.errors)")
      let info = try shell("cd '\(folder.path)' && mkdir $'a\\e[31mb' && minke model info $'a\\e[31mb'")
      #expect(info.text.contains("[31mb") && info.status == 2)
      for text in [wrong.errors, info.text, info.errors] {
        #expect(!text.contains("\u{1B}") && !text.unicodeScalars.contains("\u{202E}"))
      }
    }
  }

  @Test func `A closed pipe ends the command quietly`() throws {
    // Where the tests' own process heeds no closed pipe, neither do those who feed the command, and they say so.
    let run = try shell("set -o pipefail; (yes whale | head -100000) 2>/dev/null | minke tokenize | head -1")
    #expect(run.text == "{\"ids\":[13156],\"tokens\":[\"whale\"]}\n")
    #expect(run.status == 141)
    #expect(run.errors.isEmpty)
  }

  @Test func `An old output survives a failing command`() throws {
    try Fixture.withTemporaryFolder { folder in
      let output = folder.appendingPathComponent("old.jsonl")
      try Data("precious\n".utf8).write(to: output)
      let run = try shell("printf '{\"text\":\"a\"}\\nnot json\\n' | minke encode --jsonl --output '\(output.path)'")
      #expect(run.status == 2)
      #expect(try String(contentsOf: output, encoding: .utf8) == "precious\n")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["old.jsonl"])
    }
  }

  @Test func `Folders without text are said to be so`() throws {
    try Fixture.withTemporaryFolder { folder in
      try Data([0, 1, 2]).write(to: folder.appendingPathComponent("a.bin"))
      let run = try shell("minke search whale '\(folder.path)'")
      #expect(run.status == 1)
      #expect(run.errors.contains("1 file skipped: not UTF-8 text"))
      #expect(run.errors.contains("expected text to search, found none"))
    }
  }

  @Test func `Output to a device goes to the device`() throws {
    #expect(try shell("echo a | minke encode --output /dev/null && test -c /dev/null").status == 0)
  }
}
