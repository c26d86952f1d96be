import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

struct FormatTests {
  @Test func `headings of reStructuredText and Org begin passages`() {
    let splitter = PassageSplitter()
    func texts(_ text: String, _ format: DocumentFormat) -> [String] {
      let bytes = Array(text.utf8)
      return splitter.split(text, format: format).map { String(decoding: bytes[$0.byteRange], as: UTF8.self) }
    }
    let rst =
      "=====\nTitle\n=====\n\nText of\nit.\n\nPart: é\n-------\nMore.\n\n- no\n- title\n\n====  ====\na     b\n====  ====\n"
    #expect(
      texts(rst, .restructuredText) == [
        "=====\nTitle\n=====\n\nText of\nit.",
        "Part: é\n-------\nMore.\n\n- no\n- title\n\n====  ====\na     b\n====  ====",
      ])
    #expect(texts("Title\n=", .restructuredText).count == 1)
    #expect(
      texts("* One\ntext\n** Two\n  * no heading\n*bold*\n", .org) == ["* One\ntext", "** Two\n  * no heading\n*bold*"])
    #expect(texts(rst, .plain).count == 1)
  }

  @Test func `passages of all headings do not depend on where pieces end`() {
    var random = SplitMix64(seed: 7)
    let pieces = ["Title\n", "=====\n", "-----\n", "\n", "* star\n", "text text\n", "===", "é é\n"]
    for round in 0..<200 {
      let text = (0..<30).flatMap { _ in Array(pieces.randomElement(using: &random)!.utf8) }
      let format: DocumentFormat = round.isMultiple(of: 2) ? .restructuredText : .org
      let splitter = PassageSplitter(length: 8)
      let whole = text.withUnsafeBufferPointer { splitter.split($0, format: format) }
      var document = DocumentSplitter(splitter, format: format, keepsIDs: false)
      var found: [Passage] = []
      for end in [10, 40, 70, text.count].map({ min($0, text.count) }) {
        let (base, isLast) = (document.neededFrom, end == text.count)
        text[base..<end].withUnsafeBufferPointer { piece in
          let blocks = document.blocks(in: piece, from: base, isLast: isLast)
          let units = document.units(of: blocks[...], in: piece)
          found += document.pack([units], in: piece, from: base, isLast: isLast).passages.map(\.passage)
        }
        if isLast { break }
      }
      #expect(found == whole)
    }
  }

  @Test func `a whole document is one passage`() throws {
    let tokenizer = try WordPieceTokenizerTests.tokenizer.get()
    let text = (0..<500).map { "# Heading \($0)\n\nSentence one. Sentence two.\n\n```\ncode\n```\n" }.joined()
    let splitter = PassageSplitter.whole.counting(with: tokenizer)
    for format in [DocumentFormat.plain, .markdown, .restructuredText] {
      #expect(splitter.split(text, format: format).map(\.byteRange) == [0..<text.utf8.count - 1])
    }
    #expect(splitter.split(" \n").isEmpty)
    let rows = try #require(try StructuredText(Array("a,b\n1,2\n3,4\n".utf8), format: .csv))
    #expect(splitter.split(rows).count == 1)
  }

  @Test func `a map leads back to the source`() {
    var map = PositionMap()
    map.append(5, from: 10..<15)
    map.append(3, from: 15..<18)
    map.append(1, from: 18..<23)
    map.append(2, from: 23..<23)
    map.append(4, from: 30..<34)
    #expect(map.source(of: 2..<7) == 12..<17)
    #expect(map.source(of: 8..<9) == 18..<23)
    #expect(map.source(of: 7..<10) == 17..<23)
    #expect(map.source(of: 9..<13) == 23..<32)
    map.remove(from: 13)
    map.append(1, from: 40..<41)
    #expect(map.source(of: 11..<14) == 30..<41)
    #expect(map.source(of: 3..<3) == 0..<0)
  }

  @Test func `places are counted in the bytes of the file, whatever its encoding`() throws {
    let text = String(repeating: "é😀\n", count: 3000)
    let wide = PlaceIndex(Array(text.utf8), encoding: .utf16LittleEndian)
    let latin = PlaceIndex(Array(String(repeating: "é\n", count: 5000).utf8), encoding: .windows1252)
    for line in [0, 1, 500, 2999] {
      let place = wide.place(of: line * 7)
      #expect(place.line == line + 1 && place.byte == line * 8)
      let byte = latin.place(of: line * 3).byte
      #expect(byte == line * 2)
    }
  }

  @Test func `files are read by their names' endings, in their encoding`() throws {
    try Fixture.withTemporaryFolder { folder in
      func read(_ name: String, _ bytes: [UInt8], encoding: TextEncoding? = nil) throws -> StructuredText? {
        let url = folder.appendingPathComponent(name)
        try Data(bytes).write(to: url)
        return try StructuredText(
          file: FilePath(url.path), size: bytes.count, format: DocumentFormat(path: name), encoding: encoding)
      }
      let page = Array("<meta charset=latin1><p>caf".utf8) + [0xe9]
      #expect(try read("a.html", page).map { String(decoding: $0.text, as: UTF8.self) } == "café\n\n")
      #expect(throws: SkipReason.notText(.utf8)) { try read("b.html", [0x61, 0xe9]) }
      #expect(try read("b.html", [0x61, 0xe9], encoding: .windows1252)?.text.count == 5)
      #expect(throws: SkipReason.binary) { try read("c.csv", [0x61, 0, 0x62]) }
      #expect(try read("d.txt", [0x61]) == nil && read("d.md", [0x61]) == nil)
      #expect(throws: SkipReason.gone) {
        try StructuredText(file: FilePath(folder.path + "/none.csv"), size: 0, format: .csv, encoding: nil)
      }
      let wide: [UInt8] = [0xff, 0xfe] + "a,b\n1,é\n".utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
      let rows = try #require(try read("e.csv", wide))
      let passage = try #require(PassageSplitter().split(rows).first?.passage)
      #expect(passage.byteRange == 10..<16 && passage.lines == 2...2)
    }
  }
}
