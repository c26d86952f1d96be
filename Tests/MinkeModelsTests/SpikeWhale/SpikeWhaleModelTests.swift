import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

@Suite struct SpikeWhaleModelTests {
  @Test(arguments: KernelLevel.available)
  func `logits, hidden states and log-probabilities are those of PyTorch`(_ level: KernelLevel) throws {
    let language = try SpikeWhaleFixture.model(level)
    let examples = try SpikeWhaleFixture.examples()
    #expect(examples.count == 16)
    for example in examples {
      #expect(language.tokenizer.encode(example.text) == example.ids)
      let logits = try language.model.logits(example.ids, after: language.model.makeState())
      #expect(largestDifference(logits, example.lastLogits) < 2e-4)
      let hidden = language.model.configuration.hiddenSize
      let states = try language.model.hiddenStates(example.ids)
      let mean = (0..<hidden).map { column in
        example.ids.indices.reduce(0.0) { $0 + Double(states[$1 * hidden + column]) } / Double(example.ids.count)
      }
      #expect(largestDifference(mean, example.hiddenMean) < 1e-4)
      let loss = try language.model.meanLoss(of: example.ids) * Double(example.ids.count - 1)
      #expect(abs(loss + example.logLikelihood) < 1e-2)
    }
  }

  @Test(arguments: KernelLevel.available)
  func `greedy continuations are those of PyTorch`(_ level: KernelLevel) throws {
    let language = try SpikeWhaleFixture.model(level)
    for example in try SpikeWhaleFixture.examples() {
      let options = GenerationOptions(maximumTokens: 12, endsAtEndToken: false)
      let tokens = try language.generate(after: example.ids, state: language.model.makeState(), options: options) { _ in
      }
      #expect(tokens == example.greedy, "\(example.text)")
    }
  }

  @Test(arguments: KernelLevel.available)
  func `logits step by step are those of the whole sequence`(_ level: KernelLevel) throws {
    let model = try SpikeWhaleFixture.model(level).model
    let tokens = (0..<64).map { TokenID(($0 * 263 + 17) % 700) }
    let whole = try model.run([SequenceInput(tokens, state: model.makeState())]) { pass in
      model.logits(0..<tokens.count, of: pass)
    }
    let single = model.makeState()
    let uneven = model.makeState()
    var position = 0
    for step in 1...11 where position < tokens.count {
      let part = tokens[position..<min(tokens.count, position + step)]
      let last = try model.logits(part, after: uneven)
      for token in part {
        let logits = try model.logits([token], after: single)
        #expect(largestDifference(logits, whole[position * 700..<(position + 1) * 700]) < 1e-4, "position \(position)")
        position += 1
      }
      #expect(largestDifference(last, whole[(position - 1) * 700..<position * 700]) < 1e-4)
    }
    #expect(single.count == 64 && uneven.count == 64)
  }

  @Test func `sequences run together do not see each other`() throws {
    let model = try SpikeWhaleFixture.model().model
    let examples = try SpikeWhaleFixture.examples()
    let inputs = examples.map { SequenceInput($0.ids, state: model.makeState()) }
    try model.run(inputs) { pass in
      for (segment, example) in zip(pass.segments, examples) {
        let last = segment.rows.upperBound - 1
        #expect(largestDifference(model.logits(last..<last + 1, of: pass), example.lastLogits) < 2e-4)
      }
    }
  }

  @Test func `a copied state goes on by itself`() throws {
    let model = try SpikeWhaleFixture.model().model
    let state = model.makeState()
    _ = try model.logits((0..<40).map { TokenID($0 + 4) }, after: state)
    let copy = state.copy()
    let expected = try model.logits([300, 301], after: copy)
    _ = try model.logits([5, 6, 7], after: state)
    #expect(state.count == 43 && copy.count == 42)
    let again = model.makeState()
    let tokens = (0..<40).map { TokenID($0 + 4) } + [300, 301]
    #expect(largestDifference(try model.logits(tokens, after: again), expected) < 1e-4)
  }

  @Test func `a cancelled pass leaves the state as it was`() async throws {
    let model = try SpikeWhaleFixture.model().model
    let task = Task {
      let state = model.makeState()
      _ = try model.logits([10, 20, 30], after: state)
      withUnsafeCurrentTask { $0?.cancel() }
      #expect(throws: CancellationError.self) { try model.logits([40, 50], after: state) }
      return state
    }
    let state = try await task.value
    #expect(state.count == 3)
    let expected = try model.logits([10, 20, 30, 40], after: model.makeState())
    #expect(largestDifference(try model.logits([40], after: state), expected) < 1e-4)
  }

  @Test func `the context length is a limit`() throws {
    let model = try SpikeWhaleFixture.model().model
    let tokens = [TokenID](repeating: 100, count: 128)
    let state = model.makeState()
    _ = try model.logits(tokens, after: state)
    #expect(throws: MinkeError.self) { try model.logits([100], after: state) }
    #expect(throws: MinkeError.self) { try model.logits(tokens + [100], after: model.makeState()) }
    #expect(throws: MinkeError.self) { try model.logits([], after: model.makeState()) }
    #expect(throws: MinkeError.self) { try model.logits([700], after: model.makeState()) }
    #expect(throws: MinkeError.self) { try model.logits([-1], after: model.makeState()) }
  }

  @Test func `guessed names may be others, and what is not used may be missing`() throws {
    let expected = try SpikeWhaleFixture.examples()[3]
    try SpikeWhaleFixture.withCopy(tensors: { tensors in
      for (name, tensor) in tensors {
        let other =
          name.replacing("pre_logits", with: "pre_weight").replacing("post_logits", with: "post_weight")
          .replacing("engram.compressor", with: "engram.squeeze").replacing("engram.gate", with: "engram.fusion")
        guard other != name || name.hasPrefix("mtp") || name.hasPrefix("lm_head") || name.contains("rope") else {
          continue
        }
        tensors[name] = nil
        if other != name { tensors[other] = try SpikeWhaleFixture.renamed(tensor, other) }
      }
      tensors["jepa.predictor.weight"] = try Tensor(name: "jepa.predictor.weight", shape: [2], floats: [.nan, 1])
    }) { folder in
      let model = try LanguageModel(folder).model
      let logits = try model.logits(expected.ids, after: model.makeState())
      #expect(largestDifference(logits, expected.lastLogits) < 2e-4)
    }
  }
}
