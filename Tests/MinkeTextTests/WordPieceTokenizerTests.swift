import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

/// The ids are compared with those of Hugging Face `tokenizers`; each golden file names its origin.
struct WordPieceTokenizerTests {
  static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent(
      "Sources/MinkeBuiltInModels/Resources/minke-sse-en/tokenizer.json")
  static let tokenizer = Result { try WordPieceTokenizer(contentsOf: file) }

  let tokenizer: WordPieceTokenizer
  init() throws { tokenizer = try Self.tokenizer.get() }

  private func ids(_ value: JSONValue?) throws -> [TokenID] {
    try #require(value?.array).map { TokenID(try #require($0.integer)) }
  }

  /// The tokenizer of the bundled file with some of its members replaced.
  private func variant(_ change: (inout [String: JSONValue]) -> Void) throws -> WordPieceTokenizer {
    let file = try MappedFile(Self.file)
    var members = try #require(try JSONValue(parsing: file.bytes, subject: file.path).object)
    change(&members)
    return try Self.parse(JSONValue.object(members).text)
  }

  static func parse(_ text: String) throws -> WordPieceTokenizer {
    var text = text
    return try text.withUTF8 { try WordPieceTokenizer(parsing: UnsafeRawBufferPointer($0), subject: "test") }
  }

  @Test func `gives the reference ids for every line of the fixture`() throws {
    let lines = try #require(try Fixture.json("wordpiece.json").array)
    #expect(lines.count > 100)
    for line in lines {
      let text = try #require(line["text"]?.string)
      #expect(tokenizer.encode(text) == (try ids(line["ids"])), "\(text)")
      #expect(tokenizer.encode(text, addingSpecialTokens: true) == (try ids(line["ids_special"])), "\(text)")
    }
  }

  @Test func `gives the reference ids for scalars of all planes`() throws {
    let golden = try Fixture.json("wordpiece-unicode.json")
    let texts = try #require(golden["texts"]?.array)
    for (text, expected) in zip(texts, try #require(golden["ids"]?.array)) {
      let text = try #require(text.string)
      #expect(tokenizer.encode(text) == (try ids(expected)), "\(text.debugDescription)")
    }
  }

