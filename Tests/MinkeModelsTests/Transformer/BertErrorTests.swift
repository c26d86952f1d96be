import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

/// Folders that are wrong somewhere, and what is said about them.
@Suite struct BertErrorTests {
  private func error(
    _ bert: SmallBert = SmallBert(), config: [String: JSONValue] = [:],
    tensors change: (inout [Tensor]) throws -> Void = { _ in }, folder more: (URL) throws -> Void = { _ in }
  ) throws -> MinkeError {
    try Fixture.withTemporaryFolder { folder in
      let json = JSONValue.object((bert.config.object ?? [:]).merging(config) { $1 })
      try bert.write(to: folder, config: json, change)
      try more(folder)
      return try #require(throws: MinkeError.self) {
        _ = try TransformerEncoder(ModelFolder(folder)).encode(["w5 w6"])
      }
    }
  }

  @Test func `heads must divide the hidden size`() throws {
    let error = try error(config: ["num_attention_heads": 5])
    #expect(error.subject.hasSuffix("config.json: num_attention_heads"))
    #expect(error.expected == "a divisor of the hidden size 24" && error.found == "5")
  }

  @Test(arguments: [
    ("hidden_size", JSONValue.null), ("num_hidden_layers", -1), ("num_hidden_layers", 1025), ("vocab_size", 0),
    ("intermediate_size", "many"),
    ("max_position_embeddings", .integer(1 << 40)), ("layer_norm_eps", -1), ("type_vocab_size", 0),
  ]) func `sizes out of range are named`(key: String, value: JSONValue) throws {
    let error = try error(config: [key: value])
    #expect(error.kind == .malformedFile && error.subject.hasSuffix("config.json: \(key)"))
  }

  @Test(arguments: [
    ("model_type", "t5"), ("hidden_act", "laplace"), ("position_embedding_type", "relative_key"),
  ]) func `what is not supported is named`(key: String, value: String) throws {
    let error = try error(config: [key: .string(value)])
    #expect(error.kind == .unsupportedFile && error.subject.hasSuffix(key) && error.found == "\"\(value)\"")
  }

  @Test func `missing, unknown and misshapen tensors are all named`() throws {
    let error = try error(tensors: { tensors in
      tensors.removeAll { $0.name.hasPrefix("encoder.layer.1.attention.self.key") }
      tensors.removeAll { $0.name == "encoder.layer.0.output.dense.bias" }
      tensors.append(
        try Tensor(name: "encoder.layer.0.output.dense.bias", shape: [23], floats: smallNumbers(23, seed: 1)))
      tensors.append(
        try Tensor(name: "encoder.layer.2.output.dense.bias", shape: [24], floats: smallNumbers(24, seed: 1)))
      tensors.append(try Tensor(name: "bias_of_nothing", shape: [1], floats: [1]))
    })
    #expect(error.kind == .shapeMismatch)
    #expect(
      error.found == "encoder.layer.0.output.dense.bias is [23] where [24] is needed; "
        + "no encoder.layer.1.attention.self.key.weight; no encoder.layer.1.attention.self.key.bias; "
        + "bias_of_nothing is unknown; encoder.layer.2.output.dense.bias is unknown")
  }

  @Test func `more layers in the configuration than in the file is an error`() throws {
    let error = try error(config: ["num_hidden_layers": 100])
    #expect(error.found.hasPrefix("no encoder.layer.2.attention.self.query.weight; "))
    #expect(error.found.hasSuffix("more") && error.found.utf8.count < 5000)
  }

  @Test(arguments: [Float.nan, .infinity]) func `a broken weight is named`(value: Float) throws {
    for name in ["encoder.layer.1.output.dense.weight", "encoder.layer.0.attention.output.LayerNorm.bias"] {
      let error = try error(tensors: { tensors in
        tensors = try tensors.map { tensor in
          guard tensor.name == name else { return tensor }
          var floats = try tensor.floats().copied()
          floats[7] = value
          return try Tensor(name: name, shape: tensor.shape, floats: floats)
        }
      })
      #expect(error.kind == .notFinite && error.subject.contains(name))
    }
  }

  @Test(arguments: Precision.allCases, KernelLevel.available)
  func `a broken word embedding is found when its word comes`(precision: Precision, level: KernelLevel) throws {
    try Fixture.withTemporaryFolder { folder in
      try SmallBert().write(to: folder) { tensors in
        tensors = try tensors.map { tensor in
          guard tensor.name == "embeddings.word_embeddings.weight" else { return tensor }
          var floats = try tensor.floats().copied()
          floats[9 * 24 + 3] = .nan
          return try Tensor(name: tensor.name, shape: tensor.shape, floats: floats)
        }
      }
      let encoder = try TransformerEncoder(ModelFolder(folder), LoadingOptions(precision: precision, kernels: level))
      #expect(try encoder.encode(["w8 w10"]).count == 1)
      let error = #expect(throws: MinkeError.self) { try encoder.encode(["w8 w10", "w8 w9 w10"]) }
      #expect(error?.kind == .notFinite && error?.found == "NaN or infinity for text 1")
    }
  }

  @Test func `a tokenizer with more tokens than rows is an error`() throws {
    let error = try error(folder: { folder in
      let text = SmallBert(vocabulary: 41).vocabularyText
      try Data(text.utf8).write(to: folder.appendingPathComponent("vocab.txt"))
    })
    #expect(error.kind == .shapeMismatch && error.subject.hasSuffix("tokenizer") && error.found == "41")
  }

  @Test func `files that are not there are named`() throws {
    for name in ["model.safetensors", "config.json", "vocab.txt"] {
      let error = try error(folder: { try FileManager.default.removeItem(at: $0.appendingPathComponent(name)) })
      #expect(error.kind == .notFound && error.expected.contains(name))
    }
  }

  @Test func `an archive alone must have heads of 64 and tensors that hold something`() throws {
    for (bert, emptied) in [
      (SmallBert(hidden: 96), nil), (SmallBert(hidden: 64), "embeddings.token_type_embeddings.weight"),
    ] {
      try Fixture.withTemporaryFolder { folder in
        let url = folder.appendingPathComponent("binary_embedder_8.pt")
        let tensors = try bert.tensors(prefix: "encoder.").map { tensor in
          guard let emptied, tensor.name.hasSuffix(emptied) else { return tensor }
          return try Tensor(name: tensor.name, shape: [0, 64], floats: [])
        }
        try TorchArchive.write(tensors, to: url)
        let error = try #require(throws: MinkeError.self) { try ModelLibrary.textEncoder(url.path) }
        #expect(emptied == nil ? error.found == "hidden size 96" : error.found == "[0, 64]")
      }
    }
  }

  @Test func `a checkpoint of something else is an error`() throws {
    let error = try error(tensors: { tensors in
      tensors = [try Tensor(name: "conv.weight", shape: [1], floats: [1])]
    })
    #expect(error.kind == .unsupportedFile && error.expected.contains("embeddings.word_embeddings.weight"))
  }

  // MARK: Modules

  private func modulesError(_ classes: [String], pooling: JSONValue = [:], dense: JSONValue = [:]) throws -> MinkeError
  {
    try error(folder: { folder in
      let modules = classes.enumerated().map { index, name -> JSONValue in
        [
          "path": .string(index == 0 ? "" : "\(index)_\(name)"),
          "type": .string("sentence_transformers.models.\(name)"),
        ]
      }
      try Data(JSONValue.array(modules).text.utf8).write(to: folder.appendingPathComponent("modules.json"))
      for (path, json) in [("1_Pooling", pooling), ("2_Dense", dense)] {
        let place = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try Data(json.text.utf8).write(to: place.appendingPathComponent("config.json"))
      }
    })
  }

  @Test func `an unknown pooling mode is named`() throws {
    var error = try modulesError(["Transformer", "Pooling"], pooling: ["pooling_mode": "median"])
    #expect(error.kind == .unsupportedFile && error.found == "\"median\"")
    #expect(error.subject.hasSuffix("1_Pooling/config.json: pooling_mode"))
    error = try modulesError(["Transformer", "Pooling"], pooling: ["pooling_mode_median_tokens": true])
    #expect(error.kind == .unsupportedFile && error.subject.hasSuffix("pooling_mode_median_tokens"))
  }

  @Test func `modules of another kind or order are named`() throws {
    #expect(try modulesError(["Transformer", "Pooling", "LSTM"]).found == "sentence_transformers.models.LSTM")
    #expect(try modulesError(["Pooling", "Transformer"]).found.hasPrefix("sentence_transformers.models.Pooling, "))
    #expect(try modulesError(["Transformer"]).expected.hasPrefix("a Transformer, then a Pooling"))
  }

  @Test func `a dense module with an unknown activation or without weights is an error`() throws {
    let unknown = try modulesError(
      ["Transformer", "Pooling", "Dense"], dense: ["activation_function": "torch.nn.modules.activation.Softsign"])
    #expect(unknown.kind == .unsupportedFile && unknown.found == "torch.nn.modules.activation.Softsign")
    let empty = try modulesError(["Transformer", "Pooling", "Dense"])
    #expect(empty.kind == .notFound && empty.expected == "model.safetensors or pytorch_model.bin")
  }
}
