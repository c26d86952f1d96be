import Dispatch
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

@Suite struct GenerationTests {
  let language: LanguageModel

  init() throws { language = try SpikeWhaleFixture.model() }

  /// The whole continuation and why it ended.
  private func generate(_ prompt: String, _ options: GenerationOptions) throws -> (text: String, end: GenerationEnd?) {
    var result = (text: "", end: GenerationEnd?.none)
    try language.generate(prompt, options: options) { piece in
      #expect(result.end == nil)
      result.text += piece.text
      result.end = piece.end
    }
    return result
  }

  @Test func `a stream gives the same text as all tokens decoded at once`() async throws {
    let example = try SpikeWhaleFixture.examples()[3]
    var (text, tokens, end) = ("", [TokenID](), GenerationEnd?.none)
    for try await piece in language.generate(
      example.text, options: GenerationOptions(maximumTokens: 12, endsAtEndToken: false))
    {
      text += piece.text
      if let token = piece.token { tokens.append(token) }
      end = piece.end
    }
    #expect(tokens == example.greedy)
    #expect(text == language.tokenizer.decode(example.greedy))
    #expect(end == .maximumTokens)
  }

  @Test func `equal seeds give equal texts and others do not`() throws {
    func options(_ seed: UInt64) -> GenerationOptions {
      GenerationOptions(sampling: .random(RandomSampling(temperature: 1.5, seed: seed)), maximumTokens: 20)
    }
    let first = try generate("Alaska", options(1)).text
    #expect(try generate("Alaska", options(1)).text == first)
    #expect(try generate("Alaska", options(2)).text != first)
  }

  @Test(arguments: [
    RandomSampling(temperature: 3, topK: 1, seed: 1), RandomSampling(temperature: 3, topP: 1e-9, seed: 2),
    RandomSampling(temperature: 3, minP: 1, seed: 3), RandomSampling(temperature: 1e-9, seed: 4),
  ])
  func `a random choice among one token is the greedy one`(_ sampling: RandomSampling) throws {
    let expected = try generate("Alaska", GenerationOptions(maximumTokens: 12))
    let found = try generate("Alaska", GenerationOptions(sampling: .random(sampling), maximumTokens: 12))
    #expect(found.text == expected.text)
  }

  @Test func `random choices come as often as they are likely, among those left`() throws {
    let logits = [1, 2, 3, 0, -5].map { Float($0) }
    func shares(_ settings: RandomSampling) throws -> [Double] {
      var sampler = try Sampler(.random(settings), repetitionPenalty: 1)
      var counts = [Double](repeating: 0, count: 5)
      for _ in 0..<20_000 { counts[Int(sampler.next(logits, seen: []))] += 1 / 20_000 }
      return counts
    }
    func softmax(_ kept: [Int], _ temperature: Double) -> [Double] {
      let weights = logits.indices.map { kept.contains($0) ? exp(Double(logits[$0]) / temperature) : 0 }
      return weights.map { $0 / weights.reduce(0, +) }
    }
    let cases: [(RandomSampling, [Int])] = [
      (RandomSampling(seed: 1), [0, 1, 2, 3, 4]), (RandomSampling(temperature: 2, seed: 2), [0, 1, 2, 3, 4]),
      (RandomSampling(topK: 2, seed: 3), [1, 2]),
      // Of the whole, 2 has 0.64, 1 has 0.24 and 0 has 0.09.
      (RandomSampling(topP: 0.7, seed: 4), [1, 2]), (RandomSampling(topP: 0.9, seed: 5), [0, 1, 2]),
      // Beside 2, 1 is 0.37 and 0 is 0.14 likely.
      (RandomSampling(minP: 0.2, seed: 6), [1, 2]),
    ]
    for (settings, kept) in cases {
      #expect(largestDifference(try shares(settings), softmax(kept, settings.temperature)) < 0.02, "\(settings)")
    }
  }

  @Test func `the repetition penalty lowers what was there`() throws {
    var sampler = try Sampler(.greedy, repetitionPenalty: 2)
    #expect(sampler.next([1.0, 1.5], seen: [1]) == 0)
    #expect(sampler.next([-1.0, -1.5], seen: [0]) == 1)
    #expect(sampler.next([1.0, 2.5], seen: [1]) == 1)
  }

  @Test func `generation ends before a stop text, also one that spans tokens`() throws {
    let whole = try generate("Alaska", GenerationOptions(maximumTokens: 30)).text
    let letters = Array(whole.unicodeScalars)
    let stop = String(String.UnicodeScalarView(letters[10..<15]))
    let (text, end) = try generate("Alaska", GenerationOptions(maximumTokens: 30, stop: ["never there", stop]))
    #expect(end == .stopText)
    #expect(text == whole[..<(whole.firstRange(of: stop)?.lowerBound ?? whole.startIndex)])
    #expect(try generate("Alaska", GenerationOptions(maximumTokens: 30, stop: ["", "never there"])).text == whole)
  }

