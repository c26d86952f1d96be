import Foundation
import MinkeTestSupport
import Testing

@testable import MinkeCommand

@Suite struct TerminalTests {
  @Test func `Columns are counted as a terminal takes them`() {
    for (text, columns) in [
      ("", 0), ("whale", 5), ("naïve", 5), ("e\u{301}", 1), ("鯨", 2), ("ｗ", 2), ("한국", 4), ("🐋", 2), ("👩‍👧‍👦", 2),
      ("🇯🇵", 2), ("❤\u{FE0F}", 2), ("❤", 1), ("a\u{200B}b", 2), ("𠀀", 2), ("→", 1),
    ] {
      #expect(DisplayWidth.columns(of: text) == columns, "\(text)")
    }
    #expect(DisplayWidth.padded("鯨", to: 5) == "鯨   ")
    #expect(DisplayWidth.padded("é", to: 3, leading: true) == "  é")
  }

  @Test func `Lines are wrapped at spaces, and within words and wide text where there are none`() {
    #expect(DisplayWidth.wrapped("the white whale", width: 9) == ["the white", "whale"])
    #expect(DisplayWidth.wrapped("the white whale", width: 8) == ["the", "white", "whale"])
    #expect(DisplayWidth.wrapped("harpooner", width: 4) == ["harp", "oone", "r"])
    #expect(DisplayWidth.wrapped("白鯨は海を行く", width: 5) == ["白鯨", "は海", "を行", "く"])
    #expect(DisplayWidth.wrapped("鯨鯨", width: 1) == ["鯨", "鯨"])
    #expect(DisplayWidth.wrapped("", width: 5) == [""])
    #expect(DisplayWidth.wrapped("a   ", width: 10) == ["a"])
    for width in 1..<30 {
      let text = "Call me Ishmael. 私をイシュメールと呼んでくれ。 Some years ago—never mind how long precisely"
      let pieces = DisplayWidth.wrapped(text, width: width)
      #expect(pieces.allSatisfy { DisplayWidth.columns(of: $0) <= max(width, 2) })
      #expect(pieces.joined().filter { $0 != " " } == text.filter { $0 != " " })
    }
  }

  @Test func `What could steer the terminal is made visible`() {
    #expect(
      Style.printable("a\u{1B}[31m\tb\u{9B}\u{202E}\u{2066}\n") == "a\u{FFFD}[31m  b\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    #expect(Style.printable("a\nb\r", keepingLines: true) == "a\nb\u{FFFD}")
    #expect(Style.printable("👩‍👧 می‌خواهم é") == "👩‍👧 می‌خواهم é")
    #expect(shortened("abcdef", to: 3) == "abc…" && shortened("abc", to: 3) == "abc")
  }

  @Test func `A bar shows how far, how fast and how long`() {
    let line = ProgressBar.line("encoding", .bytes, 25_000_000, 100_000_000, seconds: 10)
    #expect(line.contains("25% 2.5 MB/s 0:30 left"))
    #expect(ProgressBar.line("x", .pieces, 3, 3, seconds: 0.1).contains("100% 30/s 0:00 left"))
  }

  @Test func `Numbers have the digits asked for`() {
    #expect(
      fixed(1.0 / 3, digits: 3) == "0.333" && fixed(-0.5, digits: 0) == "-0" && fixed(Float(2), digits: 1) == "2.0")
    #expect(fixed(Double.greatestFiniteMagnitude, digits: 1).count == 311)
    #expect(byteSize(7_900_000) == "7.9 MB" && byteSize(12) == "12 bytes")
    #expect([3, 1, 2].median == 2 && [4, 1].median == 2.5 && [Double]().median == 0)
  }

  @Test func `A model is completed by built-in names and folders`() throws {
    #expect(ModelCompletion.choices(for: "minke-s").contains("minke-sse-en"))
    try Fixture.withTemporaryFolder { folder in
      for name in ["model-a", "model-b", ".hidden"] {
        try FileManager.default.createDirectory(
          at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
      }
      #expect(
        ModelCompletion.choices(for: "\(folder.path)/mod") == ["\(folder.path)/model-a/", "\(folder.path)/model-b/"])
      #expect(ModelCompletion.choices(for: "\(folder.path)/.h") == ["\(folder.path)/.hidden/"])
    }
  }

  @Test(arguments: [
    ("", false), ("NO_COLOR= CLICOLOR_FORCE=1", true), ("NO_COLOR= CLICOLOR_FORCE=0", false),
    ("NO_COLOR=1 CLICOLOR_FORCE=1", false),
  ])
  func `Colours are forced and forbidden by the environment`(setting: String, isColored: Bool) throws {
    let run = try shell("\(setting) minke search training docs/minke-sse-en.md")
    #expect(run.text.contains("\u{1B}") == isColored)
  }
}
