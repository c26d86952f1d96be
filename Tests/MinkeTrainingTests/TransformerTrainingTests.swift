import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

/// The texts of a golden file, as ids.
private func texts(_ value: JSONValue?) throws -> TokenBatch {
  TokenBatch(try #require(value?.array).map { ($0.array ?? []).compactMap { $0.integer.map { TokenID($0) } } })
}

private func expectGradients(_ parameters: [Parameter], are file: String, without: Set<String> = []) throws {
  let checkpoint = try Checkpoint(contentsOf: Fixture.url("training/\(file)"))
  #expect(Set(parameters.map(\.name)).subtracting(without) == Set(checkpoint.tensorNames))
  for parameter in parameters {
    let expected = try checkpoint.tensor(parameter.name).floats(shape: parameter.shape).copied().map(Double.init)
    expectClose(parameter.gradient.read.copied().map(Double.init), expected, 1e-4, parameter.name)
  }
}

/// Calls `body` with one thread and with three, and expects the same bits of all gradients.
private func withThreads(_ body: () throws -> [Parameter]) rethrows {
  let threads = Workers.count
  defer { Workers.count = threads }
  var bits: [[UInt32]]?
  for count in [1, 3] {
    Workers.count = count
    let found = try body().map { $0.gradient.read.copied().map(\.bitPattern) }
    #expect(bits ?? found == found)
    bits = found
  }
}

@Suite("BNE: golden gradients and steps", .serialized)
struct BinaryTrainingTests {
  private let golden: JSONValue
  private let anchors, positives: TokenBatch

  init() throws {
    golden = try Fixture.json("training/bne.json")
    anchors = try texts(golden["anchors"])
    positives = try texts(golden["positives"])
  }

  private func model(rateFactor: Double = 50) throws -> BinaryTrainee {
    try BinaryTrainee(BertTrainingFiles(ModelFolder(Fixture.url("bne-tiny"))), rateFactor: rateFactor, seed: 1)
  }

  private func parts(_ model: BinaryTrainee, _ loss: BitLoss, _ tape: Tape) -> [(
    name: String, loss: Variable, weight: Float
  )] {
    loss(model.encode(anchors, on: tape), model.encode(positives, on: tape), on: tape)
  }

  private static func loss(_ name: String) -> BitLoss {
    let hasTerms = name == "tanh_entropy_decorrelation"
    return BitLoss(
      name == "straight_through" ? .straightThrough : .tanh, similarity: SimilarityLoss(scale: 20, dimensions: [128]),
      entropyWeight: hasTerms ? 0.1 : 0, decorrelationWeight: hasTerms ? 0.01 : 0)
  }

  @Test(arguments: KernelLevel.available, ["tanh", "straight_through", "tanh_entropy_decorrelation"])
  func gradients(level: KernelLevel, name: String) throws {
    let expected = try #require(golden["losses"]?[name])
    try withThreads {
      let (model, tape) = (try model(), Tape(kernels: level))
      let parts = parts(model, Self.loss(name), tape)
      for part in parts {
        expectClose(
          [Double(part.loss.value[0, 0])], [try #require(expected[part.name]?.double)], 1e-5, part.name)
      }
      let total = tape.sum(parts.map { ($0.loss, $0.weight) })
      expectClose([Double(total.value[0, 0])], [try #require(expected["total"]?.double)], 1e-5, "the whole loss")
      tape.backward(from: total)
      try expectGradients(model.parameters, are: "bne-gradients-\(name).safetensors")
      return model.parameters
    }
  }

  @Test(arguments: KernelLevel.available) func sixStepsOfAdamW(level: KernelLevel) throws {
    let settings = try #require(golden["adamw"])
    let (rate, factor) = (2e-4, 5.0)
    #expect(settings["projection_learning_rate"]?.double == rate * factor)
    let (model, tape) = (try model(rateFactor: factor), Tape(kernels: level))
    let adam = Adam(model.parameters, .init(decay: 0.01), kernels: level)
    var (losses, norms): ([Double], [Double]) = ([], [])
    for _ in 0..<6 {
      tape.reset()
      let total = tape.sum(parts(model, Self.loss("tanh"), tape).map { ($0.loss, $0.weight) })
      losses.append(Double(total.value[0, 0]))
      tape.backward(from: total)
      norms.append(clipGradients(of: model.parameters, to: 1, kernels: level))
      adam.step(rate: rate)
    }
    adam.catchUp()
    expectClose(losses, try #require(settings["losses"]?.array).compactMap(\.double), 1e-5, "losses")
    expectClose(
      norms, try #require(settings["gradient_norms_before_clipping"]?.array).compactMap(\.double), 1e-4, "norms")
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("training/bne-after-6-steps.safetensors"))
    for parameter in model.parameters {
      let expected = try checkpoint.tensor(parameter.name).floats(shape: parameter.shape).copied().map(Double.init)
      expectClose(parameter.copied().map(Double.init), expected, 1e-4, parameter.name)
    }
  }

  private let sentences = [
    "A cat sat on the mat.", "", "Binary vectors are small and fast to compare with each other.",
  ]

  private func vectors(_ model: BinaryTrainee) throws -> [Double] {
    let batch = TokenBatch(try model.tokenization.ids(of: sentences))
    let tape = Tape()
    defer { extendLifetime(tape) }
    return model.encode(batch, on: tape).value.read.copied().map(Double.init)
  }

  @Test func whatIsWrittenGivesTheLogitsOfTheTape() throws {
    for head in [nil, BinaryTrainee.Head.bits(64), .numbers(24)] {
      try Fixture.withTemporaryFolder { folder in
        let model = try BinaryTrainee(
          BertTrainingFiles(ModelFolder(Fixture.url("bne-tiny"))), head: head, seed: 7)
        try model.write(to: folder)
        let form: EncodingOptions =
          if case .numbers = model.head { EncodingOptions(normalize: false) } else { EncodingOptions(form: .logits) }
        let found = try ModelLibrary.textEncoder(folder.path).encode(sentences, options: form)
        expectClose((found.floats ?? []).map(Double.init), try vectors(model), 1e-5, "\(model.head)")
        // Goes on from where it was.
        let again = try BinaryTrainee(BertTrainingFiles(ModelFolder(folder)), seed: 8)
        #expect(again.head == model.head)
        #expect(again.parameters.map { $0.copied() } == model.parameters.map { $0.copied() })
      }
    }
  }

  @Test func aRandomStartIsTheSeedsOwn() throws {
    let folder = try ModelFolder(Fixture.url("bne-tiny"))
    let files = try BertTrainingFiles(BertTrainingFiles(folder).configuration, tokenizerOf: folder)
    let models = try [1, 1, 2].map { try BinaryTrainee(files, head: .bits(32), seed: $0) }
    let vectors = try models.map(vectors)
    #expect(vectors[0] == vectors[1])
    #expect(vectors[0] != vectors[2])
    try Fixture.withTemporaryFolder { folder in
      try models[0].write(to: folder)
      let found = try ModelLibrary.textEncoder(folder.path).encode(sentences, options: .init(form: .logits))
      expectClose((found.floats ?? []).map(Double.init), vectors[0], 1e-5, "random start")
    }
    #expect(throws: MinkeError.self) { try BinaryTrainee(files, head: .bits(12), seed: 1) }
  }

  @Test func weightsIn8BitsAreRefused() throws {
    try Fixture.withTemporaryFolder { folder in
      let rounded = folder.appendingPathComponent("int8")
      try ModelLibrary.textEncoder(Fixture.url("bne-tiny").path).save(to: rounded, precision: .int8)
      let error = #expect(throws: MinkeError.self) { try BertTrainingFiles(ModelFolder(rounded)) }
      #expect(error?.kind == .unsupportedFile)
      #expect(error?.found.contains("8 bits") == true)
    }
  }
}

@Suite("SpikeWhale: golden gradients and steps", .serialized)
struct SpikeWhaleTrainingTests {
  private let golden: JSONValue
  private let sequences: TokenBatch

  init() throws {
    golden = try Fixture.json("training/spikewhale.json")
    sequences = try texts(golden["sequences"])
  }

  private func model() throws -> SpikeWhaleTrainee {
    try SpikeWhaleTrainee(SpikeWhaleTrainingFiles(ModelFolder(Fixture.url("spikewhale-tiny"))), seed: 1)
  }

  @Test(arguments: KernelLevel.available) func gradients(level: KernelLevel) throws {
    try withThreads {
      let (model, tape) = (try model(), Tape(kernels: level))
      let parts = model.losses(sequences, on: tape)
      let names = ["next_token_loss", "mean_squared_log_partition", "second_token_loss"]
      for (part, name) in zip(parts, names) {
        expectClose([Double(part.loss.value[0, 0])], [try #require(golden[name]?.double)], 1e-5, part.name)
      }
      let total = tape.sum(parts.map { ($0.loss, $0.weight) })
      expectClose([Double(total.value[0, 0])], [try #require(golden["total"]?.double)], 1e-5, "the whole loss")
      tape.backward(from: total)
      try expectGradients(model.parameters, are: "spikewhale-gradients.safetensors")
      let without = try #require(golden["without_gradient"]?.array).compactMap(\.string)
      #expect(Set(without).isDisjoint(with: model.parameters.map(\.name)))
      return model.parameters
    }
  }

  @Test func aSecondTokenOfWeight0IsLeftOut() throws {
    let (model, tape) = (try model(), Tape())
    model.secondTokenWeight = 0
    let parts = model.losses(sequences, on: tape)
    #expect(parts.map(\.name) == ["next token", "squared log partition"])
    tape.backward(from: tape.sum(parts.map { ($0.loss, $0.weight) }))
    let gradients = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.gradient.read.copied()) })
    #expect(try #require(gradients["mtp_heads.0.proj.weight"]).allSatisfy { $0 == 0 })
    #expect(try #require(gradients["model.embed_tokens.weight"]).contains { $0 != 0 })
  }

  @Test(arguments: KernelLevel.available) func fourStepsOfAdamW(level: KernelLevel) throws {
    let (model, tape) = (try model(), Tape(kernels: level))
    let adam = Adam(model.parameters, .init(beta1: 0.9, beta2: 0.95, decay: 0.1), kernels: level)
    var losses: [Double] = []
    for _ in 0..<5 {
      tape.reset()
      let total = tape.sum(model.losses(sequences, on: tape).map { ($0.loss, $0.weight) })
      losses.append(Double(total.value[0, 0]))
      tape.backward(from: total)
      adam.step(rate: 1e-3)
    }
    expectClose(losses, try #require(golden["adamw"]?["losses"]?.array).compactMap(\.double), 1e-5, "losses")
  }

  /// The logits after the last token of `tokens`.
  private func logits(_ model: some CausalModel, _ tokens: ArraySlice<TokenID>) throws -> [Float] {
    var state = model.makeState()
    return try model.logits(tokens, after: &state)
  }

  private func expectSameLogits(_ trainee: SpikeWhaleTrainee, folder: URL) throws {
    let written = try ModelLibrary.languageModel(folder.path)
    let tape = Tape()
    defer { extendLifetime(tape) }
    let h = trainee.hiddenStates(sequences, on: tape).value.read
    let table = try #require(trainee.parameters.first { $0.name == "model.embed_tokens.weight" }).value.read
    for text in sequences.texts {
      let last = h.row(text.upperBound - 1)
      let expected = (0..<table.rows).map { Double(last.dot(table.row($0))) }
      let found = try logits(written.model, sequences.ids[text])
      expectClose(found.map(Double.init), expected, 1e-5, "logits")
    }
  }

  @Test func whatIsWrittenGivesTheLogitsOfTheTape() throws {
    try Fixture.withTemporaryFolder { folder in
      let model = try model()
      // A step, so that not the file itself is compared.
      let tape = Tape()
      tape.backward(from: tape.sum(model.losses(sequences, on: tape).map { ($0.loss, $0.weight) }))
      let adam = Adam(model.parameters)
      adam.step(rate: 1e-3)
      adam.catchUp()
      try model.write(to: folder)
      try expectSameLogits(model, folder: folder)
      let names = try Checkpoint(contentsOf: folder.appendingPathComponent("model.safetensors")).tensorNames
      let published = try Checkpoint(contentsOf: Fixture.url("spikewhale-tiny/model.safetensors")).tensorNames
      #expect(names == published)
      let again = try SpikeWhaleTrainee(SpikeWhaleTrainingFiles(ModelFolder(folder)), seed: 9)
      #expect(again.parameters.map { $0.copied() } == model.parameters.map { $0.copied() })
    }
  }

  @Test func randomStartsOfManyForms() throws {
    let folder = try ModelFolder(Fixture.url("spikewhale-tiny"))
    let published = try #require(folder.json("config.json")?.object)
    let changes: [[String: JSONValue]] = [
      [:], ["use_engram": false, "use_hrm_refine": false],
      ["use_hyper_connections": false, "use_qk_norm": false, "use_xsa": false], ["hc_mult": 3, "hrm_refine_steps": 2],
    ]
    for change in changes {
      let json = JSONValue.object(published.merging(change) { $1 })
      let model = try SpikeWhaleTrainee(SpikeWhaleTrainingFiles(json, tokenizerOf: folder), seed: 3)
      let tape = Tape()
      let loss = try #require(model.losses(sequences, on: tape).first).loss.value[0, 0]
      // Nothing is known yet: every token is about as likely.
      #expect(abs(loss - logf(700)) < 0.5)
      try Fixture.withTemporaryFolder { folder in
        try model.write(to: folder)
        try expectSameLogits(model, folder: folder)
      }
    }
  }

  @Test func roundedWeightsAndOtherFormsAreRefused() throws {
    try Fixture.withTemporaryFolder { folder in
      let rounded = folder.appendingPathComponent("4bit")
      try ModelLibrary.languageModel(Fixture.url("spikewhale-tiny").path).save(to: rounded, precision: .fourBit)
      let error = #expect(throws: MinkeError.self) { try SpikeWhaleTrainingFiles(ModelFolder(rounded)) }
      #expect(error?.kind == .unsupportedFile)
    }
    let folder = try ModelFolder(Fixture.url("spikewhale-tiny"))
    var json = try #require(folder.json("config.json")?.object)
    json["hyper_connection_pre"] = "sigmoid"
    #expect(throws: MinkeError.self) { try SpikeWhaleTrainingFiles(.object(json), tokenizerOf: folder) }
  }
}

@Suite("Byrne-Embed: the head", .serialized)
struct HeadTrainingTests {
  private let sentences = ["A cat sat on the mat.", "How do I bake bread?", "x"]

  @Test func goesOnWithTheHeadAndWritesIt() throws {
    let source = try ModelFolder(Fixture.url("byrne-embed-tiny"))
    for dimension in [nil, 40] {
      let model = try HeadTrainee(ByrneTrainingFiles(source), dimension: dimension, seed: 2)
      let batch = TokenBatch(try model.tokenization.ids(of: sentences))
      let tape = Tape()
      let y = model.encode(batch, on: tape)
      if dimension == nil {
        let expected = try ByrneEncoder(source).encode(sentences, options: .init(normalize: false))
        expectClose(y.value.read.copied().map(Double.init), (expected.floats ?? []).map(Double.init), 1e-5, "vectors")
      }
      try Fixture.withTemporaryFolder { folder in
        try model.write(to: folder)
        let encoder = try ByrneEncoder(ModelFolder(folder))
        #expect(encoder.assumptions.isEmpty)
        let found = try encoder.encode(sentences, options: .init(normalize: false))
        expectClose((found.floats ?? []).map(Double.init), y.value.read.copied().map(Double.init), 1e-5, "written")
      }
      for row in 0..<y.rows { for column in 0..<y.columns { y.gradient[row, column] = 1 } }
      tape.backward()
      #expect(model.parameters.allSatisfy { $0.gradient.read.copied().contains { $0 != 0 } })
    }
  }

  @Test func whatTheBackboneGivesIsKeptWithTheSameBits() throws {
    let files = try ByrneTrainingFiles(ModelFolder(Fixture.url("byrne-embed-tiny")))
    let texts: [[TokenID]] = [[5, 6, 7], [8], [5, 6, 7, 9, 10, 11, 12] + (13..<50).map { TokenID($0) }]
    let expected = try files.means(of: texts)
    let entry = files.hiddenSize * MemoryLayout<Float>.stride + 256
    for limit in [0, 2, 100] {
      let backbone = BackboneMeans(files, byteLimit: limit * entry)
      for chosen in [[1], [0], [1, 0], [2, 2, 1, 0], [0, 1, 2]] {
        let found = try backbone.means(of: chosen.map { texts[$0] })
        for (row, text) in chosen.enumerated() {
          #expect(found.view.read.row(row).copied() == expected.view.read.row(text).copied(), "\(limit): \(chosen)")
        }
      }
      #expect(backbone.count == min(limit, 3))
    }
  }

  @Test func aTokenThatIsNotThereMakesTheVectorsNaN() throws {
    let model = try HeadTrainee(ByrneTrainingFiles(ModelFolder(Fixture.url("byrne-embed-tiny"))), seed: 2)
    let tape = Tape()
    defer { extendLifetime(tape) }
    let y = model.encode(TokenBatch([[5], [TokenID(100_000)]]), on: tape)
    #expect(y.value.read.copied().allSatisfy { $0.isNaN })
  }
}
