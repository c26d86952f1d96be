import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

/// Each family of encoders, with random weights, against the vectors of sentence-transformers.
@Suite struct EncoderFamilyTests {
  private static let golden = try! Fixture.json("encoders/vectors.json")
  private static let texts = (golden["texts"]?.array ?? []).compactMap(\.string)
  private static let names = (golden.object ?? [:]).keys.filter { $0 != "texts" }.sorted()

  private static func folder(_ name: String) -> URL { Fixture.url("encoders/\(name)") }

  private static func encoder(
    _ name: String, _ precision: Precision? = nil, _ level: KernelLevel = .active
  ) throws -> TransformerEncoder {
    let options = LoadingOptions(precision: precision, kernels: level)
    return try TransformerEncoder(ModelFolder(folder(name)), options)
  }

  private static func wanted(_ name: String) -> (ids: [[TokenID]], vectors: [[Double]]) {
    let case_ = golden[name]
    return (
      (case_?["ids"]?.array ?? []).map { ($0.array ?? []).compactMap { $0.integer.map(TokenID.init) } },
      (case_?["vectors"]?.array ?? []).map { ($0.array ?? []).compactMap(\.double) }
    )
  }

  private static func cosine(_ a: some Collection<Float>, _ b: [Double]) -> Double {
    let a = a.map(Double.init)
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
  }

  @Test func `there is a fixture of each family`() throws {
    let found = try Set(Self.names.map { try Self.encoder($0).configuration.family })
    #expect(found == Set(TransformerConfiguration.Family.allCases) && Self.texts.count == 13)
  }

  @Test(arguments: names, KernelLevel.available) func `texts have the ids and vectors of sentence-transformers`(
    name: String, level: KernelLevel
  ) throws {
    let encoder = try Self.encoder(name, nil, level)
    let wanted = Self.wanted(name)
    #expect(try encoder.tokenization.ids(of: Self.texts) == wanted.ids)
    #expect(wanted.ids.contains { $0.count == 40 }, "a text that is cut")
    let vectors = try encoder.encode(Self.texts, options: EncodingOptions(normalize: false))
    for (index, wanted) in wanted.vectors.enumerated() {
      #expect(wanted.count == encoder.dimension)
      for (found, wanted) in zip(vectors[index], wanted) {
        #expect(abs(Double(found) - wanted) <= 1e-5 * max(1, abs(wanted)), "text \(index)")
      }
      #expect(Self.cosine(vectors[index], wanted) >= 0.99999, "text \(index)")
    }
  }

  @Test(arguments: names, KernelLevel.available) func `int8 stays near`(name: String, level: KernelLevel) throws {
    let encoder = try Self.encoder(name, .int8, level)
    let vectors = try encoder.encode(Self.texts)
    for (index, wanted) in Self.wanted(name).vectors.enumerated() {
      #expect(Self.cosine(vectors[index], wanted) >= 0.99, "text \(index)")
    }
  }

