import Foundation
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

/// What the files of a BERT folder say beside the weights, held against what sentence-transformers does with them.
@Suite struct BertFolderTests {
  private static let golden = try! Fixture.json("bert-folders.json")
  private static let cases = golden["cases"]?.array ?? []
  private static let vocabulary = (golden["vocabulary"]?.array ?? []).compactMap(\.string)

  /// Calls `body` with the path of a folder of sentence-transformers with these files, null for none.
  private func withFolder<Result>(
    _ files: [String: JSONValue] = [:], config: [String: JSONValue] = [:], name: String = "model",
    _ body: (URL) throws -> Result
  ) throws -> Result {
    try Fixture.withTemporaryFolder { parent in
      let folder = parent.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("1_Pooling"), withIntermediateDirectories: true)
      let bert = SmallBert(
        vocabulary: Self.vocabulary.count, hidden: 8, layers: 1, heads: 2, intermediate: 8, positions: 12)
      try bert.write(to: folder, config: .object((bert.config.object ?? [:]).merging(config) { $1 }))
      let modules: JSONValue = [
        ["idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"],
        ["idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"],
      ]
      var all: [String: JSONValue] = [
        "modules.json": modules, "tokenizer.json": Self.golden["tokenizer"] ?? .null,
        "1_Pooling/config.json": ["pooling_mode": "mean"],
      ]
      all.merge(files) { $1 }
      for (file, json) in all where json != .null {
        try Data(json.text.utf8).write(to: folder.appendingPathComponent(file))
      }
      let list = folder.appendingPathComponent("vocab.txt")
      if all["tokenizer.json"] == .null {
        try Data((Self.vocabulary.joined(separator: "\n") + "\n").utf8).write(to: list)
      } else {
        try FileManager.default.removeItem(at: list)
      }
      return try body(folder)
    }
  }

  @Test(arguments: cases.indices) func `texts are read as sentence-transformers reads them`(index: Int) throws {
    let row = Self.cases[index]
    let texts = (Self.golden["texts"]?.array ?? []).compactMap(\.string)
    let wanted = (row["ids"]?.array ?? []).map { ($0.array ?? []).compactMap { $0.integer.map(TokenID.init) } }
    try withFolder(row["files"]?.object ?? [:]) { folder in
      let shown = try ModelLibrary.tokenization(folder.path)
      let used = try ModelLibrary.textEncoder(folder.path).tokenization
      for (text, ids) in zip(texts, wanted) {
        #expect(shown.ids(of: text) == ids, "\(row["name"]?.string ?? ""): \(text)")
        #expect(used.ids(of: text) == ids, "\(row["name"]?.string ?? ""): \(text)")
      }
    }
  }

  @Test(
    arguments: [
      ("tokenizer_config.json", "tokenizer_class", "BertJapaneseTokenizer"),
      ("tokenizer_config.json", "split_special_tokens", true), ("tokenizer_config.json", "padding_side", "left"),
      ("tokenizer_config.json", "model_input_names", ["input_ids"]),
      ("tokenizer_config.json", "mask_token", "unheard-of"),
      ("tokenizer_config.json", "additional_special_tokens", ["unheard-of"]),
      ("tokenizer_config.json", "added_tokens_decoder", ["0": ["content": "[PAD]", "lstrip": true]]),
      ("special_tokens_map.json", "mask_token", "unheard-of"), ("added_tokens.json", "unheard-of", 99),
      ("sentence_bert_config.json", "transformer_task", "fill-mask"), ("sentence_bert_config.json", "unheard_of", 1),
      ("sentence_bert_config.json", "tokenizer_args", ["do_lower_case": false]),
      ("config_sentence_transformers.json", "truncate_dim", 4),
      ("config_sentence_transformers.json", "default_prompt_name", "unheard-of"),
      ("1_Pooling/config.json", "unheard_of", true),
    ] as [(String, String, JSONValue)])
  func `what is not understood is refused by name`(file: String, key: String, value: JSONValue) throws {
    try withFolder([file: [key: value]]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.subject.contains(file) && error.subject.hasSuffix(key), "\(error)")
    }
  }

  @Test func `a tokenizer that pads on the left is refused`() throws {
    var tokenizer = Self.golden["tokenizer"]?.object ?? [:]
    tokenizer["padding"] = ["direction": "Left"]
    try withFolder(["tokenizer.json": .object(tokenizer)]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.subject.hasSuffix("tokenizer.json: padding"))
    }
  }

  @Test(
    arguments: [("is_decoder", true), ("tokenizer_class", "BertJapaneseTokenizer"), ("model_type", "t5")]
      as [(String, JSONValue)])
  func `another architecture is refused by name`(key: String, value: JSONValue) throws {
    try withFolder(config: [key: value]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.kind == .unsupportedFile && error.subject.hasSuffix(key) && error.found == value.text)
    }
  }

  @Test func `the identity changes with all that changes a vector, and with nothing else`() throws {
    func identity(
      _ files: [String: JSONValue] = [:], config: [String: JSONValue] = [:], name: String = "model",
      precision: Precision? = nil
    ) throws -> ModelIdentity {
      try withFolder(files, config: config, name: name) {
        let identity = try ModelLibrary.textEncoder($0.path, precision: precision).identity
        return ModelIdentity(name: identity.name, fingerprint: identity.fingerprint)
      }
    }
    let plain = try identity()
    #expect(try identity(name: "other") == plain)
    #expect(try identity(["tokenizer_config.json": ["name_or_path": "elsewhere"]]) == plain)
    let changes: [[String: JSONValue]] = [
      ["tokenizer_config.json": ["do_lower_case": false]], ["tokenizer_config.json": ["strip_accents": false]],
      ["tokenizer_config.json": ["truncation_side": "left"]], ["tokenizer_config.json": ["bos_token": "cat"]],
      ["sentence_bert_config.json": ["max_seq_length": 7]], ["1_Pooling/config.json": ["pooling_mode": "cls"]],
      ["config_sentence_transformers.json": ["prompts": ["query": "query: "]]],
      ["config_sentence_transformers.json": ["prompts": ["passage": "query: "]]],
    ]
    var all = Set(try changes.map { try identity($0) })
    all.insert(try identity(precision: .int8))
    all.insert(try identity(config: ["layer_norm_eps": .number(0.01)]))
    all.insert(plain)
    #expect(all.count == changes.count + 3)
  }
}
