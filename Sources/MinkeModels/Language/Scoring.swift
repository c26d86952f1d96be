import MinkeCore
import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How likely a model finds a continuation.
public struct ContinuationScore: Sendable, Equatable {
  /// The natural logarithm of each token's probability after all before it.
  public let tokenLogLikelihoods: [Double]
  /// Whether each token is the likeliest at its place.
  public let isGreedy: Bool
  /// Bytes of the continuation's text.
  public let byteCount: Int
  /// Tokens at the beginning of the context that the model had no room for.
  public let tokensLeftOut: Int

  /// The logarithm of the whole continuation's probability.
  public var logLikelihood: Double { tokenLogLikelihoods.reduce(0, +) }
}

/// How well a model predicts a text.
public struct TextPerplexity: Sendable, Equatable {
  /// Bytes of the text.
  public let byteCount: Int
  /// Tokens of the text.
  public let tokenCount: Int
  /// The natural logarithm of the text's probability.
  public let logLikelihood: Double

  /// `exp(-logLikelihood / bytes)`
  public var perByte: Double { exp(-logLikelihood / Double(max(1, byteCount))) }
  /// `exp(-logLikelihood / tokens)`
  public var perToken: Double { exp(-logLikelihood / Double(max(1, tokenCount))) }
  /// `-log2` of the text's probability, for each byte.
  public var bitsPerByte: Double { -logLikelihood / Double(max(1, byteCount)) / log(2) }
}

extension LanguageModel {
  /// How likely each continuation is after its context, in the order given.
  ///
  /// The two are encoded as one text, whose tokens from the length of the context's own encoding on count as the
  /// continuation, as in lm-evaluation-harness. An empty context is the start token. A context that several
  /// continuations share is run through the model once, and sequences are run together.
  ///
  /// - Parameters:
  ///   - pairs: what is given and what follows it.
  ///   - shorteningContexts: whether a context too long for the model loses its beginning, instead of an error.
  ///   - progress: hears how many pairs are done.
  /// - Throws: `MinkeError` when a pair is longer than the context length; `CancellationError` when the calling task
  ///   is cancelled.
  public func score(
    _ pairs: [(context: String, continuation: String)], shorteningContexts: Bool = false,
    progress: ProgressHandler? = nil
  ) throws -> [ContinuationScore] {
    var targets: [[TokenID]] = []
    var contexts: [[TokenID]] = []
    var leftOut: [Int] = []
    for (index, pair) in pairs.enumerated() {
      let whole = tokenizer.encode(pair.context + pair.continuation)
      // A token may span the border, and the continuation has at least one.
      let border = min(tokenizer.encode(pair.context).count, max(0, whole.count - (pair.continuation.isEmpty ? 0 : 1)))
      var context = border == 0 ? [startToken] : Array(whole.prefix(border))
      let target = Array(whole.dropFirst(border))
      // The last token of the continuation predicts nothing and needs no room; the context keeps one token.
      let surplus = shorteningContexts ? context.count + max(0, target.count - 1) - contextLength : 0
      leftOut.append(min(max(0, surplus), context.count - 1))
      context.removeFirst(leftOut[index])
      guard context.count + max(0, target.count - 1) <= contextLength else {
        throw MinkeError(
          .invalidArgument, "pair \(index)", expected: "at most \(contextLength) tokens, the model's context length",
          found: "\(context.count + target.count - 1)")
      }
      targets.append(target)
      contexts.append(context)
    }
    let meter = ProgressMeter(total: pairs.count, handler: progress)
    let scores = try model.score(targets, after: contexts, meter)
    return pairs.indices.map { index in
      ContinuationScore(
        tokenLogLikelihoods: scores[index].map(\.logLikelihood), isGreedy: scores[index].allSatisfy(\.isLikeliest),
        byteCount: pairs[index].continuation.utf8.count, tokensLeftOut: leftOut[index])
    }
  }

  /// The same without holding a thread of Swift's cooperative pool.
  public func score(
    _ pairs: [(context: String, continuation: String)], shorteningContexts: Bool = false,
    progress: ProgressHandler? = nil
  ) async throws -> [ContinuationScore] {
    try await Workers.run { try score(pairs, shorteningContexts: shorteningContexts, progress: progress) }
  }

