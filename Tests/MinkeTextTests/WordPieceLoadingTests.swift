import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

struct WordPieceLoadingTests {
  private func error(_ text: String) -> String {
    do {
      _ = try WordPieceTokenizerTests.parse(text)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  /// A file that lacks nothing, with more members and tokens.
  private static func file(_ members: String = "", tokens: String = "") -> String {
    #"{"pre_tokenizer":{"type":"BertPreTokenizer"},\#(members.isEmpty ? "" : members + ",")"#
      + #""model":{"type":"WordPiece","vocab":{"[UNK]":0\#(tokens.isEmpty ? "" : "," + tokens)}}}"#
  }

  @Test func `a small file is read, whatever the order of its members`() throws {
    let tokenizer = try WordPieceTokenizerTests.parse(
      #"""
      {"model":{"vocab":{"b":1,"##c":7,"[U]":0,"bb":3},"continuing_subword_prefix":"##","unk_token":"[U]",
        "max_input_chars_per_word":4,"type":"WordPiece"},
       "post_processor":{"type":"BertProcessing","sep":["bb",3],"cls":["b",1]},
       "pre_tokenizer":{"type":"BertPreTokenizer"},"normalizer":null}
      """#)
    #expect(tokenizer.vocabularySize == 8)
    #expect(tokenizer.token(5) == nil)
    #expect(tokenizer.encode("bbc B bcccc bc", addingSpecialTokens: true) == [1, 3, 7, 0, 0, 1, 7, 3])
    #expect(tokenizer.decode([1, 3]) == "b bb")
  }

  @Test(arguments: [
    (#"{"model":{"type":"BPE","vocab":{},"merges":[]}}"#, #"found a model of type "BPE""#),
    (#"{"model":{"type":"BPE"}}"#, #"expected a WordPiece tokenizer.json, its model of type "WordPiece""#),
    (#"{"model":{"type":"Unigram","vocab":[["a",0.0]]}}"#, #"found a model of type "Unigram""#),
    (#"{"model":{"vocab":[["a",0.0]]}}"#, "found a vocabulary that is an array"),
    (#"{"model":{"vocab":{"[UNK]":0}}}"#, "found a model without a type"),
    (#"{"vocab":{"a":0},"merges":[]}"#, #"found no "model""#),
    ("[1]", "found an array"),
    (#"{"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","vocab":{}}}"#, "the unknown token"),
    (#"{"pre_tokenizer":null,"model":{"type":"WordPiece","vocab":{}}}"#, "expected BertPreTokenizer, found none"),
    (file(#""normalizer":{"type":"Lowercase"}"#), "expected BertNormalizer or none, found Lowercase"),
    (file(#""normalizer":{"type":"BertNormalizer","lowercase":1}"#), "lowercase: expected true or false"),
    (file(tokens: #""a":0"#), "an id of its own"),
    (file(tokens: #""a":-1"#), "an id from 0 to"),
    (file(tokens: #""a":99999999999"#), "an id from 0 to"),
    (file(tokens: #""a":1,"a":2"#), "each token once"),
    (#"{"model":{"type":"WordPiece","max_input_chars_per_word":0}}"#, "max_input_chars_per_word"),
    (file(#""post_processor":{"type":"Other"}"#), "ByteLevel, Sequence or none, found Other"),
    (
      file(#""post_processor":{"type":"BertProcessing","sep":["x",9],"cls":["[UNK]",0]}"#),
      "ids of the vocabulary, found 9"
    ),
    (
      file(#""post_processor":{"type":"TemplateProcessing","single":[],"special_tokens":{}}"#),
      "the text once in \"single\", found 0 times"
    ),
    (file(#""added_tokens":[{"id":1,"content":"[UNK]"}]"#), "id 0, as in the vocabulary, found 1"),
    (file(#""added_tokens":[{"id":0,"content":"new"}]"#), "an id of its own, found 0"),
    (file(#""decoder":{"type":"ByteLevel"}"#), "expected WordPiece or none, found ByteLevel"),
    (file(#""truncation":{"max_length":"x"}"#), "max_length"),
    (#"{"model":{"type":"WordPiece","vo"#, "expected"),
  ])
  func `another kind of file is an error that says what was expected`(text: String, message: String) {
    let error = error(text)
    #expect(error.contains(message), "\(error)")
  }

  @Test func `no prefix of a file is accepted or crashes`() throws {
    let text = #"""
      {"added_tokens":[{"id":0,"content":"[UNK]","special":true}],"normalizer":{"type":"BertNormalizer"},
      "pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"##b":2}}}
      """#
    _ = try WordPieceTokenizerTests.parse(text)
    for length in 0..<text.utf8.count - 1 {
      #expect(throws: MinkeError.self) { try WordPieceTokenizerTests.parse(String(text.prefix(length))) }
    }
  }

  @Test func `a missing file is named`() {
    let error = #expect(throws: MinkeError.self) {
      try WordPieceTokenizer(contentsOf: URL(fileURLWithPath: "/nonexistent/tokenizer.json"))
    }
    #expect(error?.kind == .notFound)
  }

  @Test func `a vocabulary alone gives the ids that the whole file gives`() throws {
    let whole = try WordPieceTokenizerTests.tokenizer.get()
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("vocab.txt")
      let tokens = (0..<whole.vocabularySize).compactMap { whole.token(TokenID($0)) }
      try Data((tokens.joined(separator: "\n") + "\n").utf8).write(to: file)
      let tokenizer = try WordPieceTokenizer(vocabulary: file)
      #expect(tokenizer.vocabularySize == whole.vocabularySize)
      for line in try #require(try Fixture.json("wordpiece.json").array) {
        let text = try #require(line["text"]?.string)
        let ids = tokenizer.encode(text, addingSpecialTokens: true)
        #expect(ids == whole.encode(text, addingSpecialTokens: true))
        #expect(tokenizer.decode(ids) == whole.decode(ids))
      }
      #expect(try WordPieceTokenizer(vocabulary: file, lowercase: false).encode("Hello") != whole.encode("Hello"))
    }
  }

  @Test func `a vocabulary without the unknown token or with a token twice is an error`() throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("vocab.txt")
      for (text, message) in [("a\nb\n", "the unknown token"), ("[UNK]\na\na\n", "twice"), ("", "the unknown token")] {
        try Data(text.utf8).write(to: file)
        let error = #expect(throws: MinkeError.self) { try WordPieceTokenizer(vocabulary: file) }
        #expect(error?.description.contains(message) == true)
      }
      try Data([0x5b, 0xff, 0x0a]).write(to: file)
      #expect(throws: MinkeError.self) { try WordPieceTokenizer(vocabulary: file) }
    }
  }
}
