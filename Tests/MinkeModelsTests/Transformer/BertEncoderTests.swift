import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

@Suite struct BertEncoderTests {
  private static let texts = ["w5 w6 w7", "", "w9", "w30 w31 w5 w5 w6 w12 w13 w14 w20 w21 w22", "unheard w8"]
  private static let ids = [
    [2, 5, 6, 7, 3], [2, 3], [2, 9, 3], [2, 30, 31, 5, 5, 6, 12, 13, 14, 20, 21, 22, 3], [2, 1, 8, 3],
  ]

  /// Sizes in which heads, hidden and intermediate end inside vectors, panels and groups of four.
  private static let sizes = [
    SmallBert(), SmallBert(hidden: 64, layers: 1, heads: 1, intermediate: 33),
    SmallBert(hidden: 35, layers: 1, heads: 5, intermediate: 3),
    SmallBert(hidden: 2, layers: 3, heads: 2, intermediate: 1),
  ]

  @Test(arguments: KernelLevel.available) func `a plain folder gives the mean of the last hidden states`(
    level: KernelLevel
  ) throws {
    for bert in Self.sizes {
      try Fixture.withTemporaryFolder { folder in
        try bert.write(to: folder)
        let encoder = try TransformerEncoder(ModelFolder(folder), LoadingOptions(kernels: level))
        #expect(encoder.dimension == bert.hidden && encoder.maximumLength == 20)
        #expect(
          try encoder.tokenizer.encode(Self.texts, addingSpecialTokens: true).map { $0.map(Int.init) } == Self.ids)
        let vectors = try encoder.encode(Self.texts, options: EncodingOptions(normalize: false))
        for (index, ids) in Self.ids.enumerated() {
          let states = bert.states(of: ids)
          for column in 0..<bert.hidden {
            let mean = states.reduce(0) { $0 + $1[column] } / Double(ids.count)
            #expect(abs(Double(vectors[index][column]) - mean) <= 2e-5, "\(bert) text \(index)")
          }
        }
      }
    }
  }

  @Test(arguments: ["bert.", "model.encoder."]) func `names may have a prefix, and norms their first names`(
    prefix: String
  ) throws {
    let bert = SmallBert()
    try Fixture.withTemporaryFolder { folder in
      try bert.write(to: folder)
      let plain = try TransformerEncoder(ModelFolder(folder)).encode(Self.texts)
      let other = folder.appendingPathComponent("other")
      try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
      try bert.write(to: other, prefix: prefix) { tensors in
        tensors = try tensors.map { tensor in
          let name = tensor.name.replacing("LayerNorm.weight", with: "LayerNorm.gamma")
            .replacing("LayerNorm.bias", with: "LayerNorm.beta")
          return try Tensor(name: name, shape: tensor.shape, floats: tensor.floats().copied())
        }
        // What belongs to no encoder is passed over.
        tensors.append(try Tensor(name: "cls.predictions.bias", shape: [3], floats: [1, 2, 3]))
        tensors.append(try Tensor(name: "\(prefix)pooler.dense.bias", shape: [1], floats: [1]))
        tensors.append(try Tensor(name: "\(prefix)embeddings.position_ids", shape: [1, 1], integers: [0]))
      }
      #expect(try TransformerEncoder(ModelFolder(other)).encode(Self.texts) == plain)
    }
  }

  @Test func `pytorch_model.bin serves as well as safetensors`() throws {
    let bert = SmallBert()
    try Fixture.withTemporaryFolder { folder in
      try bert.write(to: folder)
      let plain = try TransformerEncoder(ModelFolder(folder)).encode(Self.texts)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("model.safetensors"))
      try TorchArchive.write(bert.tensors(), to: folder.appendingPathComponent("pytorch_model.bin"))
      #expect(try TransformerEncoder(ModelFolder(folder)).encode(Self.texts) == plain)
    }
  }

  // MARK: sentence-transformers folders

  /// Writes `bert` with the modules of sentence-transformers behind it.
  private func write(_ bert: SmallBert, pooling: JSONValue, rest: [String] = [], to folder: URL) throws {
    try bert.write(to: folder)
    let names = ["Transformer", "Pooling"] + rest
    let modules = names.enumerated().map { index, name -> JSONValue in
      let path = index == 0 ? "" : "\(index)_\(name)"
      return ["idx": .integer(index), "path": .string(path), "type": .string("sentence_transformers.models.\(name)")]
    }
    try Data(JSONValue.array(modules).text.utf8).write(to: folder.appendingPathComponent("modules.json"))
    let place = folder.appendingPathComponent("1_Pooling")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try Data(pooling.text.utf8).write(to: place.appendingPathComponent("config.json"))
  }

  private static let poolings: [(JSONValue, [Pooling.Mode])] = [
    (["pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false], [.cls]),
    (["pooling_mode_max_tokens": true], [.max]),
    (
      ["pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true, "pooling_mode_cls_token": true],
      [.cls, .max, .mean]
    ),
    (["pooling_mode_mean_sqrt_len_tokens": true], [.meanSquareRoot]),
    (["pooling_mode_weightedmean_tokens": true, "pooling_mode_lasttoken": true], [.weightedMean, .lastToken]),
    (["pooling_mode": "lasttoken"], [.lastToken]), (["pooling_mode": ["mean", "cls"]], [.mean, .cls]),
    (["word_embedding_dimension": 24], [.mean]),
  ]

  @Test(arguments: poolings.indices) func `each pooling is its formula, several stand side by side`(
    index: Int
  ) throws {
    let (json, modes) = Self.poolings[index]
    let bert = SmallBert()
    try Fixture.withTemporaryFolder { folder in
      try write(bert, pooling: json, to: folder)
      let encoder = try TransformerEncoder(ModelFolder(folder))
      #expect(encoder.pooling.modes == modes && encoder.dimension == 24 * modes.count)
      let vectors = try encoder.encode(Self.texts, options: EncodingOptions(normalize: false))
      for (index, ids) in Self.ids.enumerated() {
        let states = bert.states(of: ids), count = Double(ids.count)
        let wanted = modes.flatMap { mode in
          (0..<24).map { column -> Double in
            let values = states.map { $0[column] }
            switch mode {
            case .cls: return values[0]
            case .lastToken: return values[ids.count - 1]
            case .max: return values.max() ?? 0
            case .mean: return values.reduce(0, +) / count
            case .meanSquareRoot: return values.reduce(0, +) / count.squareRoot()
            case .weightedMean:
              let weights = values.indices.map { Double($0 + 1) }
              return zip(weights, values).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
            }
          }
        }
        for (found, wanted) in zip(vectors[index], wanted) { #expect(abs(Double(found) - wanted) <= 5e-5) }
      }
    }
  }

  @Test(arguments: ["Identity", "Tanh", "ReLU", "Sigmoid", "GELU"]) func `dense layers and normalization follow`(
    activation: String
  ) throws {
    let bert = SmallBert()
    try Fixture.withTemporaryFolder { folder in
      try write(bert, pooling: ["pooling_mode": "mean"], rest: ["Dense", "Dropout", "Normalize"], to: folder)
      let place = folder.appendingPathComponent("2_Dense")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let config: JSONValue = ["activation_function": .string("torch.nn.modules.activation.\(activation)")]
      try Data(config.text.utf8).write(to: place.appendingPathComponent("config.json"))
      let (weight, bias) = (smallNumbers(10 * 24, seed: 90), smallNumbers(10, seed: 91))
      let tensors = [
        try Tensor(name: "linear.weight", shape: [10, 24], floats: weight),
        try Tensor(name: "linear.bias", shape: [10], floats: bias),
      ]
      try Safetensors.write(tensors, to: place.appendingPathComponent("model.safetensors"))
      let encoder = try TransformerEncoder(ModelFolder(folder))
      #expect(encoder.dimension == 10)
      let vectors = try encoder.encode(Self.texts, options: EncodingOptions(normalize: false))
      for (index, ids) in Self.ids.enumerated() {
        let states = bert.states(of: ids)
        let mean = (0..<24).map { column in states.reduce(0) { $0 + $1[column] } / Double(ids.count) }
        let outputs = (0..<10).map { row -> Double in
          let x = (0..<24).reduce(Double(bias[row])) { $0 + mean[$1] * Double(weight[row * 24 + $1]) }
          switch activation {
          case "Tanh": return tanh(x)
          case "ReLU": return max(0, x)
          case "Sigmoid": return 1 / (1 + exp(-x))
          case "GELU": return x * 0.5 * erfc(-x * 0.5.squareRoot())
          default: return x
          }
        }
        let length = outputs.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for (found, wanted) in zip(vectors[index], outputs) { #expect(abs(Double(found) - wanted / length) <= 1e-4) }
      }
    }
  }

  // MARK: Length

  @Test func `the folder says where texts are cut`() throws {
    let long = (5..<30).map { "w\($0)" }.joined(separator: " ")
    try Fixture.withTemporaryFolder { folder in
      try SmallBert().write(to: folder)
      func length() throws -> Int {
        let encoder = try TransformerEncoder(ModelFolder(folder))
        let ids = encoder.tokenizer.encode(long, addingSpecialTokens: true)
        #expect(ids.count == encoder.maximumLength && ids.last == 3)
        #expect(ids.dropFirst().dropLast().elementsEqual(5..<Int32(5 + ids.count - 2)))
        return ids.count
      }
      func put(_ name: String, _ json: JSONValue) throws {
        try Data(json.text.utf8).write(to: folder.appendingPathComponent(name))
      }
      #expect(try length() == 20)
      try put("tokenizer_config.json", ["model_max_length": 9])
      #expect(try length() == 9)
      try put("sentence_bert_config.json", ["max_seq_length": .null])
      #expect(try length() == 9)
      try put("sentence_bert_config.json", ["max_seq_length": 12])
      #expect(try length() == 12)
      try put("sentence_bert_config.json", ["max_seq_length": 512])
      #expect(try length() == 20)
      try put("sentence_bert_config.json", ["max_seq_length": 1])
      #expect(throws: MinkeError.self) { try TransformerEncoder(ModelFolder(folder)) }
    }
  }

  @Test func `a text of a megabyte is its beginning`() throws {
    try Fixture.withTemporaryFolder { folder in
      try SmallBert().write(to: folder)
      let encoder = try TransformerEncoder(ModelFolder(folder))
      let words = (5..<23).map { "w\($0)" }.joined(separator: " ")
      let long = words + String(repeating: " w7 w8 unheard", count: 80_000)
      #expect(long.utf8.count > 1_000_000)
      #expect(try encoder.encode([long]) == encoder.encode([words]))
    }
  }

  // MARK: Order and precision

  @Test(arguments: KernelLevel.available, Precision.allCases)
  func `a vector does not depend on the batch it came in`(level: KernelLevel, precision: Precision) throws {
    try Fixture.withTemporaryFolder { folder in
      try SmallBert(vocabulary: 60, hidden: 48, heads: 3, intermediate: 70).write(to: folder)
      let encoder = try TransformerEncoder(ModelFolder(folder), LoadingOptions(precision: precision, kernels: level))
      // Enough for several batches of several texts, so that they are spread over the threads.
      let texts = (0..<300).map { index in
        (0..<index % 17).map { "w\(5 + (index * 7 + $0 * 3) % 50)" }.joined(separator: " ")
      }
      let together = try encoder.encode(texts)
      for index in [0, 16, 150, 299] { #expect(try encoder.encode([texts[index]])[0] == together[index]) }
      #expect(try encoder.encode(Array(texts[100..<140])) == together.rows(100..<140))
    }
  }

  @Test(arguments: KernelLevel.available) func `int8 stays near float32 in less memory`(level: KernelLevel) throws {
    try Fixture.withTemporaryFolder { folder in
      try SmallBert(hidden: 64, layers: 2, heads: 2, intermediate: 256).write(to: folder)
      let full = try TransformerEncoder(ModelFolder(folder), LoadingOptions(kernels: level))
      let small = try TransformerEncoder(ModelFolder(folder), LoadingOptions(precision: .int8, kernels: level))
      #expect(small.byteCount * 2 < full.byteCount)
      let (a, b) = (try full.encode(Self.texts), try small.encode(Self.texts))
      #expect(a != b)
      for index in 0..<a.count { #expect(zip(a[index], b[index]).reduce(0) { $0 + $1.0 * $1.1 } > 0.999) }
    }
  }

  @Test func `progress rises to the number of texts, and no texts give no vectors`() throws {
    try Fixture.withTemporaryFolder { folder in
      try SmallBert().write(to: folder)
      let encoder = try TransformerEncoder(ModelFolder(folder))
      #expect(try encoder.encode([]).count == 0)
      let steps = Steps()
      _ = try encoder.encode(Self.texts, options: EncodingOptions(progress: { steps.append($0, of: $1) }))
      #expect(steps.all.last == 5 && steps.all == steps.all.sorted())
    }
  }

  @Test func `a cancelled task stops`() async throws {
    let stopped = try await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try Fixture.withTemporaryFolder { folder in
        try SmallBert().write(to: folder)
        do {
          _ = try TransformerEncoder(ModelFolder(folder)).encode(Self.texts)
          return false
        } catch is CancellationError { return true }
      }
    }.value
    #expect(stopped)
  }
}

private final class Steps: @unchecked Sendable {
  // SAFETY: a ProgressHandler is called one call at a time.
  private(set) var all: [Int] = []
  func append(_ step: Int, of total: Int) {
    #expect(total == 5)
    all.append(step)
  }
}