  @Test func `follows every option of the normalizer`() throws {
    for variant in try #require(try Fixture.json("wordpiece-unicode.json")["normalizers"]?.array) {
      let tokenizer = try self.variant { $0["normalizer"] = variant["normalizer"] }
      for (text, expected) in zip(try #require(variant["texts"]?.array), try #require(variant["ids"]?.array)) {
        let text = try #require(text.string)
        #expect(
          tokenizer.encode(text) == (try ids(expected)),
          "\(variant["normalizer"]?.text ?? "") \(text.debugDescription)")
      }
    }
  }

  @Test func `decodes as the reference does`() throws {
    for line in try #require(try Fixture.json("wordpiece-unicode.json")["decoded"]?.array) {
      let ids = try ids(line["ids"])
      #expect(tokenizer.decode(ids) == line["text"]?.string)
      #expect(tokenizer.decode(ids, skippingSpecialTokens: false) == line["all"]?.string)
    }
  }

  /// White space that one token strips may hold another; the ids are those of Hugging Face tokenizers 0.23.
  @Test(
    arguments: [
      ([("  ", true, true), (" ", false, false)], [[4, 5], [2, 4, 1, 3, 5], [1, 5, 5, 2], [5, 5, 1, 4, 1]]),
      ([(" ", true, true)], [[4], [2, 4, 1, 3, 4], [1, 4, 2], [4, 1, 4, 1]]),
      ([(" ", false, true)], [[4, 4, 4], [2, 4, 4, 4, 4, 1, 3, 4], [1, 4, 4, 2], [4, 4, 1, 4, 4, 1]]),
      (
        [("\t", false, false), (" ", false, true)],
        [[5, 5, 5], [2, 5, 5, 5, 5, 1, 3, 5], [1, 4, 5, 4, 5, 2], [5, 4, 5, 1, 5, 5, 1]]
      ),
      ([(" a", false, true)], [[], [2, 4, 3], [1, 2], [4, 4]]),
    ] as [([(String, Bool, Bool)], [[TokenID]])])
  func `tokens of white space that strip are cut as the reference cuts them`(
    tokens: [(text: String, left: Bool, right: Bool)], expected: [[TokenID]]
  ) throws {
    let added: [JSONValue] = tokens.enumerated().map { index, token in
      [
        "id": .integer(4 + index), "content": .string(token.text), "single_word": false,
        "lstrip": .boolean(token.left), "rstrip": .boolean(token.right), "normalized": false, "special": false,
      ]
    }
    let file: JSONValue = [
      "added_tokens": .array(added), "pre_tokenizer": ["type": "BertPreTokenizer"],
      "model": ["type": "WordPiece", "vocab": ["[UNK]": 0, "a": 1, "b": 2, ",": 3]],
    ]
    let tokenizer = try Self.parse(file.text)
    let texts = ["   ", "b    a, ", "a\t \t b", " \t a  a"]
    #expect(texts.map { tokenizer.encode($0) } == expected)
  }

  @Test func `finds added tokens as the reference does`() throws {
    let golden = try #require(try Fixture.json("wordpiece-unicode.json")["added"])
    let tokenizer = try variant { members in
      members["added_tokens"] = .array(
        (members["added_tokens"]?.array ?? []) + (golden["tokens"]?.array ?? []))
    }
    #expect(tokenizer.vocabularySize == 30525)
    #expect(tokenizer.token(30522) == "<ent>")
    #expect(tokenizer.id(of: "foobar") == 30524)
    for (text, expected) in zip(try #require(golden["texts"]?.array), try #require(golden["ids"]?.array)) {
      let text = try #require(text.string)
      #expect(tokenizer.encode(text) == (try ids(expected)), "\(text)")
    }
  }

  @Test func `truncates from either side and counts special tokens`() throws {
    for line in try #require(try Fixture.json("wordpiece-unicode.json")["truncated"]?.array) {
      let length = try #require(line["length"])
      let tokenizer = try variant {
        $0["truncation"] = .object(["max_length": length, "direction": line["direction"] ?? .null])
      }
      let text = try #require(line["text"]?.string)
      let special = try #require(line["special"]?.boolean as Bool?)
      #expect(tokenizer.encode(text, addingSpecialTokens: special) == (try ids(line["ids"])), "\(line.text)")
      #expect(tokenizer.truncating(to: nil).encode(text).count > 10)
    }
    #expect(tokenizer.maximumLength == nil)
    #expect(tokenizer.truncating(to: 3).encode("one two three four", addingSpecialTokens: true).count == 3)
  }

  @Test func `encodes many texts as it encodes each`() throws {
    let texts = (0..<500).map {
      "Text number \($0) isn’t like the others: \(String(repeating: "naïve ", count: $0 % 7))"
    }
    #expect(try tokenizer.encode(texts) == texts.map { tokenizer.encode($0) })
    #expect(
      try tokenizer.encode(texts, addingSpecialTokens: true)
        == texts.map { tokenizer.encode($0, addingSpecialTokens: true) })
    #expect(try tokenizer.encode([String]()).isEmpty)
  }

  @Test func `knows tokens by id and by text`() {
    #expect(tokenizer.vocabularySize == 30522)
    #expect(tokenizer.id(of: "[CLS]") == 101)
    #expect(tokenizer.id(of: "##ing") == 2075)
    #expect(tokenizer.id(of: "ing") == 13749)
    #expect(tokenizer.token(2088) == "world")
    #expect(tokenizer.token(-1) == nil)
    #expect(tokenizer.token(30522) == nil)
    #expect(tokenizer.id(of: "no such token") == nil)
    #expect(tokenizer.id(of: "") == nil)
    #expect(tokenizer.decode([7592, -5, 99_999, 2088]) == "hello world")
  }

  @Test func `takes bytes that are not UTF-8 for replacement characters`() {
    func encode(_ bytes: [UInt8]) -> [TokenID] {
      var ids: [TokenID] = []
      bytes.withUnsafeBufferPointer { tokenizer.encode($0, addingSpecialTokens: false, into: &ids) }
      return ids
    }
    var random = SplitMix64(seed: 1)
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0...255, using: &random)
          : [0x20, 0x61, 0xe2, 0x80, 0x99, 0xf0, 0xcc, 0x81].randomElement(using: &random)!
      }
      #expect(encode(bytes) == tokenizer.encode(String(decoding: bytes, as: UTF8.self)), "\(bytes)")
    }
  }

  @Test func `a word too long is one unknown token and is not kept`() {
    let unknown = tokenizer.id(of: "[UNK]")
    #expect(tokenizer.encode(String(repeating: "a", count: 100)).count > 1)
    #expect(tokenizer.encode(String(repeating: "a", count: 101)) == [unknown])
    #expect(tokenizer.encode(String(repeating: "a", count: 100_000) + " b") == [unknown, 1038])
    #expect(tokenizer.encode("x" + String(repeating: "\u{302e}", count: 50_000)) == [unknown])
    #expect(tokenizer.encode("x" + String(repeating: "\u{301}", count: 50_000)) == [1060])
  }

  @Test func `words at the end of the text are read as anywhere else`() {
    for length in 1...40 {
      let word = String("internationalizationandcomputationalists".prefix(length))
      #expect(tokenizer.encode("a " + word) == [1037] + tokenizer.encode(word + " and").dropLast(), "\(word)")
      #expect(tokenizer.encode(word.uppercased() + "!").dropLast() == tokenizer.encode(word)[...], "\(word)")
    }
  }
}
