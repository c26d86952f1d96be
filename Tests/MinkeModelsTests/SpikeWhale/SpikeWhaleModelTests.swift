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
    let model = try SpikeWhaleFixture.network(level)
    let examples = try SpikeWhaleFixture.examples()
    #expect(examples.count == 16)
    for example in examples {
      #expect(language.tokenizer.encode(example.text) == example.ids)
      let logits = try language.logits(example.ids)
      #expect(largestDifference(logits, example.lastLogits) < 2e-4)
      let hidden = model.configuration.hiddenSize
      let states = try model.hiddenStates(example.ids)
      let mean = (0..<hidden).map { column in
        example.ids.indices.reduce(0.0) { $0 + Double(states[$1 * hidden + column]) } / Double(example.ids.count)
      }
      #expect(largestDifference(mean, example.hiddenMean) < 1e-4)
      let loss = try model.meanLoss(of: example.ids) * Double(example.ids.count - 1)
      #expect(abs(loss + example.logLikelihood) < 1e-2)
    }
  }

  @Test(arguments: KernelLevel.available)
  func `greedy continuations are those of PyTorch`(_ level: KernelLevel) throws {
    let language = try SpikeWhaleFixture.model(level)
    for example in try SpikeWhaleFixture.examples() {
      let options = GenerationOptions(maximumTokens: 12, endsAtEndToken: false)
      let tokens = try language.generate(example.text, options: options) { _ in }
      #expect(tokens == example.greedy, "\(example.text)")
    }
  }

  @Test(arguments: KernelLevel.available)
  func `logits step by step are those of the whole sequence`(_ level: KernelLevel) throws {
    let model = try SpikeWhaleFixture.network(level)
    let tokens = (0..<64).map { TokenID(($0 * 263 + 17) % 700) }
    let whole = try model.run([SequenceInput(tokens, state: model.makeMemory())]) { pass in
      model.logits(0..<tokens.count, of: pass)
    }
    var single = model.makeState()
    var uneven = model.makeState()
    var position = 0
    for step in 1...11 where position < tokens.count {
      let part = tokens[position..<min(tokens.count, position + step)]
      let last = try model.logits(part, after: &uneven)
      for token in part {
        let logits = try model.logits([token], after: &single)
        #expect(largestDifference(logits, whole[position * 700..<(position + 1) * 700]) < 1e-4, "position \(position)")
        position += 1
      }
      #expect(largestDifference(last, whole[(position - 1) * 700..<position * 700]) < 1e-4)
    }
    #expect(single.tokens == tokens && uneven.tokens == tokens)
  }

  @Test func `sequences run together do not see each other`() throws {
    let model = try SpikeWhaleFixture.network()
    let examples = try SpikeWhaleFixture.examples()
    let inputs = examples.map { SequenceInput($0.ids, state: model.makeMemory()) }
    try model.run(inputs) { pass in
      for (segment, example) in zip(pass.segments, examples) {
        let last = segment.rows.upperBound - 1
        #expect(largestDifference(model.logits(last..<last + 1, of: pass), example.lastLogits) < 2e-4)
      }
    }
  }

  @Test func `a copied state goes on by itself`() throws {
    let model = try SpikeWhaleFixture.network()
    var state = model.makeState()
    _ = try model.logits((0..<40).map { TokenID($0 + 4) }[...], after: &state)
    var copy = state
    let expected = try model.logits([300, 301], after: &copy)
    _ = try model.logits([5, 6, 7], after: &state)
    #expect(state.tokens.count == 43 && copy.tokens.count == 42)
    var again = model.makeState()
    let tokens = (0..<40).map { TokenID($0 + 4) } + [300, 301]
    #expect(largestDifference(try model.logits(tokens[...], after: &again), expected) < 1e-4)
  }

  @Test func `tasks that go on from one state do not disturb each other`() async throws {
    let language = try SpikeWhaleFixture.model()
    var start = language.makeContext()
    try start.append((0..<40).map { TokenID($0 + 4) })
    let context = start
    let results = try await withThrowingTaskGroup(of: [Float].self) { group in
      for _ in 0..<8 {
        group.addTask {
          var own = context
          for token in [5, 6, 7, 8, 9] { try own.append([TokenID(token)]) }
          return try own.append([10])
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(context.count == 40)
    for result in results { #expect(result == results[0]) }
  }

  @Test func `a state that nobody shares is written where it is`() throws {
    let language = try SpikeWhaleFixture.model()
    let model = try SpikeWhaleFixture.network()
    var state = model.makeState()
    // Once there is room, the memory must stay the same object from token to token.
    _ = try model.logits([4], after: &state)
    let before = ObjectIdentifier(state.exclusive())
    for token in 5..<20 { _ = try model.logits([TokenID(token)], after: &state) }
    #expect(ObjectIdentifier(state.exclusive()) == before)
    var context = language.makeContext()
    let tokens = try language.generate(
      after: [4], in: &context, options: GenerationOptions(maximumTokens: 5, endsAtEndToken: false)
    ) { _ in }
    #expect(context.tokens == [4] + tokens.dropLast())
  }

  @Test func `a truncated state is that of the shorter sequence`() throws {
    let model = try SpikeWhaleFixture.network()
    let tokens = (0..<60).map { TokenID(($0 * 263 + 17) % 700) }
    for count in [0, 1, 2, 31, 32, 59, 60, 70] {
      var long = model.makeState()
      _ = try model.logits(tokens[...], after: &long)
      model.truncate(&long, to: count)
      let kept = min(count, 60)
      #expect(long.tokens == Array(tokens[..<kept]))
      var short = model.makeState()
      if kept > 0 { _ = try model.logits(tokens[..<kept], after: &short) }
      let next: [TokenID] = [300, 301, 302]
      let (found, expected) = (try model.logits(next[...], after: &long), try model.logits(next[...], after: &short))
      #expect(largestDifference(found, expected) < 1e-4, "\(count)")
    }
  }

  @Test func `a cancelled pass leaves the state as it was`() async throws {
    let model = try SpikeWhaleFixture.network()
    let task = Task {
      var state = model.makeState()
      _ = try model.logits([10, 20, 30], after: &state)
      withUnsafeCurrentTask { $0?.cancel() }
      #expect(throws: CancellationError.self) { try model.logits([40, 50], after: &state) }
      return state
    }
    var state = try await task.value
    #expect(state.tokens == [10, 20, 30])
    var fresh = model.makeState()
    let expected = try model.logits([10, 20, 30, 40], after: &fresh)
    #expect(largestDifference(try model.logits([40], after: &state), expected) < 1e-4)
  }

  @Test func `the context length is a limit`() throws {
    let language = try SpikeWhaleFixture.model()
    let tokens = [TokenID](repeating: 100, count: 128)
    var full = language.makeContext()
    try full.append(tokens)
    for wrong in [[100], []] as [[TokenID]] { #expect(throws: MinkeError.self) { try full.append(wrong) } }
    for wrong in [tokens + [100], [700], [-1]] {
      var context = language.makeContext()
      #expect(throws: MinkeError.self) { try context.append(wrong) }
      #expect(context.count == 0)
    }
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
      let logits = try LanguageModel(spikeWhale: folder).logits(expected.ids)
      #expect(largestDifference(logits, expected.lastLogits) < 2e-4)
    }
  }
}