  @Test(arguments: names, Precision.allCases) func `a vector does not depend on the batch it came in`(
    name: String, precision: Precision
  ) throws {
    let encoder = try Self.encoder(name, precision)
    let texts = (0..<150).map { Self.texts[$0 % Self.texts.count] + String(repeating: " a", count: $0 % 7) }
    let together = try encoder.encode(texts)
    for index in [0, 12, 77, 149] { #expect(try encoder.encode([texts[index]])[0] == together[index]) }
  }

  @Test(arguments: names) func `a folder in 8 bits gives what its float folder gives in int8`(name: String) throws {
    try Fixture.withTemporaryFolder { parent in
      let saved = parent.appendingPathComponent("int8")
      try Self.encoder(name).save(to: saved, precision: .int8)
      for level in KernelLevel.available {
        let found = try ModelLibrary.textEncoder(saved.path, kernels: level)
        #expect(try found.encode(Self.texts) == Self.encoder(name, .int8, level).encode(Self.texts), "\(level)")
      }
      #expect(try ModelReport(saved.path).problems.isEmpty)
    }
  }

  @Test(arguments: names) func `the report says what was found`(name: String) throws {
    let report = try ModelReport(Self.folder(name).path)
    let facts = Dictionary(report.facts.map { ($0.name, $0.value) }) { first, _ in first }
    let family = try Self.encoder(name).configuration.family
    #expect(report.problems.isEmpty && facts["kind"] == family.name && facts["longest text"] == "40 tokens")
    switch name {
    case "bert":
      #expect(facts["activation"] == "gelu_tanh" && facts["pooling"] == "max, mean")
      #expect(facts["modules"] == "Dense to 32 with tanh, Dense to 16 with silu, Normalize")
    case "electra":
      #expect(facts["embedding size"] == "10" && facts["modules"]?.hasSuffix("and a residual") == true)
    case "modernbert":
      #expect(facts["attention"] == "all tokens in 2 layers, 3 to each side in 2")
      #expect(facts["rotary bases"] == "160000.0 and 10000.0" && facts["activation"] == "gelu, gated")
    case "distilbert": #expect(facts["pooling"] == "mean_sqrt_len_tokens, without the prompt")
    default: break
    }
  }

  // MARK: What is refused

  /// Calls `body` with a copy of the fixture `name`, with other members in one of its JSON files; null removes one.
  private func withChanged<Result>(
    _ name: String, in file: String = "config.json", _ members: [String: JSONValue], _ body: (URL) throws -> Result
  ) throws -> Result {
    try Fixture.withTemporaryFolder { parent in
      let folder = parent.appendingPathComponent(name)
      try FileManager.default.copyItem(at: Self.folder(name), to: folder)
      let json = try Fixture.json("encoders/\(name)/\(file)").object ?? [:]
      let changed = json.merging(members) { $1 }.filter { $0.value != .null || members[$0.key] == nil }
      try Data(JSONValue.object(changed).text.utf8).write(to: folder.appendingPathComponent(file))
      return try body(folder)
    }
  }

  @Test(
    arguments: [
      ("roberta", "is_decoder", true), ("roberta", "position_embedding_type", "relative_key"),
      ("xlm-roberta", "hidden_act", "laplace"), ("distilbert", "activation", "xielu"),
      ("distilbert", "is_decoder", true), ("mpnet", "hidden_act", "prelu"), ("electra", "add_cross_attention", true),
      ("mpnet", "quantization_config", ["bits": 4]), ("electra", "pruned_heads", ["0": [1]]),
      ("modernbert", "layer_types", ["full_attention"]), ("modernbert", "rope_scaling", ["type": "linear"]),
      ("modernbert", "layer_types", ["full_attention", "other", "full_attention", "other"]),
      ("modernbert", "head_dim", 4), ("modernbert", "partial_rotary_factor", .number(0.5)),
      ("modernbert", "sliding_window", 2), ("modernbert", "hidden_activation", "unheard-of"),
    ] as [(String, String, JSONValue)])
  func `what is not supported is refused by its name`(name: String, key: String, value: JSONValue) throws {
    try withChanged(name, [key: value]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.kind == .unsupportedFile && error.subject.hasSuffix("config.json: \(key)"), "\(error)")
      #expect(error.found == value.text)
    }
  }

