import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

/// Tokenizers of every kind that Hugging Face `tokenizers` reads, held to the ids that it gives.
struct TokenizerFixtureTests {
  static let names = [
    "roberta", "gpt2", "modernbert", "llama3", "qwen2", "llama2", "metaspace", "metaspace-fused", "suffix", "prefix",
    "xlm-roberta", "t5", "albert", "cuts", "mpnet", "wordpiece",
  ]

  static func read(_ name: String) throws -> any FileTokenizer {
    try TokenizerReader.read(Fixture.url("tokenizers/\(name).json"))
  }

  static func texts() throws -> [String] {
    try #require(try Fixture.json("tokenizers/texts.json").array).map { try #require($0.string) }
  }

  @Test(arguments: names)
  func `texts have the ids that the reference gives them`(name: String) throws {
    let tokenizer = try Self.read(name)
    let rows = try #require(try Fixture.json("tokenizers/\(name).ids.json").array)
    for (text, row) in zip(try Self.texts(), rows) {
      let expected = try #require(row.array?.first?.array).compactMap { $0.integer.map { TokenID($0) } }
      let ids = tokenizer.encode(text, addingSpecialTokens: true)
      #expect(ids == expected, "\(name): \(text.debugDescription)")
      if let decoded = row.array?.dropFirst().first?.string {
        #expect(tokenizer.decode(expected) == decoded, "\(name): \(text.debugDescription)")
      }
    }
  }

  @Test(arguments: names)
  func `a text that is cut keeps the tokens around it`(name: String) throws {
    let tokenizer = try Self.read(name)
    let around = tokenizer.encode("", addingSpecialTokens: true).count
    for text in try Self.texts() {
      let whole = tokenizer.encode(text)
      let with = tokenizer.encode(text, addingSpecialTokens: true)
      for limit in [around, around + 1, 7] {
        let short = tokenizer.truncating(to: limit)
        #expect(short.encode(text) == Array(whole.prefix(limit)))
        let cut = short.encode(text, addingSpecialTokens: true)
        #expect(cut.count == min(limit, with.count))
        #expect(short.truncating(left: true).encode(text) == Array(whole.suffix(limit)))
      }
    }
  }

  @Test(arguments: names)
  func `tokens and ids lead to each other`(name: String) throws {
    let tokenizer = try Self.read(name)
    for id in 0..<TokenID(tokenizer.vocabularySize) {
      let token = try #require(tokenizer.token(id))
      #expect(tokenizer.id(of: token) == id)
    }
    #expect(tokenizer.token(-1) == nil && tokenizer.token(TokenID(tokenizer.vocabularySize)) == nil)
  }

  @Test(arguments: names)
  func `bytes that are not UTF-8 count as U+FFFD`(name: String) throws {
    let tokenizer = try Self.read(name)
    for bytes: [UInt8] in [
      [0xff], [0x61, 0xc3, 0x62], [0xe2, 0x96], [0xf0, 0x9f, 0x98, 0x41], [0xed, 0xa0, 0x80], [0xc0, 0x80, 0x20, 0x80],
      Array("hello wor".utf8) + [0xf4, 0x90, 0x80, 0x80] + Array("ld and more".utf8),
    ] {
      var ids: [TokenID] = []
      bytes.withUnsafeBufferPointer { tokenizer.encode($0, addingSpecialTokens: true, into: &ids) }
      #expect(ids == tokenizer.encode(String(decoding: bytes, as: UTF8.self), addingSpecialTokens: true))
    }
  }

  @Test func `files that BERT could have made are read by the tokenizer of BERT`() throws {
    for name in Self.names { #expect((try Self.read(name) is WordPieceTokenizer) == (name == "mpnet")) }
  }

  @Test(arguments: names.filter { $0 != "mpnet" })
  func `many threads give the ids of one`(name: String) throws {
    let tokenizer = try #require(try Self.read(name) as? PipelineTokenizer)
    let texts = try Self.texts()
    let many = (0..<40).flatMap { _ in texts }
    let ids = try tokenizer.encode(many)
    for (text, ids) in zip(many.prefix(texts.count), ids) { #expect(ids == tokenizer.encode(text)) }
    #expect(Array(ids.suffix(texts.count)) == Array(ids.prefix(texts.count)))
  }
}
