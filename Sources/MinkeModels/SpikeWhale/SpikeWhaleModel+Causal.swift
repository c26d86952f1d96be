import MinkeCore
import MinkeText

extension SpikeWhaleModel: CausalModel {
  package var vocabularySize: Int { configuration.vocabularySize }
  package var contextLength: Int { configuration.contextLength }

  package func makeState() -> SpikeWhaleState { SpikeWhaleState(makeMemory()) }

  /// Reads `tokens` after those in `state` and gives the logits after the last of them, `[vocabularySize]`.
  ///
  /// - Throws: `MinkeError` when there are no tokens, one is not in the vocabulary or the sequence would outgrow the
  ///   context, `state` then being as before; or when a weight is not finite, and `CancellationError` when the calling
  ///   task is cancelled, `state` then holding the passes of ``tokensPerPass`` that were complete.
  package func logits(_ tokens: ArraySlice<TokenID>, after state: inout SpikeWhaleState) throws -> [Float] {
    guard !tokens.isEmpty else {
      throw MinkeError(.invalidArgument, "tokens", expected: "one or more", found: "none")
    }
    let memory = state.exclusive()
    // Before any of it is run, so that the state stays as it is.
    try check(SequenceInput(tokens, state: memory))
    var rest = tokens
    while rest.count > tokensPerPass {
      try run([SequenceInput(rest.prefix(tokensPerPass), state: memory)]) { _ in }
      rest = rest.dropFirst(tokensPerPass)
    }
    // A token of its own waits for the weights to be read; what is scored stays exact.
    return try run([SequenceInput(rest, state: memory)], rounding: true) { logits($0.rows - 1..<$0.rows, of: $0) }
  }

  /// Sequences are run together as far as they fit into a pass; a longer one is run in several.
  package func score(_ sequences: inout [ScoredSequence<SpikeWhaleState>]) throws -> [[TokenScore]] {
    var scores = [[TokenScore]](repeating: [], count: sequences.count)
    for batch in batches(sequences.map(\.tokens.count)) {
      let memories = batch.map { sequences[$0].state.exclusive() }
      for (memory, index) in zip(memories, batch) {
        try check(SequenceInput(sequences[index].tokens, state: memory))
        try checkVocabulary(sequences[index].targets)
      }
      // Of a sequence, what this pass has done.
      var done = 0
      let longest = batch.map { sequences[$0].tokens.count }.max() ?? 0
      while done < longest {
        // Only a sequence that is alone is longer than a pass.
        let inputs = zip(memories, batch).map { memory, index in
          SequenceInput(sequences[index].tokens.dropFirst(done).prefix(tokensPerPass), state: memory)
        }
        try run(inputs) { pass in
          let present = zip(inputs, batch).filter { !$0.0.tokens.isEmpty }
          for (segment, (input, index)) in zip(pass.segments, present) {
            let (targets, length) = (sequences[index].targets, sequences[index].tokens.count)
            // Places in the sequence's tokens.
            let scored = max(done, length - targets.count)..<max(done + input.tokens.count, length - targets.count)
            guard !scored.isEmpty else { continue }
            let first = targets.startIndex + scored.lowerBound - (length - targets.count)
            let row = segment.rows.lowerBound + scored.lowerBound - done
            scores[index] += self.scores(
              of: targets[first..<first + scored.count], at: row..<row + scored.count, of: pass)
          }
        }
        done += tokensPerPass
      }
    }
    return scores
  }

  package func truncate(_ state: inout SpikeWhaleState, to count: Int) {
    guard count < state.tokens.count else { return }
    var codes: [Float] = []
    if let engram {
      let reach = engram.sizes.longestWindow - 1
      let last = state.tokens.prefix(count).suffix(reach)
      codes = [Float](repeating: 0, count: (reach - last.count) * engram.sizes.compressedSize)
      for token in last { codes += engram.code(of: token, embedding: embedding) }
    }
    state.exclusive().truncate(to: count, recentCodes: codes)
  }

  /// The scores of `targets`, one for each of `rows` of a finished pass.
  private func scores(of targets: ArraySlice<TokenID>, at rows: Range<Int>, of pass: ForwardPass) -> [TokenScore] {
    var scores: [TokenScore] = []
    let vocabulary = vocabularySize
    // Logits of so many rows at once that they stay small and the matrix product is still filled.
    let block = 64
    for start in stride(from: rows.lowerBound, to: rows.upperBound, by: block) {
      let part = start..<min(rows.upperBound, start + block)
      logits(part, of: pass).withUnsafeBufferPointer { logits in
        for index in 0..<part.count {
          let row = UnsafeBufferPointer(rebasing: logits[index * vocabulary..<(index + 1) * vocabulary])
          scores.append(TokenScore(of: targets[targets.startIndex + scores.count], in: row))
        }
      }
    }
    return scores
  }
}
