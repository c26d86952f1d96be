import Foundation
import Minke
import MinkeTestSupport
import Testing

@testable import MinkeCommand

/// What the commands read and write, and how they end.
@Suite struct InputOutputTests {
  private func lines(_ run: Run) throws -> [JSONValue] {
    try run.text.split(separator: "\n").map { line in
      try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
    }
  }

  // MARK: JSON lines

  @Test func `What stands beside a text goes through encode as it is`() throws {
    let input = #"{"id":12345678901234567890,"text":"a","meta":{"y":[1.50, null]},"index":9,"embedding":[1]}"#
    let run = try minke("encode", "--jsonl", "--dimension", "32", input: Data("\(input)\n\n{\"text\":\"b\"}".utf8))
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.text.hasPrefix(#"{"index":0,"id":12345678901234567890,"meta":{"y":[1.50, null]},"embedding":["#))
    let rows = try lines(run)
    #expect(rows.map { $0["index"]?.integer } == [0, 1])
    #expect(rows.allSatisfy { $0["embedding"]?.array?.count == 32 })
  }

  @Test func `A wrong line is named and shortened, and ends the run or is passed over`() throws {
    let long = String(repeating: "x", count: 100_000)
    let input = Data("{\"text\":\"a\"}\n{\"other\":\"\(long)\u{1B}[31m\"}\n[1]\n{\"text\":\"b\"}\n".utf8)
    let stopped = try minke("tokenize", "--jsonl", input: input)
    #expect(stopped.status == 2)
    #expect(stopped.errors.contains("standard input, line 2") && stopped.errors.utf8.count < 300)
    let passed = try minke("tokenize", "--jsonl", "--skip-invalid", input: input)
    #expect(passed.status == 0)
    #expect(try lines(passed).map { $0["tokens"] } == [["a"], ["b"]])
    #expect(passed.errors.contains("line 2") && passed.errors.contains("line 3") && !passed.errors.contains("\u{1B}"))
    #expect(try minke("tokenize", "--skip-invalid").status == 64)
  }

  // MARK: Encodings and ends of lines

  @Test func `UTF-16 is known by its mark, other encodings by the option`() throws {
    let text = "whale\nship 🐋\n"
    let golden = try minke("tokenize", input: Data(text.utf8))
    let (little, big) = (
      text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] },
      text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    )
    for (bytes, options) in [
      ([0xff, 0xfe] + little, []), ([0xfe, 0xff] + big, []), (little, ["--encoding", "utf-16"]),
      ([0xfe, 0xff] + big, ["--encoding", "utf-16"]), (little, ["--encoding", "utf-16le"]),
      (big, ["--encoding", "utf-16be"]), ([0xef, 0xbb, 0xbf] + Array(text.utf8), []),
    ] {
      try Fixture.withTemporaryFolder { folder in
        let file = folder.appendingPathComponent("text")
        try Data(bytes).write(to: file)
        let quoted = (["'\(file.path)'"] + options).joined(separator: " ")
        #expect(try shell("minke tokenize \(quoted)").output == golden.output, "\(options)")
      }
    }
    // Wrong bytes are replaced, and the first line with some is said.
    let wrong = try minke("tokenize", input: Data([0x61, 0x0a, 0x62, 0xff, 0x0a, 0xff, 0x0a]))
    #expect(try wrong.output == minke("tokenize", input: Data("a\nb\u{FFFD}\n\u{FFFD}\n".utf8)).output)
    #expect(
      wrong.status == 0 && wrong.errors == "minke: standard input, line 2: not UTF-8; wrong bytes are read as U+FFFD\n")
    let latin = try shell("printf 'caf\\351' | minke tokenize --encoding latin-1")
    #expect(try latin.output == minke("tokenize", input: Data("café".utf8)).output)
    let windows = try shell("printf '\\200 5' | minke tokenize --encoding windows-1252")
    #expect(try windows.output == minke("tokenize", input: Data("€ 5".utf8)).output)
    #expect(try minke("tokenize", "--encoding", "ebcdic").status == 64)
  }

  @Test(arguments: [1, 2, 3, 5, 100])
  func `Characters may be cut anywhere between two pieces`(size: Int) {
    let text = "\u{FEFF}a鯨🐋é\n🐋"
    let units = Array(text.utf16)
    for (bytes, encoding) in [
      (Array(text.utf8), InputEncoding.automatic), (units.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }, .automatic),
      (units.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }, .utf16),
    ] {
      var transcoder = Transcoder(from: encoding)
      var result: [UInt8] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        result += transcoder.utf8(Array(bytes[start..<min(start + size, bytes.count)]), isLast: false)
      }
      result += transcoder.utf8([], isLast: true)
      #expect(String(decoding: result, as: UTF8.self) == String(text.unicodeScalars.dropFirst()))
    }
  }

  @Test func `Lines end at LF or CRLF, and a last one needs no end`() throws {
    for text in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\nb\n\nc\n"] {
      let rows = try lines(minke("tokenize", input: Data(text.utf8)))
      #expect(rows.map { $0["tokens"] } == [["a"], ["b"], [], ["c"]])
    }
    #expect(try minke("tokenize", input: Data()).output.isEmpty)
  }

  @Test func `More lines than one batch keep their order`() throws {
    let text = (0..<20_000).map { "\($0 % 10)\n" }.joined()
    let rows = try minke("tokenize", input: Data(text.utf8)).text.split(separator: "\n")
    #expect(rows.count == 20_000)
    #expect(rows.enumerated().allSatisfy { $1.hasSuffix("[\"\($0 % 10)\"]}") })
  }

  // MARK: Places

  @Test func `A hyphen stands for standard input and output`() throws {
    let golden = try minke("encode", "--dimension", "32", input: Data("a whale\n".utf8))
    let run = try minke("encode", "--dimension", "32", "-", "-o", "-", input: Data("a whale\n".utf8))
    let named = try minke("encode", "--dimension", "32", "-i", "-", input: Data("a whale\n".utf8))
    #expect(named.output == run.output)
    #expect(try minke("encode", "-", "-i", "-").status == 64)
    #expect(run.output == golden.output && !run.output.isEmpty)
    let npy = try minke("encode", "--dimension", "32", "--format", "npy", "-o", "-", input: Data("a whale\n".utf8))
    #expect(npy.output.count == 128 + 32 * 4)
  }

  @Test func `The open file of standard output is written to, not replaced`() throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("log").path
      let encode = "echo a | minke encode --dimension 32 -o /dev/stdout >> '\(file)'"
      let run = try shell("\(encode) && \(encode) && grep -c index '\(file)'")
      #expect(run.text == "2\n")
    }
  }

  @Test func `An output keeps its permissions and the file behind a link`() throws {
    try Fixture.withTemporaryFolder { folder in
      let run = try shell(
        """
        cd '\(folder.path)' && touch old && chmod 600 old && ln -s old link && ln old second
        echo a | minke encode --dimension 32 -o link && test -h link && test old -ef second && grep -c index second
        ls -lA | cut -c1-10 | sort -u | grep -c rw-------
        """)
      #expect(run.text == "1\n1\n", "\(run.text) \(run.errors)")
    }
  }

  @Test func `A closed standard stream is no file opened later`() throws {
    let run = try shell("minke tokenize <&-")
    #expect(run.status == 2 && run.errors.contains("standard input"))
    try Fixture.withTemporaryFolder { folder in
      let output = folder.appendingPathComponent("out").path
      let run = try shell("echo a | minke encode --dimension 32 -o '\(output)' >&-; wc -l < '\(output)'")
      #expect(run.text == "1\n")
      let mute = try shell("echo a | minke tokenize >&-")
      #expect(mute.status == 2)
    }
  }

  @Test(arguments: ["encode -i in -o out", "search a in", "similarity a b", "model info"])
  func `Few open files are an error or enough, never a crash`(command: String) throws {
    try Fixture.withTemporaryFolder { folder in
      for limit in [4, 6, 7, 8] {
        let run = try shell(
          "cd '\(folder.path)'; echo a > in; (ulimit -n \(limit); exec '\(programURL.path)' \(command))")
        #expect(run.status == 0 || run.status == 2, "\(limit): \(run.status) \(run.errors)")
        if run.status == 2 { #expect(run.errors.contains("open file"), "\(limit): \(run.errors)") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix(".") })
      }
    }
  }

  @Test(arguments: ["ids.npy", "./ids.npy", "link", "dangling", "second", "$PWD/ids.npy"])
  func `Two outputs that are one file are refused`(other: String) throws {
    try Fixture.withTemporaryFolder { folder in
      let run = try shell(
        """
        cd '\(folder.path)' && echo a | minke encode --dimension 32 -o base.npy
        if [ \(other) = dangling ]; then ln -s ids.npy dangling; else echo old > ids.npy; fi
        if [ \(other) = link ]; then ln -s ids.npy link; fi; if [ \(other) = second ]; then ln ids.npy second; fi
        minke knn --base base.npy --queries base.npy -k 1 -o ids.npy --scores \(other)
        """)
      #expect(run.status == 64 && run.errors.contains("same file"), "\(run.status) \(run.errors)")
    }
  }

  @Test func `Vectors go to a file or a pipe as one array, batch after batch`() throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("out.npy")
      let text = Data((0..<9000).map { "\($0 % 10)\n" }.joined().utf8)
      let options = ["encode", "--dimension", "32", "--format", "npy", "-o"]
      let piped = try minke(options + ["-"], input: text)
      #expect(try minke(options + [file.path], input: text).status == 0)
      let array = try Embeddings(npy: file)
      #expect(array.count == 9000 && array.dimension == 32)
      #expect(try Data(contentsOf: file) == piped.output)
      let bits = try minke("encode", "--binarize", "--format", "npy", input: Data("a\n\nb\n".utf8))
      #expect(bits.output.count == 128 + 3 * 64)
      #expect(try minke("encode", "--format", "npy", input: Data()).output.count == 128)
    }
  }

  @Test func `Raw rows are those of the array, and come while more is waited for`() throws {
    let text = Data((0..<9000).map { "\($0 % 10)\n" }.joined().utf8)
    for options in [["--dimension", "32"], ["--binarize"]] {
      let array = try minke(["encode", "--format", "npy"] + options, input: text)
      let raw = try minke(["encode", "--format", "raw"] + options, input: text)
      #expect(raw.status == 0 && raw.output == array.output.dropFirst(128), "\(raw.errors)")
    }
    // Writes the second line only when the row of the first has come.
    let run = try shell(
      """
      coproc minke encode --format raw --dimension 32
      exec 3<&${COPROC[0]} 4>&${COPROC[1]}
      echo a >&4 && timeout 60 head -c 128 <&3 | wc -c
      echo b >&4 && timeout 60 head -c 128 <&3 | wc -c
      """)
    #expect(run.text == "128\n128\n", "\(run.errors)")
  }

  // MARK: Options

  @Test(arguments: ["--dimension 32", "--no-normalize"])
  func `What logits cannot heed is refused`(option: String) throws {
    let run = try shell("echo a | minke encode --give logits \(option)")
    #expect(run.status == 64 && run.errors.contains("--give logits"))
    #expect(run.errors.hasPrefix("minke: "))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `A shell gets its completions`(shell name: String) throws {
    let run = try minke("--generate-completion-script", name)
    #expect(run.status == 0 && run.text.contains("tokenize") && run.text.contains("skip-invalid"))
    if name == "bash" { #expect(try shell("bash -n <(minke --generate-completion-script bash)").status == 0) }
  }
}
