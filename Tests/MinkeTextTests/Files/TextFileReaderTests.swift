import Foundation
import MinkeTestSupport
import Testing

@testable import MinkeText

struct TextFileReaderTests {
  /// The text of a file of `bytes`, read in pieces of about `piece` bytes.
  private func read(
    _ bytes: [UInt8], as encoding: TextEncoding? = nil, piece: Int = 1 << 20
  ) throws -> (text: String, encoding: TextEncoding) {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("file")
      try Data(bytes).write(to: file)
      var reader = try TextFileReader(FilePath(file.path), encoding: encoding)
      var text: [UInt8] = []
      while !reader.isAtEnd { try reader.read(piece, into: &text) }
      return (try #require(String(validating: text, as: UTF8.self)), reader.encoding)
    }
  }

  @Test(arguments: [1, 2, 3, 5, 7, 4096])
  func `text is the same in pieces of any size and in every encoding`(piece: Int) throws {
    let text = "naïve €5 — 東京 😀 café \r\n x"
    #expect(try read(Array(text.utf8), piece: piece).text == text)
    #expect(try read([0xef, 0xbb, 0xbf] + text.utf8, piece: piece).text == "\u{feff}" + text)
    for (encoding, isLittle) in [(TextEncoding.utf16LittleEndian, true), (.utf16BigEndian, false)] {
      let bytes = text.utf16.flatMap { unit in
        isLittle ? [UInt8(unit & 0xff), UInt8(unit >> 8)] : [UInt8(unit >> 8), UInt8(unit & 0xff)]
      }
      #expect(try read(bytes, as: encoding, piece: piece).text == text)
      if piece > 1 {
        // The mark tells the encoding, whatever was said.
        let marked = try read((isLittle ? [0xff, 0xfe] : [0xfe, 0xff]) + bytes, as: .windows1252, piece: piece)
        #expect(marked.text == "\u{feff}" + text && marked.encoding == encoding)
      }
    }
    #expect(try read([0x63, 0xe9, 0x80, 0x9f, 0x81], as: .windows1252, piece: piece).text == "cé€Ÿ\u{81}")
  }

  @Test func `what is no text is told by its first block or its bytes`() {
    #expect(throws: SkipReason.binary) { try read([0x61, 0, 0x62]) }
    #expect(throws: SkipReason.binary) { try read([0x61, 0, 0x62], as: .windows1252) }
    #expect(throws: SkipReason.notText(.utf8)) { try read([0x61, 0xff, 0x62]) }
    #expect(throws: SkipReason.notText(.utf8)) { try read([0x61, 0xe2, 0x82]) }
    #expect(throws: SkipReason.binary) { try read([0xff, 0xfe, 0x41, 0, 0, 0]) }
  }

  @Test func `a large file with one wrong byte at its end gives nothing at all`() throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("file")
      try Data(repeatElement(UInt8(ascii: "a"), count: 300_000) + [0xff]).write(to: file)
      var reader = try TextFileReader(FilePath(file.path))
      var text: [UInt8] = []
      #expect(throws: SkipReason.notText(.utf8)) { try reader.read(1000, into: &text) }
    }
  }

  @Test func `names of encodings are known in many spellings`() {
    #expect(TextEncoding(name: "Latin-1") == .windows1252)
    #expect(TextEncoding(name: "UTF-16BE") == .utf16BigEndian)
    #expect(TextEncoding(name: "ebcdic") == nil)
    for encoding in TextEncoding.allCases { #expect(TextEncoding(name: encoding.rawValue) == encoding) }
  }
}
