import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

@Suite struct SpikeTokenizerTests {
  let tokenizer: SpikeTokenizer

  init() throws { tokenizer = try SpikeTokenizer(contentsOf: Fixture.url("spikewhale-tiny/tokenizer.json")) }

  @Test func `the published encoding is reproduced`() throws {
    let cases = try #require(try Fixture.json("spikewhale-tiny/tokens.json").array)
    #expect(cases.count == 42)
    for example in cases {
      let text = try #require(example["text"]?.string)
      let ids = try #require(example["ids"]?.array).compactMap(\.integer)
      #expect(tokenizer.encode(text).map(Int.init) == ids, "\(text)")
      #expect(tokenizer.decode(tokenizer.encode(text), skippingSpecialTokens: false) == text)
    }
  }

  @Test func `any bytes come back from their ids`() throws {
    var random = SplitMix64(seed: 1)
    for length in [0, 1, 2, 3, 7, 100, 5000] {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      var ids: [TokenID] = []
      bytes.withUnsafeBufferPointer { tokenizer.encode($0, addingSpecialTokens: true, into: &ids) }
      let back = ids.flatMap { Array(tokenizer.bytes(of: $0) ?? []) }
      #expect(back == bytes)
    }
  }

  @Test func `a match is never shorter than a slow search finds`() throws {
    let text = "Alaska <|im_end|>Native <pad>Claims Settlement <think>développement</think>, 東京 developed"
    let keys = (0..<700).map { Array(tokenizer.bytes(of: TokenID($0)) ?? []) }
    let specials = tokenizer.specialTokens.map { Int($0) }
    var expected: [Int] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      // No token may reach into a special token further on.
      let limit = rest.indices.first { start in specials.contains { rest[start...].starts(with: keys[$0]) } }
      let piece = limit == rest.startIndex ? rest : rest[..<(limit ?? rest.endIndex)]
      let choices = limit == rest.startIndex ? specials : Array(keys.indices)
      let best = choices.filter { piece.starts(with: keys[$0]) }.max { keys[$0].count < keys[$1].count }
      let id = try #require(best)
      expected.append(id)
      rest = rest.dropFirst(keys[id].count)
    }
    #expect(tokenizer.encode(text).map(Int.init) == expected)
  }

  @Test func `tokens are found by their text`() {
    #expect(tokenizer.id(of: "<|im_end|>") == 684)
    #expect(tokenizer.id(of: "develop") == 681)
    #expect(tokenizer.id(of: "devel") == nil)
    #expect(tokenizer.id(of: "") == nil)
    #expect(tokenizer.token(681) == "develop")
    #expect(tokenizer.token(-1) == nil)
    #expect(tokenizer.token(700) == nil)
    #expect(tokenizer.vocabularySize == 700)
  }

  @Test func `special tokens are left out of the text unless asked for`() {
    let ids = tokenizer.encode("a<|im_end|>b<eos>")
    #expect(tokenizer.decode(ids) == "ab")
    #expect(tokenizer.decode(ids, skippingSpecialTokens: false) == "a<|im_end|>b<eos>")
  }

  @Test func `streamed text is whole characters and joins to the text decoded at once`() {
    for text in ["naïve 東京 😀👩‍👧 <|im_end|>", "", "a"] {
      var decoder = IncrementalDecoder(tokenizer)
      var pieces = Array(text.utf8).map { decoder.append(TokenID($0) + 4) }
      #expect(!pieces.joined().unicodeScalars.contains("\u{fffd}"))
      pieces.append(decoder.finish())
      #expect(pieces.joined() == text)
    }
  }

  @Test func `streamed bytes that are not UTF-8 give what decoding at once gives`() {
    var random = SplitMix64(seed: 1)
    let bytes: [UInt8] = [0x61, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xa0, 0xed, 0xf0, 0x90, 0xf4, 0xf5, 0xff]
    for _ in 0..<2000 {
      let ids = (0..<6).map { _ in TokenID(bytes.randomElement(using: &random)!) + 4 }
      var decoder = IncrementalDecoder(tokenizer)
      let streamed = ids.map { decoder.append($0) }.joined() + decoder.finish()
      #expect(streamed == tokenizer.decode(ids), "\(ids)")
    }
  }

  static let bytesVocabulary = (0..<256).map { byte in
    var text = ""
    JSONValue.write(String(Unicode.Scalar(UInt8(byte))), to: &text)
    return "\(text): \(byte)"
  }

  static let broken: [(name: String, json: String)] = [
    ("no vocab", "{}"),
    ("not JSON", "vocab"),
    ("a Hugging Face tokenizer", #"{"model": {"type": "WordPiece"}}"#),
    ("a missing byte", "{\"vocab\": {\(bytesVocabulary.dropLast().joined(separator: ","))}}"),
    ("a hole", "{\"vocab\": {\(bytesVocabulary.joined(separator: ",")), \"ab\": 257}}"),
    ("a negative id", "{\"vocab\": {\(bytesVocabulary.joined(separator: ",")), \"ab\": -1}}"),
    ("an id twice", "{\"vocab\": {\(bytesVocabulary.joined(separator: ",")), \"ab\": 255}}"),
    ("a token twice", "{\"vocab\": {\(bytesVocabulary.joined(separator: ",")), \"A\": 256}}"),
    ("an empty token", "{\"vocab\": {\(bytesVocabulary.joined(separator: ",")), \"\": 256}}"),
    ("a character beyond a byte", "{\"vocab\": {\(bytesVocabulary.joined(separator: ",")), \"東\": 256}}"),
    ("a vocab_size too small", "{\"vocab_size\": 9, \"vocab\": {\(bytesVocabulary.joined(separator: ","))}}"),
    (
      "a vocab_size beyond reason",
      "{\"vocab_size\": 999999999, \"vocab\": {\(bytesVocabulary.joined(separator: ","))}}"
    ),
    (
      "an unknown special token",
      "{\"special_tokens\": [\"<x>\"], \"vocab\": {\(bytesVocabulary.joined(separator: ","))}}"
    ),
    ("another algorithm", "{\"algorithm\": \"bpe\", \"vocab\": {\(bytesVocabulary.joined(separator: ","))}}"),
    ("no length", "{\"max_token_len\": 0, \"vocab\": {\(bytesVocabulary.joined(separator: ","))}}"),
  ]

  @Test(arguments: broken) func `a broken vocabulary is a typed error`(_ example: (name: String, json: String)) {
    #expect(throws: MinkeError.self, "\(example.name)") {
      try Array(example.json.utf8).withUnsafeBytes { try SpikeTokenizer(json: $0, named: "tokenizer.json") }
    }
  }

  @Test func `tokens longer than the limit are never chosen`() throws {
    let json =
      "{\"max_token_len\": 2, \"vocab\": {\(Self.bytesVocabulary.joined(separator: ",")), \"abc\": 256, \"ab\": 257}}"
    let short = try Array(json.utf8).withUnsafeBytes { try SpikeTokenizer(json: $0, named: "tokenizer.json") }
    #expect(short.encode("abc") == [257, 99])
  }
}
