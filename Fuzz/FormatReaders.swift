import Minke

/// The readers of documents' formats.
extension Reader {
  static func formats() throws -> [Reader] {
    [
      Reader("html", seeds: try ["page.html"].map(format), words: htmlWords) { try read($0, .html) },
      Reader("csv", seeds: try ["crew.csv"].map(format), words: ["\"", "\"\"", ",", ";", "\t", "\r\n", "\n"]) {
        try read($0, .csv)
      },
      Reader("jsonl", seeds: try ["facts.jsonl"].map(format), words: jsonWords + ["\n", "\"text\":"]) {
        try read($0, .jsonLines)
      },
      Reader("ipynb", seeds: try ["count.ipynb"].map(format), words: jsonWords + notebookWords) {
        try read($0, .notebook)
      },
      Reader("eml", seeds: try ["letter.eml"].map(format), words: mailWords) { try read($0, .email) },
      Reader("rst", seeds: [Array("====\nHead\n====\n\nText.\n\nPart\n----\n* star\n".utf8)], words: ["====", "\n"]) {
        try read($0, .restructuredText)
      },
    ]
      + (try SourceLanguage.allCases.map { language in
        Reader("code-\(language.rawValue)", seeds: try codeSeeds(), words: codeWords) { try read($0, .code(language)) }
      })
  }

  /// Splits a document, and looks whether its passages are inside it.
  @Sendable private static func read(_ bytes: UnsafeRawBufferPointer, _ format: DocumentFormat) throws {
    let source = Array(bytes)
    let splitter = PassageSplitter(length: 20)
    do throws(SkipReason) {
      guard let text = try StructuredText(source, format: format) else {
        source.withUnsafeBufferPointer { check(splitter.split($0, format: format), source) }
        return
      }
      var document = DocumentSplitter(splitter, text, keepsIDs: false)
      let (blocks, _) = document.nextBlocks(.max)
      let piece = text.text.withUnsafeBufferPointer { text in
        document.pack([document.units(of: blocks[...], in: text)], in: text, from: 0, isLast: true)
      }
      for passage in piece.passages { precondition(passage.textRange.upperBound <= text.text.count) }
      check(piece.passages.map(\.passage), source)
    } catch {
      throw MinkeError(.malformedFile, "input", expected: "a document", found: "\(error)")
    }
  }

  private static func check(_ passages: [Passage], _ source: [UInt8]) {
    for passage in passages { precondition(passage.byteRange.upperBound <= source.count) }
  }

  private static func format(_ name: String) throws -> [UInt8] { try fixture("formats/\(name)") }

  /// Some of this package's own files, in several languages.
  private static func codeSeeds() throws -> [[UInt8]] {
    try ["../../Fuzz/Mutator.swift", "../../Sources/MinkeKernels/hash.c", "make_static_fixtures.py"].map(fixture)
  }

  private static let htmlWords = [
    "<", ">", "</", "<!--", "-->", "<![CDATA[", "]]>", "<nav>", "</nav>", "<pre>", "<script>", "</script>", "<title>",
    "<li>", "<h1>", "</h1>", "<td>", "<img alt=\"", "'", "&", "&#x", "&amp;", "<?", "<svg>", "</svg>", "<p", "\0",
  ]
  private static let notebookWords = [
    "\"cells\":", "\"source\":", "\"cell_type\":", "\"markdown\"", "\\ud83d", "\"input\":",
  ]
  private static let mailWords = [
    "\r\n", "\n\n", "Content-Type: ", "multipart/mixed; boundary=", "--outer", "--", "=?utf-8?Q?", "?=", "=", "=3D",
    "=\n",
    "base64", "quoted-printable", "message/rfc822", "text/html", "charset=utf-16", "filename*=", "''%e9", ";", "\"",
  ]
  private static let codeWords = [
    "{", "}", "(", ")", "[", "]", ";", "\"", "'", "`", "\"\"\"", "\\(", "${", "/*", "*/", "//", "#\"", "\"#", "R\"(",
    "@\"",
    "\n#if\n", "\n#else\n", "\n#endif\n", "class A", "func f()", "def f():", "end\n", "fn f()", "=", "/", "\n", "impl",
    "@a",
  ]
}
