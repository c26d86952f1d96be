import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

@Suite struct ScoringTests {
  let language: LanguageModel

  init() throws { language = try SpikeWhaleFixture.model() }

  /// The log-likelihood of each of `tokens` after the first `known`, one full pass for each.
  private func reference(_ tokens: [TokenID], after known: Int) throws -> [Double] {
    try (known..<tokens.count).map { index in
      let logits = try language.logits(tokens[..<index]).map { Double($0) }
      let total = logits.reduce(0) { $0 + exp($1) }
      return logits[Int(tokens[index])] - log(total)
    }
  }

  @Test func `continuations are scored as in a pass of their own`() throws {
    let pairs = [
      ("The original ", "language"), ("The original ", "cultural"), ("The original ", "of the nation"),
      ("Alaska Native", " Claims Settlement Act."), ("", "Hello"), ("Hello", ""),
    ].map { (context: $0.0, continuation: $0.1) }
    let scores = try language.score(pairs)
    #expect(scores.count == pairs.count)
    for (pair, score) in zip(pairs, scores) {
      let context = language.tokenizer.encode(pair.context)
      let whole = language.tokenizer.encode(pair.context + pair.continuation)
      let tokens = context.isEmpty ? [language.startToken] + whole : whole
      let expected = try reference(tokens, after: max(1, context.count))
      #expect(largestDifference(score.tokenLogLikelihoods, expected) < 1e-3, "\(pair)")
      #expect(abs(score.logLikelihood - expected.reduce(0, +)) < 1e-3)
      #expect(score.byteCount == pair.continuation.utf8.count)
    }
  }

  @Test func `the order and the company of pairs change nothing`() throws {
    let pairs = (0..<40).map { (context: "context \($0 % 7) ", continuation: "and \($0)") }
    let together = try language.score(pairs)
    for (index, pair) in pairs.enumerated().shuffled().prefix(8) {
      let alone = try language.score([pair])[0]
      #expect(largestDifference(alone.tokenLogLikelihoods, together[index].tokenLogLikelihoods) < 1e-3)
    }
  }

  @Test func `a greedy continuation is recognised`() throws {
    let example = try SpikeWhaleFixture.examples()[9]
    let next = try language.generate(
      example.text, options: GenerationOptions(maximumTokens: 1, endsAtEndToken: false)
    ) { _ in }
    let continuation = language.tokenizer.decode(next, skippingSpecialTokens: false)
    try #require(language.tokenizer.encode(example.text + continuation) == example.ids + next)
    #expect(try language.score([(example.text, continuation)])[0].isGreedy)
    #expect(try !language.score([(example.text, "zzz")])[0].isGreedy)
  }

  @Test func `pairs beyond the context are an error`() throws {
    #expect(throws: MinkeError.self) { try language.score([("a", String(repeating: "Q", count: 129))]) }
    #expect(try language.score([("a", String(repeating: "Q", count: 128))])[0].tokenLogLikelihoods.count == 128)
  }

  @Test(arguments: [(8, 4), (8, 8), (8, 1), (1, 1), (128, 64)])
  func `perplexity is that of windows run one by one`(_ window: Int, _ stride: Int) throws {
    let text = Array("African National Congress. In December 1991 the Convention for a Democratic South".utf8)
    let tokens = [language.startToken] + language.tokenizer.encode(String(decoding: text, as: UTF8.self))
    var expected = 0.0
    var done = 1
    while done < tokens.count {
      let end = min(tokens.count, done == 1 ? window + 1 : done + stride)
      let begin = max(0, end - 1 - window)
      expected += try reference(Array(tokens[begin..<end]), after: done - begin).reduce(0, +)
      done = end
    }
    let found = try text.withUnsafeBufferPointer {
      try language.perplexity(ofBytes: $0, window: window, stride: stride)
    }
    #expect(abs(found.logLikelihood - expected) < 1e-2)
    #expect(found.byteCount == text.count && found.tokenCount == tokens.count - 1)
    #expect(abs(found.perByte - exp(-expected / Double(text.count))) < 1e-3)
  }

  @Test func `windows out of range and a text without bytes are errors`() throws {
    for (window, stride) in [(0, 1), (129, 1), (8, 9), (8, 0)] {
      #expect(throws: MinkeError.self) {
        try [UInt8](repeating: 65, count: 9).withUnsafeBufferPointer {
          try language.perplexity(ofBytes: $0, window: window, stride: stride)
        }
      }
    }
    let error = #expect(throws: MinkeError.self) {
      try [UInt8]().withUnsafeBufferPointer { try language.perplexity(ofBytes: $0) }
    }
    #expect(error?.subject == "text")
  }

  @Test func `a model without a faster way is scored token by token`() async throws {
    let bigrams = try Bigrams.language()
    let scores = try await bigrams.score([("a", "bcd"), ("a", "bxy"), ("", "b")])
    #expect(scores.map(\.isGreedy) == [true, false, true])
    // One logit is 1 and all others are 0.
    let likely = 1 - log(Double(Bytes.size - 1) + exp(1))
    #expect(largestDifference(scores[0].tokenLogLikelihoods, [likely, likely, likely]) < 1e-5)
    #expect(largestDifference(scores[1].tokenLogLikelihoods, [likely, likely - 1, likely]) < 1e-5)
    let text = try await bigrams.perplexity(of: "bcdefg", window: 2, stride: 1)
    #expect(abs(text.logLikelihood - 6 * likely) < 1e-5)
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
