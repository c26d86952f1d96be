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

  /// The logarithm of the whole continuation's probability.
  public var logLikelihood: Double { tokenLogLikelihoods.reduce(0, +) }
}

/// How well a model predicts a text.
public struct TextPerplexity: Sendable, Equatable {
  public let byteCount: Int
  public let tokenCount: Int
  /// The natural logarithm of the text's probability.
  public let logLikelihood: Double

  /// `exp(-logLikelihood / bytes)`
  public var perByte: Double { exp(-logLikelihood / Double(max(1, byteCount))) }
  /// `exp(-logLikelihood / tokens)`
  public var perToken: Double { exp(-logLikelihood / Double(max(1, tokenCount))) }
  public var bitsPerByte: Double { -logLikelihood / Double(max(1, byteCount)) / log(2) }
}

extension SpikeWhaleModel {
  struct TokenScore {
    let logLikelihood: Double
    let isLikeliest: Bool
  }

  /// The log-likelihood of `targets`, one for each of `rows` of a finished pass.
  func logLikelihoods(of targets: ArraySlice<TokenID>, at rows: Range<Int>, of pass: ForwardPass) -> [TokenScore] {
    var scores: [TokenScore] = []
    let vocabulary = head.outputs
    // Logits of so many rows at once that they stay small and the matrix product is still filled.
    let block = 64
    var next = targets.startIndex
    for start in stride(from: rows.lowerBound, to: rows.upperBound, by: block) {
      let part = start..<min(rows.upperBound, start + block)
      let logits = logits(part, of: pass)
      for index in 0..<part.count {
        logits.withUnsafeBufferPointer { logits in
          let row = UnsafeBufferPointer(rebasing: logits[index * vocabulary..<(index + 1) * vocabulary])
          let largest = row.max() ?? 0
          let total = row.reduce(0.0) { $0 + Double(expf($1 - largest)) }
          let target = row[Int(targets[next])]
          scores.append(
            TokenScore(logLikelihood: Double(target - largest) - log(total), isLikeliest: target == largest))
        }
        next += 1
      }
    }
    return scores
  }
}

extension LanguageModel {
  /// How likely each continuation is after its context, in the order given.
  ///
  /// The two are encoded as one text, whose tokens from the length of the context's own encoding on count as the
  /// continuation, as in lm-evaluation-harness. An empty context is the start token. A context that several
  /// continuations share is run through the model once, and sequences are run together.
  /// - Throws: ``MinkeError`` when a pair is longer than the context length; `CancellationError` when the calling task
  ///   is cancelled.
  public func score(
    _ pairs: [(context: String, continuation: String)], progress: ProgressHandler? = nil
  ) throws -> [ContinuationScore] {
    var groups: [[TokenID]: [Int]] = [:]
    var order: [[TokenID]] = []
    var targets: [[TokenID]] = []
    for (index, pair) in pairs.enumerated() {
      let whole = tokenizer.encode(pair.context + pair.continuation)
      // A token may span the border, and the continuation has at least one.
      let border = min(tokenizer.encode(pair.context).count, max(0, whole.count - (pair.continuation.isEmpty ? 0 : 1)))
      let context = border == 0 ? [startToken] : Array(whole.prefix(border))
      let target = Array(whole.dropFirst(border))
      guard context.count + max(0, target.count - 1) <= contextLength else {
        throw MinkeError(
          .invalidArgument, "pair \(index)", expected: "at most \(contextLength) tokens, the model's context length",
          found: "\(context.count + target.count - 1)")
      }
      targets.append(target)
      if groups[context] == nil { order.append(context) }
      groups[context, default: []].append(index)
    }
    var scores = [[SpikeWhaleModel.TokenScore]](repeating: [], count: pairs.count)
    let meter = ProgressMeter(total: pairs.count, handler: progress)
    var start = 0
    while start < order.count {
      var (end, tokens) = (start, 0)
      repeat {
        tokens += order[end].count + (groups[order[end]] ?? []).reduce(0) { $0 + targets[$1].count }
        end += 1
      } while end < order.count && tokens < SpikeWhaleModel.tokensPerPass
      try score(order[start..<end].map { ($0, groups[$0] ?? []) }, targets: targets, into: &scores, meter)
      start = end
    }
    return zip(pairs, scores).map { pair, scores in
      ContinuationScore(
        tokenLogLikelihoods: scores.map(\.logLikelihood), isGreedy: scores.allSatisfy(\.isLikeliest),
        byteCount: pair.continuation.utf8.count)
    }
  }

