import Testing

@testable import MinkeText

struct HTMLTests {
  @Test func `a page gives what a person reads, in blocks`() throws {
    let page = try ReadDocument(fixture: "page.html", length: 1000)
    page.checkPlaces()
    let text = page.texts.joined(separator: "\n\n")
    #expect(
      text == """
        Whales & Ships

        The white whale

        Ahab’s leg — was bitten off.
        He wants revenge © 1851 AT&T.

        A second paragraph, never closed

        - one
        - two a harpoon <old>

        Code

        for x in xs {
            print(x < 3)
        }

        Name\tLegs
        Ahab\t1

        Second part

        Text with < and > and 3<4 and &unknown; end.

        Last words 🐳<
        """)
  }

  @Test func `passages stand where their text is in the file, below its headings`() throws {
    let page = try ReadDocument(fixture: "page.html", length: 1000)
    // A heading begins a passage.
    #expect(page.texts.count == 3)
    #expect(
      page.passages.map(\.context) == [nil, "Whales & Ships > The white whale", "Whales & Ships > The white whale"])
    #expect(page.slice(0).hasPrefix("Whales &amp; Ships</title>") && page.slice(0).hasSuffix("a harpoon &lt;old&gt;"))
    #expect(page.slice(1).hasPrefix("Code</h2>") && page.slice(1).hasSuffix("<td>1"))
    #expect(page.slice(2).hasPrefix("Second <em>") && page.slice(2).hasSuffix("&#x1F433;<"))
    #expect(page.passages[1].lines == 15...21)
    // The parts of a section too long for one passage are below its heading too.
    let long = try ReadDocument(
      "<h1>Sea</h1>" + String(repeating: "<p>Water and salt.</p>", count: 50), .html, length: 40)
    #expect(long.passages.count > 3)
    #expect(long.passages.map(\.context) == [nil] + Array(repeating: "Sea", count: long.passages.count - 1))
    for index in long.passages.indices { #expect(long.slice(index).hasSuffix("Water and salt.")) }
  }

  @Test func `what is not closed or hardly markup loses no text`() throws {
    for (source, text) in [
      ("a < b", "a < b"), ("<", "<"), ("<p", "<p"), ("<p>x<a href=\"y>z</a>w", "xzw"),
      ("<nav>menu<p>text", "menu text"),
      ("x<!-- y", "x<!-- y"), ("x<!-- y > z", "x z"), ("x<![CDATA[a<b>c]]>y", "xa<b>cy"), ("<script>a", ""),
      ("a&#0;b&#x110000;c&#99999999999;", "a\u{fffd}b\u{fffd}c\u{fffd}999;"), ("&#150;&#x80;", "–€"), ("a&shy;b", "ab"),
      ("<h1></h1><p></p>x", "x"), ("<title>t</b><p>x", "t x"), ("<ul><li><p>a</p><li>b</ul>", "- a - b"),
      ("<PRE>a\n  b</PRE>", "a\n  b"), ("\u{feff}<b>x</b>", "x"), ("<p>a<hr/>b", "a b"),
    ] {
      let document = try ReadDocument(source, .html)
      let found = document.texts.joined(separator: " ")
      let words = text.contains("\n") ? found : found.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words == text, "\(source)")
      document.checkPlaces()
    }
  }

  @Test func `a page may say that it is written in Latin-1`() {
    for (start, encoding) in [
      ("<meta charset=\"ISO-8859-1\">", TextEncoding.windows1252), ("<meta charset=utf-8>", nil),
      ("<meta http-equiv='Content-Type' content='text/html; charset=windows-1252'>", .windows1252), ("charset", nil),
    ] as [(String, TextEncoding?)] {
      #expect(HTMLReader.declaredEncoding(Array(start.utf8)) == encoding)
    }
  }
}
