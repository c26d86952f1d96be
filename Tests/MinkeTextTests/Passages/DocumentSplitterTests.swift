import Foundation
import MinkeCore
import Testing

@testable import MinkeText

struct DocumentSplitterTests {
  /// Splits `text`, given in pieces that end after `ends` of its bytes each.
  private func split(
    _ text: [UInt8], pieces ends: [Int], _ splitter: PassageSplitter, format: DocumentFormat,
    encoding: TextEncoding = .utf8
  ) -> [(found: DocumentSplitter.Found, ids: [TokenID]?)] {
    var document = DocumentSplitter(splitter, format: format, keepsIDs: true)
    var result: [(DocumentSplitter.Found, [TokenID]?)] = []
    for end in ends {
      let base = document.neededFrom
      let isLast = end == text.count
      text[base..<end].withUnsafeBufferPointer { piece in
        let blocks = document.blocks(in: piece, from: base, isLast: isLast)
        // The blocks in two parts, as by two threads.
        let half = blocks.count / 2
        let units = [blocks[..<half], blocks[half...]].map { document.units(of: $0, in: piece) }
        let packed = document.pack(units, in: piece, from: base, isLast: isLast, encoding: encoding)
        result += packed.passages.map { found in (found, found.ids.map { Array(packed.ids[$0]) }) }
      }
    }
    return result
  }

  private static let pieces = [
    "Mr. Fox ran. ", "He said “stop!” ", "word ", "\n", "\n\n", "\r\n\r\n", "# Heading\n", "```\ncode();\n\n", "```\n",
    "東京。それは「二。」", "- item\n", String(repeating: "x", count: 700), "\u{c}", "a\u{b}b ", "naïve e\u{301} ",
    String(repeating: "long sentence without an end ", count: 20), "\u{1f600}", "[SEP] ",
  ]

  private func randomText(_ random: inout SplitMix64, count: Int) -> [UInt8] {
    (0..<count).flatMap { _ in Array(Self.pieces.randomElement(using: &random)!.utf8) }
  }

  @Test func `passages do not depend on where pieces end`() throws {
    let tokenizer = try WordPieceTokenizerTests.tokenizer.get()
    var random = SplitMix64(seed: 5)
    for round in 0..<40 {
      let text = randomText(&random, count: Int.random(in: 1...120, using: &random))
      let splitter = PassageSplitter(length: [16, 50, 200][round % 3], tokenizer: tokenizer)
      let format: DocumentFormat = round.isMultiple(of: 2) ? .plain : .markdown
      let whole = text.withUnsafeBufferPointer { splitter.split($0, format: format) }
      var ends = (0..<5).map { _ in Int.random(in: 0...text.count, using: &random) }.sorted()
      // A piece ends between two characters.
      ends = ends.map { end in
        var end = end
        while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
        return end
      }
      let parts = split(text, pieces: ends.filter { $0 < text.count } + [text.count], splitter, format: format)
      #expect(parts.map(\.found.passage) == whole)
    }
  }

  @Test func `the tokens handed on are those of the passage's text`() throws {
    let tokenizer = try WordPieceTokenizerTests.tokenizer.get()
    var random = SplitMix64(seed: 6)
    var known = 0
    for round in 0..<40 {
      let text = randomText(&random, count: 80)
      let splitter = PassageSplitter(length: [20, 60, 200][round % 3], tokenizer: tokenizer)
      for (found, ids) in split(text, pieces: [text.count], splitter, format: .plain) {
        guard let ids else { continue }
        known += 1
        let passage = String(decoding: text[found.textRange], as: UTF8.self)
        #expect(ids == tokenizer.encode(passage), "\(passage)")
      }
    }
    // Much of the text is made so that its tokens are not those of its parts.
    #expect(known > 100)
  }

  @Test func `a paragraph and a line without end are divided, and nothing of them is lost`() {
    let words = Array(String(repeating: "word ", count: 40_000).utf8)
    let solid = Array(String(repeating: "é", count: 100_000).utf8)
    let lines = Array(String(repeating: "a line of text\n", count: 20_000).utf8)
    for text in [words, solid, lines, Array("```\n".utf8) + lines] {
      for format in [DocumentFormat.plain, .markdown] {
        let blocks = text.withUnsafeBufferPointer { text in
          var blocks = TextBlocks(text, format: format)
          return Array(IteratorSequence(AnyIterator { blocks.next() }))
        }
        #expect(blocks.count > 1)
        #expect(blocks.allSatisfy { $0.range.count <= TextBlocks.limit })
        #expect(blocks.allSatisfy { text[$0.range.lowerBound] & 0xc0 != 0x80 })
        let covered = blocks.reduce(0) { $0 + text[$1.range].count { $0 > 0x20 } }
        let wanted = text.count { $0 > 0x20 }
        #expect(covered == wanted)
        if text.starts(with: "```".utf8), format == .markdown { #expect(blocks.allSatisfy { $0.isCode }) }
        let ends = Array(stride(from: 140_000, to: text.count, by: 70_000)) + [text.count]
        let splitter = PassageSplitter()
        let whole = text.withUnsafeBufferPointer { splitter.split($0, format: format) }
        #expect(split(text, pieces: ends, splitter, format: format).map(\.found.passage) == whole)
      }
    }
  }

  @Test func `places are those of the file in its own encoding`() {
    let text = "\u{feff}Café 😀.\r\n\r\nSecond paragraph.\r\n"
    let splitter = PassageSplitter(length: 4, overlap: 0)
    for (encoding, file) in [
      (TextEncoding.utf8, Array(text.utf8)),
      (.utf16LittleEndian, text.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }),
    ] {
      let found = split(Array(text.utf8), pieces: [text.utf8.count], splitter, format: .plain, encoding: encoding)
      let last = found[found.count - 1].found.passage
      #expect(last.lines == 3...3)
      let bytes = Array(file[last.byteRange])
      let back =
        encoding == .utf8
        ? String(decoding: bytes, as: UTF8.self)
        : String(
          decoding: stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 },
          as: UTF16.self)
      #expect(back == "Second paragraph.")
    }
  }
}
