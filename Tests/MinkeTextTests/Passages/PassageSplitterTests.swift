import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

struct PassageSplitterTests {
  private static let books = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Examples/books")

  private func texts(_ passages: [Passage], of text: String) -> [String] {
    var text = text
    return text.withUTF8 { bytes in passages.map { $0.text(in: bytes) } }
  }

  private func sentences(_ text: String) -> [String] {
    var text = text
    return text.withUTF8 { bytes in
      bytes.sentences(in: 0..<bytes.count).map { String(decoding: bytes[$0], as: UTF8.self) }
    }
  }

  /// Checks what holds for the passages of every text.
  private func checkInvariants(
    _ passages: [Passage], _ bytes: [UInt8], _ splitter: PassageSplitter, _ tokenizer: (any Tokenizer)?,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var covered = [Bool](repeating: false, count: bytes.count)
    var previous = -1..<0
    for passage in passages {
      let range = passage.byteRange
      #expect(
        !range.isEmpty && range.lowerBound >= 0 && range.upperBound <= bytes.count, sourceLocation: sourceLocation)
      #expect(range.lowerBound > previous.lowerBound, sourceLocation: sourceLocation)
      #expect(range.upperBound > previous.upperBound, sourceLocation: sourceLocation)
      previous = range
      for index in range { covered[index] = true }
      let before = 1 + bytes[..<range.lowerBound].count { $0 == 0x0a }
      let within = bytes[range].count { $0 == 0x0a }
      #expect(passage.lines == before...before + within, sourceLocation: sourceLocation)
      if let tokenizer {
        var ids: [TokenID] = []
        bytes[range].withUnsafeBufferPointer { tokenizer.encode($0, addingSpecialTokens: false, into: &ids) }
        // Where a word too long is cut, its parts may have a token or two more than they were counted for.
        #expect(ids.count <= splitter.length * 9 / 8, sourceLocation: sourceLocation)
      }
    }
    let lost = bytes.indices.filter { !covered[$0] && bytes[$0] != 0x20 && !(0x09...0x0d).contains(bytes[$0]) }
    #expect(lost.isEmpty, sourceLocation: sourceLocation)
  }

  @Test func `no text is lost, whatever it is`() throws {
    let tokenizer = try WordPieceTokenizerTests.tokenizer.get()
    var random = SplitMix64(seed: 1)
    let pieces = [
      "Mr. Fox ran. ", "He said “stop!” ", "word ", "\n", "\n\n", "\r\n\r\n", "# Heading\n", "```\ncode();\n\n",
      "```\n", "東京。",
      "- item\n", "1. one\n", String(repeating: "x", count: 700),
      String(repeating: "long sentence without an end ", count: 20),
      "…", "a.b.c ", "\t", "!?", "\u{1f600}", "    indented\n",
    ]
    for round in 0..<60 {
      let text = (0..<Int.random(in: 0...60, using: &random)).map { _ in pieces.randomElement(using: &random)! }
        .joined()
      for format in [DocumentFormat.plain, .markdown] {
        let counter: (any Tokenizer)? = round.isMultiple(of: 2) ? tokenizer : nil
        let splitter = PassageSplitter(length: [16, 50, 200][round % 3], tokenizer: counter)
        checkInvariants(splitter.split(text, format: format), Array(text.utf8), splitter, counter)
      }
    }
  }

  @Test func `bytes that are not UTF-8 are kept`() {
    var random = SplitMix64(seed: 2)
    let bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) }
    let splitter = PassageSplitter(length: 20)
    bytes.withUnsafeBufferPointer { checkInvariants(splitter.split($0), bytes, splitter, nil) }
  }

  @Test func `a book becomes passages near the wanted length`() throws {
    let tokenizer = try WordPieceTokenizerTests.tokenizer.get()
    let file = try MappedFile(Self.books.appendingPathComponent("alice-in-wonderland.txt"))
    let bytes = Array(file.bytes)
    let splitter = PassageSplitter(tokenizer: tokenizer)
    let passages = bytes.withUnsafeBufferPointer { splitter.split($0) }
    checkInvariants(passages, bytes, splitter, tokenizer)
    let sizes = passages.map { passage in
      tokenizer.encode(String(decoding: bytes[passage.byteRange], as: UTF8.self)).count
    }
    #expect(sizes.count { $0 >= 100 } * 10 > sizes.count * 9)
    let total = passages.reduce(0) { $0 + $1.byteRange.count }
    #expect(total < bytes.count * 115 / 100)
  }

  @Test func `short paragraphs are joined and long ones are divided between sentences`() {
    let dialogue = (1...30).map { "“Line \($0),” she said." }.joined(separator: "\n\n")
    let passages = PassageSplitter(length: 60).split(dialogue)
    #expect(passages.count < 15)
    for text in texts(passages, of: dialogue) { #expect(text.hasPrefix("“") && text.hasSuffix("said.")) }

    let paragraph = (1...40).map { "Sentence number \($0) stands\nhere." }.joined(separator: " ")
    let parts = texts(PassageSplitter(length: 50).split(paragraph), of: paragraph)
    #expect(parts.count > 3)
    for part in parts { #expect(part.hasPrefix("Sentence") && part.hasSuffix("here.")) }
  }

  @Test func `a passage repeats whole sentences of the one before it`() {
    let text = (1...40).map { "Sentence number \($0) is here." }.joined(separator: " ")
    let passages = PassageSplitter(length: 60, overlap: 8).split(text)
    for (one, next) in zip(passages, passages.dropFirst()) {
      #expect(next.byteRange.lowerBound < one.byteRange.upperBound)
      #expect(one.byteRange.upperBound - next.byteRange.lowerBound < 40)
    }
    let apart = PassageSplitter(length: 60, overlap: 0).split(text)
    for (one, next) in zip(apart, apart.dropFirst()) {
      #expect(next.byteRange.lowerBound >= one.byteRange.upperBound)
    }
  }

  @Test func `a heading begins a passage and stays with what follows`() {
    let text =
      "Intro text.\n\n# Title\n\n## Part one\nBody of one.\n\n## Part two\n\nBody of two.\n\n#hashtag is prose\n"
    #expect(
      texts(PassageSplitter().split(text, format: .markdown), of: text) == [
        "Intro text.", "# Title\n\n## Part one\nBody of one.", "## Part two\n\nBody of two.\n\n#hashtag is prose",
      ])
    #expect(PassageSplitter().split(text).count == 1)
    #expect(PassageSplitter().split(text).first?.lines == 1...12)
  }

  @Test func `fenced code is kept together and its number signs are no headings`() {
    let code = "```swift\n# not a heading\n\n" + String(repeating: "call()\n", count: 12) + "```"
    let text = String(repeating: "Words before the code. ", count: 10) + "\n\n" + code + "\n\nAfter."
    let parts = texts(PassageSplitter(length: 80, overlap: 0).split(text, format: .markdown), of: text)
    #expect(parts.contains { $0.contains(code) })
    let unclosed = "~~~\na\n\n# b\n"
    #expect(texts(PassageSplitter().split(unclosed, format: .markdown), of: unclosed) == ["~~~\na\n\n# b"])
  }

  @Test func `sentences end where a reader would end them`() {
    #expect(
      sentences(
        "Mr. Holmes met Dr. Watson at St. Paul’s. “Indeed!” he said. “Was it J. Smith?” No. It was not, e.g. Moran…")
        == [
          "Mr. Holmes met Dr. Watson at St. Paul’s.", "“Indeed!” he said.", "“Was it J. Smith?”",
          "No. It was not, e.g. Moran…",
        ])
    #expect(
      sentences("It cost 3.50 at www.a.com today. So did I. Then (really.) we left") == [
        "It cost 3.50 at www.a.com today.", "So did I.", "Then (really.) we left",
      ])
    #expect(sentences("これは一。それは「二。」次！") == ["これは一。", "それは「二。」", "次！"])
    #expect(
      sentences("Buy:\n- milk\n- eggs\n1. First item. Then more.") == [
        "Buy:", "- milk", "- eggs", "1. First item.", "Then more.",
      ])
  }

  @Test func `a mark at the start belongs to no passage and keeps the places true`() {
    let text = "\u{feff}Hello there.\nBye."
    #expect(PassageSplitter().split(text) == [Passage(byteRange: 3..<20, lines: 1...2)])
    #expect(PassageSplitter().split("\u{feff} \n").isEmpty)
    #expect(PassageSplitter().split("").isEmpty)
  }

  @Test func `the ending of a name tells the format`() {
    #expect(DocumentFormat(path: "a/README.md") == .markdown)
    #expect(DocumentFormat(path: "x.MARKDOWN") == .markdown)
    #expect(DocumentFormat(path: "a.md/notes.txt") == .plain)
    #expect(DocumentFormat(path: "main.swift") == .code(.swift))
    #expect(DocumentFormat(path: "Page.HTML") == .html && DocumentFormat(path: "html") == .plain)
    #expect(DocumentFormat(path: "") == .plain)
  }
}