  /// Scores the continuations of some contexts: first what is shared, then every sequence's own end.
  private func score(
    _ groups: [(context: [TokenID], members: [Int])], targets: [[TokenID]],
    into scores: inout [[SpikeWhaleModel.TokenScore]], _ meter: ProgressMeter
  ) throws {
    var sequences: [(index: Int, input: SequenceInput)] = []
    var shared: [SequenceInput] = []
    for (context, members) in groups {
      let state = model.makeState()
      // The logits after the last token of the context are each continuation's own first row.
      var rest = context[...]
      if members.count > 1 {
        shared.append(SequenceInput(context.dropLast(), state: state))
        rest = context.suffix(1)
      }
      for index in members where !targets[index].isEmpty {
        sequences.append((index, SequenceInput(rest + targets[index].dropLast(), state: state)))
      }
    }
    for batch in Self.batches(shared.map(\.tokens.count)) { try advance(Array(shared[batch])) }
    for batch in Self.batches(sequences.map(\.input.tokens.count)) {
      let inputs = sequences[batch].map { sequence in
        SequenceInput(sequence.input.tokens, state: sequence.input.state.copy())
      }
      // A sequence longer than a pass comes alone; all but its end is run beforehand.
      var finals = inputs
      if inputs.count == 1, let only = inputs.first {
        let wanted = targets[sequences[batch.lowerBound].index].count
        try advance([SequenceInput(only.tokens.dropLast(wanted), state: only.state)])
        finals = [SequenceInput(only.tokens.suffix(wanted), state: only.state)]
      }
      try model.run(finals) { pass in
        for (segment, sequence) in zip(pass.segments, sequences[batch]) {
          let target = targets[sequence.index]
          scores[sequence.index] = model.logLikelihoods(
            of: target[...], at: segment.rows.upperBound - target.count..<segment.rows.upperBound, of: pass)
        }
      }
    }
    meter.advance(by: groups.reduce(0) { $0 + $1.members.count })
  }

  /// Runs sequences whose logits nobody asks for.
  private func advance(_ inputs: [SequenceInput]) throws {
    guard inputs.count == 1, let only = inputs.first else { return try model.run(inputs) { _ in } }
    var rest = only.tokens
    while !rest.isEmpty {
      try model.run([SequenceInput(rest.prefix(SpikeWhaleModel.tokensPerPass), state: only.state)]) { _ in }
      rest = rest.dropFirst(SpikeWhaleModel.tokensPerPass)
    }
  }

  /// Ranges of sequences that together fill a pass.
  static func batches(_ lengths: [Int]) -> [Range<Int>] {
    var batches: [Range<Int>] = []
    var (start, tokens) = (0, 0)
    for (index, length) in lengths.enumerated() {
      if index > start, tokens + length > SpikeWhaleModel.tokensPerPass {
        batches.append(start..<index)
        (start, tokens) = (index, 0)
      }
      tokens += length
    }
    if start < lengths.count { batches.append(start..<lengths.count) }
    return batches
  }

  /// How well the model predicts `text`, any bytes, with a window that slides over it.
  ///
  /// Every token counts once. A window holds up to `window` tokens; the next begins where as many tokens as `stride`
  /// are new and the others are context. The first token of the text is predicted from the start token.
  /// - Throws: ``MinkeError`` when the window does not fit the context, the stride not the window, or the text is empty;
  ///   `CancellationError` when the calling task is cancelled.
  public func perplexity(
    of text: UnsafeBufferPointer<UInt8>, window: Int? = nil, stride: Int? = nil, progress: ProgressHandler? = nil
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
    var sum = 0.0
    // Tokens up to here have been predicted.
    var done = 1
    while done < tokens.count {
      let end = min(tokens.count, done == 1 ? window + 1 : done + stride)
      // The tokens that predict: each from `begin` to the one before `end`.
      let begin = max(0, end - 1 - window)
      let state = model.makeState()
      var position = begin
      while position < end - 1 {
        let next = min(end - 1, position + SpikeWhaleModel.tokensPerPass)
        let scored = max(position, done - 1)..<max(next, done - 1)
        sum += try model.run([SequenceInput(tokens[position..<next], state: state)]) { pass in
          guard !scored.isEmpty else { return 0 }
          let rows = scored.lowerBound - position..<scored.upperBound - position
          let targets = tokens[scored.lowerBound + 1..<scored.upperBound + 1]
          return model.logLikelihoods(of: targets, at: rows, of: pass).reduce(0) { $0 + $1.logLikelihood }
        }
        position = next
      }
      meter.advance(by: end - done)
      done = end
    }
    return TextPerplexity(byteCount: text.count, tokenCount: tokens.count - 1, logLikelihood: sum)
  }
}
