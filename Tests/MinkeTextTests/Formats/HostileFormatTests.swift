import MinkeCore
import Testing

@testable import MinkeText

/// What readers of formats make of texts that are none: they end soon, without an error that is not theirs.
struct HostileFormatTests {
  private static let formats: [DocumentFormat] =
    [.html, .csv, .jsonLines, .notebook, .email, .pdf]
    + [SourceLanguage.swift, .cpp, .csharp, .javascript, .rust, .kotlin, .python, .ruby, .shell].map { .code($0) }

  /// Reads and splits a text, if it is not refused.
  private func read(_ text: [UInt8], _ format: DocumentFormat) throws {
    guard let structured = try? StructuredText(text, format: format) else { return }
    let found = PassageSplitter(length: 50).split(structured)
    let isInside = found.allSatisfy { passage in
      passage.textRange.upperBound <= structured.text.count && passage.passage.byteRange.upperBound <= text.count
    }
    #expect(isInside)
  }

  @Test func `many of the same bytes are read in time linear in their number`() throws {
    let parts = [
      "<", "<a", "<!--", "<![CDATA[", "<a href=\"", "</", "<nav>", "<svg><nav>", "<pre>", "<h1>", "<ul><li>", "<title>",
      "&",
      "&#", "<script>", "<img alt='", "<table><tr><td>x", "\"", "a,", "\"\",", "\n\"", "[", "{\"a\":", "{", "}", "{}",
      "(",
      "'", "`${", "\"\\(", "/*", "*/", "/[", "(/[", "#if\n{\n", "#else\n", "#\"", "r#\"", "R\"(", "@\"", "f(){",
      "class A {",
      "class A {\nfunc b() {\n", "x\n\n", "x{\n", "// x\n", "@a\n", "def f():\n", " def f():\n  ", "class A:\n",
      "\"\"\"",
      "=?utf-8?Q?=", "Subject: =?a?b?", "a: b\n", " a: b\n", "--b\n", "=\n", "=4", "\u{c}", "\\", "end\n", "a;",
    ]
    for part in parts {
      let bytes = Array(part.utf8)
      let text = Array(repeatElement(bytes, count: (1 << 13) / bytes.count).joined())
      for format in Self.formats { try read(text, format) }
      try read(Array("Content-Type: multipart/mixed; boundary=b\n\n".utf8) + text, .email)
      try read(Array("Content-Type: text/html\n\n".utf8) + text, .email)
    }
  }

  @Test func `deep nesting neither fails nor exhausts the stack`() throws {
    let deep = 5_000
    for (open, close, format) in [
      ("<div>", "</div>", .html), ("<nav>", "</nav>", .html), ("[", "]", .jsonLines), ("{\"a\":", "}", .jsonLines),
      ("class A {\n", "}\n", .code(.java)), ("func f() {\n", "}\n", .code(.swift)), ("/*", "*/", .code(.rust)),
      ("`${", "}`", .code(.javascript)), ("\"\\(", ")\"", .code(.swift)),
    ] as [(String, String, DocumentFormat)] {
      let text = String(repeating: open, count: deep) + "x" + String(repeating: close, count: deep)
      try read(Array(text.utf8), format)
    }
    var mail = ""
    for depth in 0..<200 { mail += "Content-Type: multipart/mixed; boundary=b\(depth)\n\n--b\(depth)\n" }
    try read(Array(mail.utf8), .email)
    let classes = String(repeating: "class A:\n", count: 100).split(separator: "\n").enumerated()
      .map { String(repeating: " ", count: $0) + $1 }.joined(separator: "\n")
    try read(Array(classes.utf8), .code(.python))
  }

  @Test func `mixtures of what formats are made of never break a reader`() throws {
    let parts =
      [
        "<p>", "</p>", "<h2 ", "alt=\"", ">", "&amp;", "<!--", "-->", "<pre>", "<li>", "<nav>", "</nav>", "\"", ",",
        "\n", "\r\n",
        "{", "}", "(", ")", "[", "]", "func f", "class ", "//", "/*", "*/", "'", "\\", "#if\n", "#else\n", "#endif\n",
        "`", "${",
        ": ", "a", "é", "\u{1f600}", "Subject: ", "=?utf-8?B?YQ==?=", "=C3", "--b", "boundary=b",
        "Content-Type: multipart/mixed;",
        "\"cells\":", "\"source\":", "\"cell_type\":\"code\"", "\t", "  ", "def x", "end", "\u{c}",
      ].map { Array($0.utf8) } + [[0xff], [0xc3], [0xef, 0xbb, 0xbf]]
    var random = SplitMix64(seed: 11)
    for _ in 0..<100 {
      let text = (0..<60).flatMap { _ in parts.randomElement(using: &random) ?? [] }
      for format in Self.formats { try read(text, format) }
    }
  }
}
