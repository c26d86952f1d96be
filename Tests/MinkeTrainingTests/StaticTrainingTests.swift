import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

/// The tiny SSE model, its batches and what PyTorch's autograd in float64 gives for them.
@Suite("SSE: golden gradients and steps", .serialized)
struct StaticTrainingTests {
  private let golden: JSONValue
  private let batches: [(anchors: TokenBatch, positives: TokenBatch)]

  init() throws {
    golden = try Fixture.json("training/sse.json")
    func texts(_ value: JSONValue?) throws -> TokenBatch {
      TokenBatch(try #require(value?.array).map { ($0.array ?? []).compactMap { $0.integer.map { TokenID($0) } } })
    }
    batches = try #require(golden["batches"]?.array).map { (try texts($0["anchors"]), try texts($0["positives"])) }
  }

  private func model() throws -> StaticTrainee {
    try StaticTrainee(from: ModelLibrary.textEncoder(Fixture.url("sse-tiny").path))
  }

  /// The sum over the sizes, and the loss of each size, the largest first.
  private func loss(_ model: StaticTrainee, _ batch: Int, bothDirections: Bool, _ tape: Tape) -> (Variable, [Float]) {
    let losses = SimilarityLoss(scale: 20, dimensions: [64, 32, 16, 8])(
      model.encode(batches[batch].anchors, on: tape), model.encode(batches[batch].positives, on: tape),
      .diagonal(bothDirections: bothDirections), on: tape)
    return (tape.sum([(losses, 1)]), losses.value.read.copied().reversed())
  }

  private func expect(_ parameters: [Parameter], are file: String, gradients: Bool) throws {
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("training/\(file)"))
    #expect(Set(parameters.map(\.name)) == Set(checkpoint.tensorNames))
    for parameter in parameters {
      let expected = try checkpoint.tensor(parameter.name).floats(shape: parameter.shape).copied().map(Double.init)
      let found = gradients ? parameter.gradient.read.copied() : parameter.copied()
      expectClose(found.map(Double.init), expected, 1e-4, parameter.name)
    }
  }