  /// How well the model predicts `text` with a window that slides over it.
  ///
  /// Every token counts once. A window holds up to `window` tokens; the next begins where as many tokens as `stride`
  /// are new and the others are context. The first token of the text is predicted from the start token.
  /// - Throws: `MinkeError` when the window does not fit the context, the stride not the window, or the text is empty;
  ///   `CancellationError` when the calling task is cancelled.
  public func perplexity(
    of text: String, window: Int? = nil, stride: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> TextPerplexity {
    var text = text
    return try text.withUTF8 { try perplexity(ofBytes: $0, window: window, stride: stride, progress: progress) }
  }

  /// The same without holding a thread of Swift's cooperative pool.
  public func perplexity(
    of text: String, window: Int? = nil, stride: Int? = nil, progress: ProgressHandler? = nil
  ) async throws -> TextPerplexity {
    try await Workers.run { try perplexity(of: text, window: window, stride: stride, progress: progress) }
  }

  /// ``perplexity(of:window:stride:progress:)`` of any bytes.
  package func perplexity(
    ofBytes text: UnsafeBufferPointer<UInt8>, window: Int? = nil, stride: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> TextPerplexity {
    let window = window ?? min(contextLength, 1024)
    guard window > 0, window <= contextLength else {
      throw MinkeError(.invalidArgument, "window", expected: "1 to \(contextLength) tokens", found: "\(window)")
    }
    let stride = stride ?? max(1, window / 2)
    guard stride > 0, stride <= window else {
      throw MinkeError(.invalidArgument, "stride", expected: "1 to \(window) tokens, the window", found: "\(stride)")
    }
    var tokens = [startToken]
    tokenizer.encode(text, addingSpecialTokens: false, into: &tokens)
    guard tokens.count > 1 else {
      throw MinkeError(.invalidArgument, "text", expected: "one byte or more to predict", found: "none")
    }
    let meter = ProgressMeter(total: tokens.count - 1, handler: progress)
    let sum = try model.logLikelihood(of: tokens, window: window, stride: stride, meter)
    return TextPerplexity(byteCount: text.count, tokenCount: tokens.count - 1, logLikelihood: sum)
  }
}

extension CausalModel {
  /// The log-likelihood of all tokens but the first, in windows that slide over them.
  fileprivate func logLikelihood(
    of tokens: [TokenID], window: Int, stride: Int, _ meter: ProgressMeter
  ) throws -> Double {
    var sum = 0.0
    // Tokens up to here have been predicted.
    var done = 1
    while done < tokens.count {
      let end = min(tokens.count, done == 1 ? window + 1 : done + stride)
      // The tokens that predict: each from `begin` to the one before `end`.
      let begin = max(0, end - 1 - window)
      var sequence = [ScoredSequence(tokens[begin..<end - 1], after: makeState(), targets: tokens[done..<end])]
      sum += try score(&sequence).joined().reduce(0) { $0 + $1.logLikelihood }
      meter.advance(by: end - done)
      done = end
    }
    return sum
  }

  /// The scores of each of `targets` after its context.
  fileprivate func score(
    _ targets: [[TokenID]], after contexts: [[TokenID]], _ meter: ProgressMeter
  ) throws -> [[TokenScore]] {
    var groups: [[TokenID]: [Int]] = [:]
    var order: [[TokenID]] = []
    for (index, context) in contexts.enumerated() {
      if groups[context] == nil { order.append(context) }
      groups[context, default: []].append(index)
    }
    var scores = [[TokenScore]](repeating: [], count: targets.count)
    var start = 0
    while start < order.count {
      var (end, tokens) = (start, 0)
      repeat {
        tokens += order[end].count + (groups[order[end]] ?? []).reduce(0) { $0 + targets[$1].count }
        end += 1
      } while end < order.count && tokens < tokensPerPass
      try score(order[start..<end].map { ($0, groups[$0] ?? []) }, targets: targets, into: &scores, meter)
      start = end
    }
    return scores
  }

  /// Scores the continuations of some contexts: first what is shared, then every sequence's own end.
  private func score(
    _ groups: [(context: [TokenID], members: [Int])], targets: [[TokenID]], into scores: inout [[TokenScore]],
    _ meter: ProgressMeter
  ) throws {
    let shared = groups.filter { $0.members.count > 1 }
    var sharedSequences = shared.map { ScoredSequence($0.context.dropLast(), after: makeState()) }
    for batch in batches(sharedSequences.map(\.tokens.count)) {
      var part = Array(sharedSequences[batch])
      _ = try score(&part)
      sharedSequences.replaceSubrange(batch, with: part)
    }
    let states = Dictionary(uniqueKeysWithValues: zip(shared.map(\.context), sharedSequences.map(\.state)))

    var sequences: [(index: Int, sequence: ScoredSequence<State>)] = []
    for (context, members) in groups {
      // The logits after the last token of the context are each continuation's own first row.
      let rest = states[context] == nil ? context[...] : context.suffix(1)
      for index in members where !targets[index].isEmpty {
        let sequence = ScoredSequence(
          rest + targets[index].dropLast(), after: states[context] ?? makeState(), targets: targets[index][...])
        sequences.append((index, sequence))
      }
    }
    for batch in batches(sequences.map(\.sequence.tokens.count)) {
      var part = sequences[batch].map(\.sequence)
      for (index, found) in zip(batch, try score(&part)) { scores[sequences[index].index] = found }
    }
    meter.advance(by: groups.reduce(0) { $0 + $1.members.count })
  }

  /// Ranges of sequences that together fill a pass.
  func batches(_ lengths: [Int]) -> [Range<Int>] {
    var batches: [Range<Int>] = []
    var (start, tokens) = (0, 0)
    for (index, length) in lengths.enumerated() {
      if index > start, tokens + length > tokensPerPass {
        batches.append(start..<index)
        (start, tokens) = (index, 0)
      }
      tokens += length
    }
    if start < lengths.count { batches.append(start..<lengths.count) }
    return batches
  }
}
