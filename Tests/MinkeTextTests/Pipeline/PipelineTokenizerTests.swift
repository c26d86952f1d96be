import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

struct PipelineTokenizerTests {
  static func parse(_ text: String, replacing parts: TokenizerParts = TokenizerParts()) throws -> any FileTokenizer {
    try Array(text.utf8).withUnsafeBytes { try TokenizerReader.read(parsing: $0, subject: "t.json", replacing: parts) }
  }

  private func error(_ text: String) -> String {
    do {
      _ = try Self.parse(text)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private static let bytePair = #""model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"c":3},"merges":["a b"]}"#

  private static func file(_ members: String) -> String { "{\(members),\(bytePair)}" }

  private static func model(_ members: String) -> String {
    #"{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},\#(members)}}"#
  }

  @Test(arguments: [
    (file(#""normalizer":{"type":"Lowercased"}"#), "Nmt, Sequence or none, found Lowercased"),
    (file(#""normalizer":{"type":"Sequence","normalizers":[{"type":"Append"}]}"#), "found Append"),
    (file(#""normalizer":{"type":"Sequence"}"#), "normalizers: expected an array"),
    (file(#""normalizer":{"type":"Strip","strip_left":true}"#), "strip_right: expected true or false"),
    (file(#""normalizer":{"type":"Strip","strip_left":true,"strip_right":true,"x":1}"#), "x: expected no such member"),
    (file(#""normalizer":{"type":"Replace","pattern":{"Regex":"a|b"},"content":""}"#), "found {\"Regex\":\"a|b\"}"),
    (file(#""normalizer":{"type":"Replace","pattern":{"String":""},"content":""}"#), "a text of 1 to 8 bytes"),
    (file(#""normalizer":{"type":"Precompiled","precompiled_charsmap":""}"#), "a double array"),
    (file(#""normalizer":{"type":"Precompiled","precompiled_charsmap":"!"}"#), "expected base64"),
    (file(#""normalizer":{"type":"Precompiled","precompiled_charsmap":"/////w=="}"#), "within the charsmap"),
    (file(#""pre_tokenizer":{"type":"UnicodeScripts"}"#), "found UnicodeScripts"),
    (
      file(#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"[ab]+"},"behavior":"Isolated","invert":false}"#),
      "[ab]+"
    ),
    (file(#""pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"Kept","invert":false}"#), "Kept"),
    (file(#""pre_tokenizer":{"type":"Metaspace","replacement":"__"}"#), "one character"),
    (
      file(#""pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}"#), "always, first or never"
    ),
    (
      file(
        #""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false},{"type":"Whitespace"}]}"#
      ), "ByteLevel as the last step"
    ),
    (
      file(
        #""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"},{"type":"Metaspace","replacement":"_","prepend_scheme":"first"}]}"#
      ), "prepend_scheme first as the first step"
    ),
    (file(#""post_processor":{"type":"Other"}"#), "RobertaProcessing, ByteLevel, Sequence or none, found Other"),
    (file(#""post_processor":{"type":"RobertaProcessing","sep":["x",9],"cls":["a",0]}"#), "found 9"),
    (file(#""decoder":{"type":"CTC"}"#), "found CTC"),
    (model(#""merges":["a b"],"dropout":0.1"#), "dropout: expected none"),
    (model(#""merges":["a b"],"max_chars":1"#), "max_chars: expected no such member"),
    (model(#""merges":["a c"]"#), "expected tokens of the vocabulary, found \"c\""),
    (model(#""merges":["b a"]"#), "found \"ba\""),
    (model(#""merges":["a b c"]"#), "the two tokens of a merge, found 3"),
    (model(#""merges":[["a"]]"#), "the two tokens of a merge, found 1"),
    (model(#""merges":[],"unk_token":"?""#), "unk_token: expected a token of the vocabulary"),
    (model(#""merges":["a b"],"continuing_subword_prefix":"__""#), "a second token with the prefix"),
    (#"{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}"#, "an id of its own"),
    (#"{"model":{"type":"Unigram","vocab":[["a",0.0]]}}"#, "unk_id: expected the id of the unknown token"),
    (#"{"model":{"type":"Unigram","vocab":[["a",0.0]],"unk_id":1}}"#, "an id of the vocabulary, found 1"),
    (#"{"model":{"type":"Unigram","vocab":[["a"]],"unk_id":0}}"#, "a token and its score, found less"),
    (#"{"model":{"type":"Unigram","vocab":{"a":0},"unk_id":0}}"#, "a Unigram model without scores"),
    (#"{"model":{"type":"WordLevel","vocab":{"a":0}}}"#, "a model of type \"WordLevel\""),
    (#"{"model":{"vocab":{"a":0}}}"#, "a model without a type"),
    (#"{"version":"1.0"}"#, "no \"model\""),
    (
      #"{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},"model":{"type":"Unigram","vocab":[["a",0.0]],"unk_id":0}}"#,
      "ByteLevel before a BPE model"
    ),
  ])
  func `what is not supported is refused by its name`(text: String, message: String) {
    let error = error(text)
    #expect(error.contains(message), "\(error)")
  }

  @Test func `no prefix of a file is accepted or crashes`() throws {
    for name in ["metaspace", "xlm-roberta"] {
      let bytes = try [UInt8](Data(contentsOf: Fixture.url("tokenizers/\(name).json")))
      for length in stride(from: 0, to: bytes.count - 2, by: 997) {
        #expect(throws: MinkeError.self) {
          try bytes[..<length].withUnsafeBytes { _ = try TokenizerReader.read(parsing: $0, subject: "t.json") }
        }
      }
    }
  }

  @Test(arguments: [
    ("\u{fe76}a", [72, 0, 21]), (" \u{fe76}a", [0, 21]), ("\u{b4}\u{327}a", [0, 0, 21]),
    ("\u{a8}\u{301}", [72, 0, 0]), ("\u{fc5e}a", [72, 0, 0, 21]), ("\u{a0}\u{fe76}", [0]),
    ("\u{1}\u{b4}a", [0, 21]), ("\u{1}a", [21]), ("a", [79]),
  ])
  func `what is left of the first character still begins the text`(text: String, ids: [TokenID]) throws {
    // NFKC makes a space and a mark of it, and Strip takes the space away.
    #expect(try TokenizerFixtureTests.read("metaspace").encode(text) == ids, "\(text.debugDescription)")
  }

  @Test func `what stands behind a character that the charsmap removes begins the text`() throws {
    let tokenizer = try TokenizerFixtureTests.read("t5")
    #expect(tokenizer.encode("\u{9f}'") == tokenizer.encode("'"))
  }

  @Test func `a token that stands alone has no letter or mark of the reference's Unicode beside it`() throws {
    let tokenizer = try TokenizerFixtureTests.read("gpt2")
    let token = try #require(tokenizer.id(of: "newtoken"))
    for (beside, isAlone) in [("\u{1ad1}", true), ("\u{301}", false), ("\u{200d}", false), ("!", true), ("é", false)] {
      #expect(tokenizer.encode("newtoken\(beside)").contains(token) == isAlone, "\(beside.debugDescription)")
    }
  }

  @Test func `merges are texts or pairs, and the first learned is merged first`() throws {
    for merges in [#"["b c","a b"]"#, #"[["b","c"],["a","b"]]"#, ##"["#version: 0.2","b c","a b"]"##] {
      let tokenizer = try Self.parse(
        #"{"model":{"vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4},"merges":\#(merges)}}"#)
      #expect(tokenizer.encode("abc") == [0, 4])
      #expect(tokenizer.encode("abab") == [3, 3])
    }
  }

  @Test func `of ways with one score the one that was found first counts`() throws {
    let tokenizer = try Self.parse(
      #"{"model":{"type":"Unigram","vocab":[["<unk>",0],["a",-1],["b",-1],["ab",-2],["c",-1],["bc",-2]],"unk_id":0}}"#)
    #expect(tokenizer.encode("ab") == [3])
    #expect(tokenizer.encode("abc") == [1, 5])
    #expect(tokenizer.encode("xxa") == [0, 1])
  }

  @Test func `a text of one long word takes no time that grows with its square`() throws {
    // It would take minutes if it did.
    for name in ["llama2", "t5", "albert", "roberta"] {
      let tokenizer = try TokenizerFixtureTests.read(name)
      for piece in ["a", "ab", "the", "\u{301}", "日", "x "] {
        let text = String(repeating: piece, count: 20_000)
        #expect(tokenizer.encode(text + text).count >= tokenizer.encode(text).count)
      }
    }
  }

  @Test func `parts that a class builds itself count for those of the file`() throws {
    var parts = TokenizerParts()
    parts.preTokenizer = .object([
      "type": .string("ByteLevel"), "add_prefix_space": .boolean(true), "use_regex": .boolean(true),
    ])
    parts.postProcessor = .null
    parts.model = ["unk_token": .null]
    let tokenizer = try TokenizerReader.read(Fixture.url("tokenizers/roberta.json"), replacing: parts)
    let plain = try TokenizerFixtureTests.read("roberta")
    #expect(tokenizer.encode("whales", addingSpecialTokens: true) == plain.encode(" whales"))
    let surrounded = tokenizer.surrounding(prefix: [0], suffix: [2, 2])
    #expect(surrounded.encode("whales", addingSpecialTokens: true) == [0] + plain.encode(" whales") + [2, 2])
    parts = TokenizerParts()
    parts.model = ["max_input_chars_per_word": .integer(3)]
    let short = try TokenizerReader.read(Fixture.url("tokenizers/mpnet.json"), replacing: parts)
    #expect(short.encode("whales") == [short.id(of: "[UNK]")])
  }

  @Test func `tokens can be added, and text lower-cased`() throws {
    let tokenizer = try TokenizerFixtureTests.read("roberta")
    #expect(tokenizer.lowercasing().encode("WHALES Sing É") == tokenizer.encode("whales sing é"))
    let id = TokenID(tokenizer.vocabularySize)
    let more = tokenizer.adding([AddedToken(id: id, content: "<new>", special: true)])
    #expect(more.encode("<new>") == [id] && more.isSpecial(id) && more.token(id) == "<new>")
    #expect(more.vocabularySize == tokenizer.vocabularySize + 1)
    #expect(more.definition != tokenizer.definition)
    #expect(tokenizer.lowercasing().definition != tokenizer.definition)
    #expect(tokenizer.truncating(to: 4).definition != tokenizer.definition)
  }
}
