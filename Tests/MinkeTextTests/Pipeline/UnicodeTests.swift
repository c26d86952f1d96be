import MinkeCore
import Testing

@testable import MinkeText

struct UnicodeTests {
  private func normalized(_ text: String, _ normalizer: Normalizer) -> String {
    var text = text
    let room = ByteRoom()
    return text.withUTF8 { String(decoding: normalizer.apply($0, in: room), as: UTF8.self) }
  }

  private func scalars(_ text: String, _ normalizer: Normalizer) -> [UInt32] {
    normalized(text, normalizer).unicodeScalars.map(\.value)
  }

  @Test func `characters are taken apart and put together`() {
    #expect(scalars("ệ각", .unicode(.nfd)) == [0x65, 0x323, 0x302, 0x1100, 0x1161, 0x11a8])
    #expect(scalars("e\u{302}\u{323}\u{1100}\u{1161}\u{11a8}", .unicode(.nfc)) == [0x1ec7, 0xac01])
    #expect(scalars("ﬁ①㌀", .unicode(.nfkc)).first == 0x66)
    #expect(scalars("\u{958}\u{2126}", .unicode(.nfc)) == [0x915, 0x93c, 0x3a9])
    #expect(scalars("a\u{301}\u{327}b", .unicode(.nfc)) == [0xe1, 0x327, 0x62])
    #expect(scalars("plain é", .unicode(.nfc)) == Array("plain é".unicodeScalars.map(\.value)))
  }

  @Test func `what is normalized stays as it is when it is normalized again`() {
    var random = SplitMix64(seed: 3)
    for form: UnicodeNormalization in [.nfd, .nfkd, .nfc, .nfkc] {
      for _ in 0..<2000 {
        let text = String(
          String.UnicodeScalarView(
            (0..<12).compactMap { _ in
              Unicode.Scalar(
                UInt32.random(
                  in: [0x41...0x17f, 0x300...0x345, 0x900...0xdff, 0x1100...0x11ff, 0xac00...0xad00, 0x1e00...0x2fff]
                    .randomElement(using: &random) ?? 0...0, using: &random))
            }))
        let once = normalized(text, .unicode(form))
        #expect(normalized(once, .unicode(form)).utf8.elementsEqual(once.utf8))
      }
    }
  }

  @Test func `a run of marks is put in order without growing time`() {
    let marks = String(repeating: "\u{301}\u{323}\u{334}", count: 50_000)
    let ordered = scalars("a" + marks, .unicode(.nfd))
    #expect(ordered[1] == 0x334 && ordered[50_001] == 0x323 && ordered[150_000] == 0x301)
  }

  @Test func `graphemes end where Unicode ends them`() {
    for (text, ends) in [
      ("ab", [1, 2]), ("e\u{301}x", [3, 4]), ("\r\n\r", [2, 3]), ("👨‍👩‍👧x", [18, 19]), ("🇫🇷🇩🇪🇫", [8, 16, 20]),
      ("각\u{11a8}\u{1100}\u{1161}", [6, 12]), ("\u{600}a", [3]), ("\u{915}\u{94d}\u{937}\u{93f}", [12]),
      ("a\u{1}b", [1, 2, 3]),
      ("\u{a9}\u{200d}\u{a9}", [7]), ("a\u{200d}\u{a9}", [4, 6]),
    ] as [(String, [Int])] {
      var text = text
      text.withUTF8 { bytes in
        var found: [Int] = []
        while found.last != bytes.count { found.append(Graphemes.end(in: bytes, from: found.last ?? 0)) }
        #expect(found == ends)
      }
    }
  }

  @Test func `bytes that are no text are repaired as Swift repairs them`() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0x60...0x7f, using: &random) : .random(in: 0x80...0xff, using: &random)
      }
      let room = ByteRoom()
      bytes.withUnsafeBufferPointer { room.append(repairing: $0) }
      #expect(room.bytes.elementsEqual(String(decoding: bytes, as: UTF8.self).utf8))
    }
  }
}