  @Test(arguments: KernelLevel.available, [false, true])
  func gradientsOfTheFirstBatch(level: KernelLevel, bothDirections: Bool) throws {
    let name = bothDirections ? "both_directions" : "anchors_to_positives"
    let expected = try #require(golden["losses_first_batch"]?[name])
    let (model, tape) = (try model(), Tape(kernels: level))
    let (total, sizes) = loss(model, 0, bothDirections: bothDirections, tape)
    expectClose(sizes.map(Double.init), try #require(expected["per_dim"]?.array).compactMap(\.double), 1e-5, "losses")
    expectClose([Double(total.value[0, 0])], [try #require(expected["total"]?.double)], 1e-5, "the whole loss")
    tape.backward(from: total)
    try expect(model.parameters, are: "sse-gradients-\(name).safetensors", gradients: true)
  }

  @Test(arguments: KernelLevel.available) func tenStepsOfAdam(level: KernelLevel) throws {
    let settings = try #require(golden["adam"])
    let steps = try #require(settings["steps"]?.integer)
    let expected = try #require(settings["losses"]?.array).compactMap(\.double)
    let (model, tape) = (try model(), Tape(kernels: level))
    let adam = Adam(model.parameters, .init(beta1: 0.9, beta2: 0.9999, epsilon: 1e-10), kernels: level)
    var losses: [Double] = []
    for step in 0..<steps {
      tape.reset()
      let (total, _) = loss(model, step, bothDirections: false, tape)
      losses.append(Double(total.value[0, 0]))
      tape.backward(from: total)
      adam.step(rate: 0.05 * Schedule.cosine.factor(at: step, of: steps, warmUp: 1))
    }
    adam.catchUp()
    expectClose(losses, expected, 1e-4, "losses")
    try expect(model.parameters, are: "sse-after-10-steps.safetensors", gradients: false)
  }

  /// Rows that are left until they are touched, beside an optimiser that goes through all of the table in each step.
  @Test func rowsLeftBehindEndWhereTheDenseOptimiserEnds() throws {
    for decay in [0, 0.1] {
      let numbers = Table.random(50, 24, seed: 3).numbers.map(Float.init)
      let tables = [true, false].map { Parameter("t", shape: [50, 24], numbers, .init(isTable: $0)) }
      let optimizers = tables.map { Adam([$0], .init(decay: decay)) }
      var generator = SplitMix64(seed: 8)
      for step in 0..<20 {
        let texts = (0..<3).map { _ in (0..<4).map { _ in TokenID(generator.below(50)) } }
        for (table, optimizer) in zip(tables, optimizers) {
          let tape = Tape()
          let y = tape.bagMean(table, TokenBatch(texts))
          for row in 0..<3 { for column in 0..<24 { y.gradient[row, column] = y.value[row, column] - 0.5 } }
          tape.backward()
          optimizer.step(rate: 0.01 * Double(step + 1))
        }
      }
      optimizers[0].catchUp()
      #expect(tables[0].copied().map(\.bitPattern) == tables[1].copied().map(\.bitPattern))
      #expect(tables[0].copied() != numbers)
    }
  }

  @Test func stateGoesOnToTheSameBits() throws {
    try Fixture.withTemporaryFolder { folder in
      func run(_ model: StaticTrainee, _ adam: Adam, _ steps: Range<Int>) {
        for step in steps {
          let tape = Tape()
          let (total, _) = loss(model, step, bothDirections: true, tape)
          tape.backward(from: total)
          adam.step(rate: 0.02)
        }
      }
      let whole = try model()
      let adam = Adam(whole.parameters)
      run(whole, adam, 0..<4)
      let file = folder.appendingPathComponent("state.safetensors")
      try Safetensors.write(try adam.state(), to: file)
      let model = folder.appendingPathComponent("model")
      try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
      try whole.write(to: model)
      run(whole, adam, 4..<8)

      let second = try StaticTrainee(from: ModelLibrary.textEncoder(model.path))
      let resumed = Adam(second.parameters)
      try resumed.restore(Checkpoint(contentsOf: file), steps: 4)
      run(second, resumed, 4..<8)
      adam.catchUp()
      resumed.catchUp()
      for (one, other) in zip(whole.parameters, second.parameters) {
        #expect(one.copied().map(\.bitPattern) == other.copied().map(\.bitPattern))
      }
    }
  }

  @Test func whatIsRoundedWhileItIsTaughtIsWhatIsWritten() throws {
    try Fixture.withTemporaryFolder { folder in
      let encoder = try ModelLibrary.textEncoder(Fixture.url("sse-tiny").path)
      let taught = try StaticTrainee(from: encoder, precision: .fourBit)
      let plain = try StaticTrainee(from: encoder)
      let texts = ["a whale in the sea", "", "machine translation", "the sea"]
      let batch = TokenBatch(try taught.tokenization.ids(of: texts, role: nil))
      let (tape, plainTape) = (Tape(), Tape())
      let (rounded, exact) = (taught.encode(batch, on: tape), plain.encode(batch, on: plainTape))
      let numbers = rounded.value.read.copied()
      #expect(numbers != exact.value.read.copied())

      try taught.write(to: folder)
      let written = try ModelLibrary.textEncoder(folder.path)
      let vectors = try written.encode(texts, options: EncodingOptions(normalize: false)).floats ?? []
      expectClose(vectors.map(Double.init), numbers.map(Double.init), 1e-5, "vectors")

      // The numbers behind the rounded ones are changed, each as if it were not rounded.
      let adam = Adam(taught.parameters)
      let table = try #require(taught.parameters.first)
      let before = table.copied()
      for row in 0..<texts.count { for column in 0..<rounded.value.columns { rounded.gradient[row, column] = 1 } }
      tape.backward()
      adam.step(rate: 0.01)
      #expect(table.copied() != before)
    }
  }

  @Test func clippingShortensAllGradientsTogether() {
    let (a, b) = (Parameter("a", shape: [2], [0, 0]), Parameter("b", shape: [1], [0]))
    a.gradient[0, 0] = 3
    b.gradient[0, 0] = 4
    #expect(clipGradients(of: [a, b], to: 10) == 5)
    #expect(a.gradient[0, 0] == 3)
    #expect(clipGradients(of: [a, b], to: 1) == 5)
    #expect(abs(a.gradient[0, 0] - 0.6) < 1e-6 && abs(b.gradient[0, 0] - 0.8) < 1e-6)
  }

  @Test func schedules() {
    let cosine = (0..<10).map { Schedule.cosine.factor(at: $0, of: 10, warmUp: 1) * 0.05 }
    let expected = (golden["adam"]?["learning_rates"]?.array ?? []).compactMap(\.double)
    expectClose(cosine, expected, 1e-12, "cosine", absolute: 1e-15)
    #expect((0..<5).map { Schedule.linear.factor(at: $0, of: 4, warmUp: 2) } == [0, 0.5, 1, 0.5, 0])
    #expect((0..<4).map { Schedule.constant.factor(at: $0, of: 4, warmUp: 2) } == [0, 0.5, 1, 1])
  }

  @Test func whatIsWrittenGivesTheVectorsOfTheTape() throws {
    try Fixture.withTemporaryFolder { folder in
      let model = try model()
      let tape = Tape()
      let vectors = model.encode(batches[0].anchors, on: tape).value.read.copied()
      try model.write(to: folder)
      let encoder = try ModelLibrary.textEncoder(folder.path)
      let written = try #require(encoder as? any TokenIDEncoder)
      let ids = batches[0].anchors
      let found = try written.encode(count: ids.texts.count, options: .init(normalize: false)) { text, into in
        into += ids.ids[ids.texts[text]]
      }
      expectClose((found.floats ?? []).map(Double.init), vectors.map(Double.init), 1e-6, "vectors")
      #expect(throws: MinkeError.self) {
        try StaticTrainee(from: ModelLibrary.textEncoder(Fixture.url("static-embedding-tiny").path))
      }
    }
  }
}
