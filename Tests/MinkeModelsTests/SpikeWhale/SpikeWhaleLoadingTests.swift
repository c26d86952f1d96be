import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct SpikeWhaleLoadingTests {
  /// A key of the configuration and the JSON text of its value; without one the key is left out.
  static let contradictions: [(key: String, value: String?)] = [
    ("vocab_size", nil), ("hidden_size", nil), ("num_hidden_layers", nil), ("head_dim", nil),
    ("engram_table_size", nil), ("hc_mult", nil), ("hidden_size", "63"), ("hidden_size", "0"), ("hidden_size", "-64"),
    ("hidden_size", "\"64\""), ("hidden_size", "64.5"), ("hidden_size", "1e12"), ("qk_rope_head_dim", "3"),
    ("qk_rope_head_dim", "6"), ("num_attention_heads", "5"), ("num_key_value_heads", "2"), ("vocab_size", "699"),
    ("vocab_size", "701"), ("num_hidden_layers", "4"), ("moe_intermediate_size", "95"), ("engram_max_ngram", "4"),
    ("engram_num_heads", "3"), ("engram_compress_dim", "9"), ("hrm_refine_steps", "2"), ("hc_mult", "3"),
    ("use_moe", "true"), ("use_derf", "true"), ("use_value_embed", "true"), ("use_xsa", "\"yes\""),
    ("model_type", "\"llama\""), ("rope_theta", "0"), ("rms_norm_eps", "-1"), ("eos_token_id", "700"),
    ("bos_token_id", "-1"), ("hyper_connection_pre", "\"cubic\""), ("hyper_connection_pre", nil),
    ("max_position_embeddings", "129"),
  ]

  @Test(arguments: contradictions)
  func `sizes that are missing or contradict the weights are errors`(_ change: (key: String, value: String?)) throws {
    let value = try change.value.map { text in
      try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "value") }
    }
    try SpikeWhaleFixture.withCopy(configuration: [change.key: value]) { folder in
      #expect(throws: MinkeError.self) { try ModelLibrary.languageModel(folder.url.path) }
    }
  }

  @Test(arguments: ["spikewhale-tiny", "byrne-embed-tiny"])
  func `the table of tensors has the names and shapes of the published layout`(_ name: String) throws {
    let folder = try ModelFolder(Fixture.url(name))
    let configuration = try SpikeWhaleConfiguration(.required("config.json", in: folder))
    var expected: [String: [Int]] = [:]
    for tensor in SpikeWhaleTensor.all(of: configuration) {
      expected[tensor.publishedName(in: configuration)] = tensor.entry(in: configuration).shape
    }
    let found = try Checkpoint(contentsOf: Fixture.url("\(name)/model.safetensors")).tensors.mapValues(\.shape)
    #expect(found.filter { expected[$0.key] != $0.value }.keys.sorted() == [])
    #expect(expected.keys.filter { found[$0] == nil }.sorted() == [])
  }

  @Test func `a missing tensor is an error that names it`() throws {
    for name in [
      "model.layers.1.attn.q_a_proj.weight", "model.embed_tokens.weight", "model.layers.2.hc_ffn.pre_logits",
    ] {
      try SpikeWhaleFixture.withCopy(tensors: { $0[name] = nil }) { folder in
        #expect { try LanguageModel(spikeWhale: folder) } throws: { error in
          "\(error)".contains(name.split(separator: ".").dropLast().joined(separator: ".")) || name.contains("embed")
        }
      }
    }
  }

  @Test(arguments: ["model.layers.1.ffn.up_proj.weight", "model.embed_tokens.weight", "model.norm.weight"])
  func `a weight that is not a number is an error that names its tensor`(_ name: String) throws {
    try SpikeWhaleFixture.withCopy(tensors: { tensors in
      let tensor = try #require(tensors[name])
      var values = try tensor.floats().copied()
      values[values.count / 2] = .nan
      // The middle of the embedding is no token of the text; all rows are.
      if name.contains("embed") { values = values.map { _ in .nan } }
      tensors[name] = try Tensor(name: name, shape: tensor.shape, floats: values)
    }) { folder in
      #expect {
        let language = try LanguageModel(spikeWhale: folder)
        _ = try language.logits(language.tokenizer.encode("Hello"))
      } throws: { ($0 as? MinkeError)?.kind == .notFinite && "\($0)".contains(name) }
    }
  }

  @Test func `a form that nothing states is assumed, said, and settled once`() throws {
    let open: [String: JSONValue?] = ["hyper_connection_pre": nil, "hyper_connection_post": nil]
    try SpikeWhaleFixture.withCopy(configuration: open) { folder in
      let assumed = try LanguageModel(spikeWhale: folder)
      #expect(assumed.assumptions.count == 1)
      #expect(assumed.assumptions.first?.contains("minke model settle") == true)
      #expect(try SpikeWhaleFolder(folder).model(kernels: .active).form == .likeliest)

      let settling = try SpikeWhaleSettling(folder)
      #expect(settling.findings.count == 1)
      try settling.write()
      // An opened folder remembers what it has read.
      let folder = try ModelFolder(folder.url)
      let files = try SpikeWhaleFolder(folder)
      let model = try files.model(kernels: .active)
      #expect(files.assumptions.isEmpty)
      #expect(try SpikeWhaleSettling(folder).findings.isEmpty)
      // The measurement can be repeated: no candidate does better.
      let tokens = Array(
        files.tokenizer.encode(SpikeWhaleSettling.sampleText).prefix(model.configuration.contextLength))
      let loss = try model.meanLoss(of: tokens)
      for form in HyperConnectionForm.candidates {
        let other = try SpikeWhaleModel(
          model.configuration, checkpoint: model.checkpoint, form: form, kernels: .active)
        let otherLoss = (try? other.meanLoss(of: tokens)) ?? .infinity
        #expect(otherLoss >= loss || form == model.form)
      }
    }
    #expect(try SpikeWhaleFixture.model().assumptions.isEmpty)
  }

  @Test func `settling keeps the other keys, and saving settles too`() throws {
    let open: [String: JSONValue?] = [
      "hyper_connection_pre": nil, "hyper_connection_post": nil, "embed_head_activation": nil, "own_key": "kept",
    ]
    try SpikeWhaleFixture.withCopy(of: "byrne-embed-tiny", configuration: open) { folder in
      #expect(try ByrneEncoder(folder).assumptions.count == 2)
      let saved = folder.url.appendingPathComponent("saved")
      #expect(try SpikeWhaleFolder(folder).save(to: saved, precision: .float32).count == 2)
      let other = try ModelFolder(saved)
      #expect(try ByrneEncoder(other).assumptions.isEmpty)
      #expect(other.file("embed_head.pt") != nil)
      #expect(try other.json("config.json")?["own_key"]?.string == "kept")
      #expect(throws: MinkeError.self) { try SpikeWhaleFolder(folder).save(to: saved, precision: .float32) }
    }
  }

  @Test func `settling writes through a link, and the whole file or nothing`() throws {
    let open: [String: JSONValue?] = ["hyper_connection_pre": nil, "hyper_connection_post": nil]
    try SpikeWhaleFixture.withCopy(configuration: open) { folder in
      let file = folder.url.appendingPathComponent("config.json")
      let original = try Data(contentsOf: file)
      let elsewhere = folder.url.appendingPathComponent("blob")
      try FileManager.default.moveItem(at: file, to: elsewhere)
      try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "blob")
      let link = folder.url.appendingPathComponent("link")
      try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: ".")
      try SpikeWhaleSettling(ModelFolder(link)).write()
      #expect(try SpikeWhaleSettling(ModelFolder(folder.url)).findings.isEmpty)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: file.path) == "blob")

      // A folder in the place of the file cannot be written to; what is there stays.
      try original.write(to: elsewhere)
      let settling = try SpikeWhaleSettling(ModelFolder(folder.url))
      try FileManager.default.removeItem(at: file)
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
      #expect(throws: MinkeError.self) { try settling.write() }
      #expect(try FileManager.default.contentsOfDirectory(atPath: file.path).isEmpty)
    }
  }

  @Test func `formulas for hyper-connections are as written`() throws {
    let configuration = try SpikeWhaleFixture.network().configuration
    func weights(_ formula: HyperConnectionForm.Formula) -> [Float] {
      HyperConnection(
        pre: [0, 1], post: [0, 0], form: HyperConnectionForm(pre: formula, post: .raw), configuration: configuration
      ).read
    }
    #expect(largestDifference(weights(.softmax), [0.268_941, 0.731_059]) < 1e-5)
    #expect(largestDifference(weights(.scaledSoftmax), [0.537_883, 1.462_117]) < 1e-5)
    #expect(weights(.raw) == [0, 1])
    #expect(largestDifference(weights(.sigmoid), [0.5, 0.731_059]) < 1e-5)
    #expect(largestDifference(weights(.doubleSigmoid), [1, 1.462_117]) < 1e-5)
    // exp of [[0, 1], [0, 0]] scaled to sums of 1: [[a, 1 - a], [1 - a, a]] with a / (1 - a) = exp(-1/2).
    #expect(largestDifference(weights(.sinkhorn), [0.377_541, 0.622_459]) < 1e-4)
  }
}