  @Test(
    arguments: [
      ("roberta", "pad_token_id", 41), ("roberta", "pad_token_id", -1), ("mpnet", "relative_attention_num_buckets", 31),
      ("distilbert", "n_heads", 3), ("distilbert", "dim", .null), ("modernbert", "num_attention_heads", 16),
      ("modernbert", "max_position_embeddings", .integer(1 << 20)), ("modernbert", "local_attention", 0),
      ("modernbert", "norm_eps", 2), ("electra", "embedding_size", 0),
    ] as [(String, String, JSONValue)])
  func `sizes that do not fit are refused by their name`(name: String, key: String, value: JSONValue) throws {
    try withChanged(name, [key: value]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.kind == .malformedFile && error.subject.hasSuffix("config.json: \(key)") || key == "pad_token_id")
      #expect(error.subject.contains("config.json"), "\(error)")
    }
  }

  @Test(
    arguments: [
      ["rope_type": "yarn", "rope_theta": 10], ["rope_type": "default", "factor": 2],
      ["type": "linear", "rope_theta": 10], ["rope_theta": 0],
    ] as [JSONValue])
  func `turns that are otherwise than by their base are refused`(parameters: JSONValue) throws {
    try withChanged("modernbert", ["rope_parameters": ["full_attention": parameters]]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.subject.contains("rope_parameters: full_attention: "), "\(error)")
    }
  }

  @Test func `older files of ModernBERT say the same in numbers of their own`() throws {
    let texts = Self.texts
    let newer = try Self.encoder("modernbert").encode(texts)
    let older: [String: JSONValue] = [
      "layer_types": .null, "rope_parameters": .null, "global_attn_every_n_layers": 3,
      "global_rope_theta": .number(160_000), "local_rope_theta": .number(10_000),
    ]
    func vectors(_ members: [String: JSONValue]) throws -> Embeddings {
      try withChanged("modernbert", members) { try ModelLibrary.textEncoder($0.path).encode(texts) }
    }
    #expect(try vectors(older) == newer)
    #expect(try vectors(["global_attn_every_n_layers": 2, "layer_types": .null]) != newer)
  }

  @Test func `an unknown type is refused with those that are known`() throws {
    try withChanged("bert", ["model_type": "t5"]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.kind == .unsupportedFile && error.subject.hasSuffix("model_type") && error.found == "\"t5\"")
      for family in TransformerConfiguration.Family.allCases { #expect(error.expected.contains(family.rawValue)) }
    }
  }

  @Test func `a folder without a type is known by its architecture`() throws {
    try withChanged("distilbert", ["model_type": .null]) { folder in
      let encoder = try ModelLibrary.textEncoder(folder.path) as? TransformerEncoder
      #expect(encoder?.configuration.family == .distilbert)
    }
  }

  @Test func `a missing shard is named`() throws {
    for (name, shard) in [
      ("xlm-roberta", "model-00002-of-00002.safetensors"), ("electra", "pytorch_model-00001-of-00002.bin"),
    ] {
      try withChanged(name, [:]) { folder in
        try FileManager.default.removeItem(at: folder.appendingPathComponent(shard))
        let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
        #expect(error.subject.hasSuffix(shard))
      }
    }
  }

  @Test(arguments: names) func `the identity changes with what the configuration says`(name: String) throws {
    func fingerprint(_ members: [String: JSONValue]) throws -> String {
      try withChanged(name, members) { try ModelLibrary.textEncoder($0.path).identity.fingerprint }
    }
    var changes: [[String: JSONValue]] = [[:]]
    switch name {
    case "modernbert", "modernbert-biased":
      changes += [
        ["hidden_activation": "relu"], ["local_attention": 4], ["norm_eps": .number(1e-4)],
        ["rope_parameters": ["full_attention": ["rope_theta": 7]]],
        ["rope_parameters": ["sliding_attention": ["rope_theta": 7]]],
      ]
    case "distilbert": changes += [["activation": "tanh"]]
    default: changes += [["hidden_act": "tanh"], ["layer_norm_eps": .number(1e-4)]]
    }
    if ["roberta", "xlm-roberta", "camembert"].contains(name) { changes.append(["pad_token_id": 0]) }
    #expect(Set(try changes.map(fingerprint)).count == changes.count)
  }

  @Test func `only a BERT with GELU is taken for training`() throws {
    for name in ["roberta", "bert"] {
      let error = try #require(throws: MinkeError.self) { try BertTrainingFiles(ModelFolder(Self.folder(name))) }
      #expect(error.kind == .unsupportedFile && error.expected.hasPrefix("a BERT with GELU"), "\(error)")
    }
  }

  // MARK: Tokenizers

  @Test func `a text without tokens has the vector zero`() throws {
    try withChanged("mpnet", in: "tokenizer.json", ["post_processor": .null]) { folder in
      let settings: JSONValue = ["tokenizer_class": "PreTrainedTokenizerFast"]
      try Data(settings.text.utf8).write(to: folder.appendingPathComponent("tokenizer_config.json"))
      let encoder = try ModelLibrary.textEncoder(folder.path)
      let zero = [Float](repeating: 0, count: encoder.dimension)
      let vectors = try encoder.encode(["", "a whale", ""])
      #expect(Array(vectors[0]) == zero && Array(vectors[1]) != zero && Array(vectors[2]) == zero)
      #expect(try Array(encoder.encode([""])[0]) == zero)
    }
  }

  @Test func `a tokenizer of another class is refused by its name`() throws {
    try withChanged("roberta", in: "tokenizer_config.json", ["tokenizer_class": "LlamaTokenizer"]) { folder in
      let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(error.subject.hasSuffix("tokenizer_config.json: tokenizer_class") && error.found == "\"LlamaTokenizer\"")
      #expect(error.expected.contains("RobertaTokenizer"))
    }
  }

  @Test func `a folder without tokenizer files says which are missing`() throws {
    for (name, file) in [
      ("mpnet", "vocab.txt"), ("roberta", "merges.txt"), ("xlm-roberta", "sentencepiece.bpe.model"),
      ("modernbert", "tokenizer.json"),
    ] {
      try withChanged(name, [:]) { folder in
        try FileManager.default.removeItem(at: folder.appendingPathComponent("tokenizer.json"))
        let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
        #expect(error.kind == .notFound && error.expected.contains(file), "\(error)")
      }
    }
  }

  @Test func `RoBERTa's older files, vocab.json and merges.txt, serve as well as tokenizer.json`() throws {
    let model = try Fixture.json("encoders/roberta/tokenizer.json")["model"]
    let merges = (model?["merges"]?.array ?? []).map { pair in
      pair.string ?? (pair.array ?? []).compactMap(\.string).joined(separator: " ")
    }
    #expect(merges.count > 20)
    try withChanged("roberta", [:]) { folder in
      try FileManager.default.removeItem(at: folder.appendingPathComponent("tokenizer.json"))
      try Data((model?["vocab"] ?? .null).text.utf8).write(to: folder.appendingPathComponent("vocab.json"))
      let text = "#version: 0.2\r\n" + merges.joined(separator: "\n") + "\n"
      try Data(text.utf8).write(to: folder.appendingPathComponent("merges.txt"))
      #expect(try ModelLibrary.tokenization(folder.path).ids(of: Self.texts) == Self.wanted("roberta").ids)
      try Data("{} {}".utf8).write(to: folder.appendingPathComponent("vocab.json"))
      #expect(throws: MinkeError.self) { try ModelLibrary.tokenization(folder.path) }
    }
  }
}
