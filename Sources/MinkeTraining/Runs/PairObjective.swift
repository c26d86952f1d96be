import MinkeCore

/// What an encoder learns from texts side by side: that they belong together, or how alike they are.
package final class PairObjective: Objective {
  /// The losses there are.
  package enum Term: String, CaseIterable, Sendable {
    /// The texts of a row lie nearer to each other than to those of other rows, at every Matryoshka size.
    case ranking
    /// Cosines are the scores.
    case cosine
    /// Cosines have the order of the scores.
    case cosent
  }

  package var trainee: any Trainee { encoder }
  private let encoder: any EncoderTrainee
  private let data: TrainingSet
  private let terms: [(Term, weight: Float)]
  private let similarity: SimilarityLoss
  private let scale: Float
  private let bothDirections: Bool
  /// Texts that are encoded at once; nil for all of a batch.
  private let cached: CachedEncoding?

  /// - Throws: `MinkeError` when the recipe asks for sizes that the model does not have, for losses that there are not,
  ///   or for one that the data is not made for.
  package init(_ encoder: any EncoderTrainee, _ data: TrainingSet, _ recipe: Recipe) throws(MinkeError) {
    let sizes = recipe.matryoshka.isEmpty ? encoder.dimensions : recipe.matryoshka
    if let wrong = sizes.first(where: { $0 > encoder.dimensions[0] }) {
      throw MinkeError(
        .invalidArgument, "matryoshka", expected: "sizes of at most \(encoder.dimensions[0])", found: "\(wrong)")
    }
    var terms: [(Term, weight: Float)] = []
    for (name, weight) in recipe.loss.sorted(by: { $0.key < $1.key }) {
      guard let term = Term(rawValue: name) else {
        throw MinkeError(
          .invalidArgument, "loss", expected: Term.allCases.map(\.rawValue).joined(separator: ", "),
          found: "\"\(name)\"")
      }
      guard term == .ranking || data.scores != nil else {
        throw MinkeError(.invalidArgument, "loss \(name)", expected: "rows with scores", found: "rows without")
      }
      terms.append((term, Float(weight)))
    }
    if terms.isEmpty { terms = [(data.scores == nil ? .ranking : .cosent, 1)] }
    (self.encoder, self.data, self.terms) = (encoder, data, terms)
    (scale, bothDirections) = (Float(recipe.scale), recipe.bothDirections)
    similarity = SimilarityLoss(scale: scale, dimensions: Array(Set(sizes)))
    cached = recipe.chunk.map { CachedEncoding(chunk: $0) }
  }

  package func learn(_ rows: ArraySlice<Int32>, share: Float, on tape: Tape) throws -> [LossPart] {
    var parts: [LossPart] = []
    // Nothing is learnt from a loss that is not finite.
    func whole(_ vectors: [Variable]) -> Variable {
      let losses = losses(vectors, rows, on: tape)
      parts = losses.map(\.part)
      let share = parts.total.isFinite ? share : 0
      return tape.sum(losses.map { ($0.loss, weight: Float($0.part.weight) * share) })
    }
    if let cached {
      cached(encoder, texts(rows), on: tape, reading: { _ in }, loss: whole)
    } else {
      tape.reset()
      let loss = whole(texts(rows).map { encoder.encode($0, on: tape) })
      if parts.total.isFinite { tape.backward(from: loss) }
    }
    return parts
  }

  package func measure(_ rows: ArraySlice<Int32>, on tape: Tape) throws -> [LossPart] {
    tape.reset()
    tape.isRecording = false
    defer { tape.isRecording = true }
    return losses(texts(rows).map { encoder.encode($0, on: tape) }, rows, on: tape).map(\.part)
  }

  /// The texts of some rows: the first of each, and the others, of which hard negatives stand last.
  private func texts(_ rows: ArraySlice<Int32>) -> [TokenBatch] {
    var others = data.texts(rows, column: 1)
    for column in data.columns.indices.dropFirst(2) {
      for row in rows { others.append(data.columns[column][Int(row)]) }
    }
    return [data.texts(rows, column: 0), others]
  }

  private func losses(
    _ vectors: [Variable], _ rows: ArraySlice<Int32>, on tape: Tape
  ) -> [(part: LossPart, loss: Variable)] {
    let (x, y) = (vectors[0], vectors[1])
    let scores = data.scores.map { scores in rows.map { scores[Int($0)] } } ?? []
    return terms.map { term, weight in
      let loss =
        switch term {
        case .ranking: similarity(x, y, .diagonal(bothDirections: bothDirections), on: tape)
        case .cosine: tape.cosineLoss(x, y, scores: scores)
        case .cosent: tape.orderLoss(x, y, scores: scores, scale: scale)
        }
      return (LossPart(term.rawValue, sumOf: loss, weight: Double(weight)), loss)
    }
  }
}