  @Test func `the end of the context is said`() throws {
    let (_, end) = try generate(String(repeating: "Q", count: 120), GenerationOptions(endsAtEndToken: false))
    #expect(end == .contextFull)
    #expect(throws: MinkeError.self) { try generate(String(repeating: "Q", count: 129), GenerationOptions()) }
  }

  @Test func `options out of range are errors`() throws {
    for settings in [
      RandomSampling(temperature: 0), RandomSampling(temperature: -1), RandomSampling(temperature: .nan),
      RandomSampling(topK: 0), RandomSampling(topP: 0), RandomSampling(topP: 1.1), RandomSampling(topP: .nan),
      RandomSampling(minP: -0.1), RandomSampling(minP: 1.1),
    ] {
      #expect(throws: MinkeError.self, "\(settings)") {
        try generate("a", GenerationOptions(sampling: .random(settings)))
      }
    }
    #expect(throws: MinkeError.self) { try generate("a", GenerationOptions(repetitionPenalty: 0)) }
    #expect(throws: MinkeError.self) { try generate("a", GenerationOptions(maximumTokens: -1)) }
    #expect(try generate("a", GenerationOptions(maximumTokens: 0)).end == .maximumTokens)
  }

  @Test func `nothing is done before a piece is asked for, and then one piece at a time`() async throws {
    let recorder = Recorder()
    let bigrams = try Bigrams.language(recorder: recorder)
    let text = bigrams.generate("a", options: GenerationOptions(maximumTokens: 100, endsAtEndToken: false))
    let pieces = text.makeAsyncIterator()
    #expect(recorder.calls == 0)
    for count in 1...5 {
      #expect(try await pieces.next()?.text == String(UnicodeScalar(UInt8(97 + count))))
      #expect(recorder.calls == count)
    }
    // Each iteration is a text of its own.
    for try await piece in text { #expect(piece.text == "b"); break }
    #expect(recorder.calls == 6)
  }

  @Test func `generation runs in the asking task with its priority, local values and cancellation`() async throws {
    let recorder = Recorder()
    let bigrams = try Bigrams.language(recorder: recorder)
    let options = GenerationOptions(maximumTokens: 100, endsAtEndToken: false)
    let task = Task(priority: .background) {
      try await Recorder.$name.withValue("asking") {
        for try await _ in bigrams.generate("a", options: options) {
          if recorder.calls == 3 { withUnsafeCurrentTask { $0?.cancel() } }
        }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(recorder.calls == 3)
    #expect(recorder.names == ["asking", "asking", "asking"])
  }

  @Test func `texts that are waited for leave the threads of the cooperative pool to others`() async throws {
    let gate = DispatchSemaphore(value: 0)
    let bigrams = try Bigrams.language(recorder: Recorder(gate: gate))
    let options = GenerationOptions(maximumTokens: 2, endsAtEndToken: false)
    try await withThrowingTaskGroup(of: Void.self) { group in
      // More than the pool has threads, so that none would be left for the one that opens the gate.
      for index in 0..<ProcessInfo.processInfo.activeProcessorCount + 4 {
        group.addTask {
          if index.isMultiple(of: 2) {
            for try await _ in bigrams.generate("a", options: options) {}
          } else {
            for try await _ in try ChatSession(bigrams).reply(to: "a", options: options) {}
          }
        }
      }
      group.addTask { gate.signal() }
      try await group.waitForAll()
    }
  }

  @Test func `after an error there are no more pieces`() async throws {
    let bigrams = try Bigrams.language()
    for options in [GenerationOptions(maximumTokens: -1), GenerationOptions(maximumTokens: 5)] {
      let prompt = String(repeating: "a", count: options.maximumTokens == 5 ? 300 : 1)
      let pieces = bigrams.generate(prompt, options: options).makeAsyncIterator()
      await #expect(throws: MinkeError.self) { try await pieces.next() }
      #expect(try await pieces.next() == nil)
    }
    // A cancelled one is not taken up again by another task.
    let pieces = bigrams.generate("a", options: GenerationOptions(endsAtEndToken: false)).makeAsyncIterator()
    let task = Task { [pieces = Held(pieces)] in
      withUnsafeCurrentTask { $0?.cancel() }
      await #expect(throws: CancellationError.self) { try await pieces.value.next() }
    }
    await task.value
    #expect(try await pieces.next() == nil)
  }

  @Test func `a prompt without tokens begins with the start token`() async throws {
    let bigrams = try Bigrams.language()
    var text = ""
    for try await piece in bigrams.generate("", options: GenerationOptions(maximumTokens: 3, endsAtEndToken: false)) {
      text += piece.text
    }
    #expect(text == "bcd")
  }
}

/// What one task hands to another and awaits.
private struct Held<Value>: @unchecked Sendable {
  // SAFETY of @unchecked: the test uses it in one task at a time.
  let value: Value

  init(_ value: Value) { self.value = value }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
