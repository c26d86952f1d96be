import MinkeCore

/// Texts that belong together are to lie near each other, at every Matryoshka size (multiple negatives ranking).
package final class PairObjective: TapeObjective {
  package var trainee: any Trainee { encoder }
  private let encoder: any EncoderTrainee
  private let set: TrainingSet
  private let loss: SimilarityLoss
  private let bothDirections: Bool

  /// The names of the losses there are.
  package static let names = ["ranking"]

  /// - Throws: `MinkeError` when the recipe asks for sizes that the model does not have, or for other losses.
  package init(_ encoder: any EncoderTrainee, _ set: TrainingSet, _ recipe: Recipe) throws(MinkeError) {
    let sizes = recipe.matryoshka.isEmpty ? encoder.dimensions : recipe.matryoshka
    if let wrong = sizes.first(where: { $0 > encoder.dimensions[0] }) {
      throw MinkeError(
        .invalidArgument, "matryoshka", expected: "sizes of at most \(encoder.dimensions[0])", found: "\(wrong)")
    }
    if let wrong = recipe.loss.keys.sorted().first(where: { !Self.names.contains($0) }) {
      throw MinkeError(
        .invalidArgument, "loss", expected: Self.names.joined(separator: ", "), found: "\"\(wrong)\"")
    }
    (self.encoder, self.set, bothDirections) = (encoder, set, recipe.bothDirections)
    loss = SimilarityLoss(scale: Float(recipe.scale), dimensions: Array(Set(sizes)))
  }

  package func losses(
    _ rows: ArraySlice<Int32>, on tape: Tape
  ) throws -> [(name: String, loss: Variable, weight: Float)] {
    let anchors = encoder.encode(set.texts(rows, column: 0), on: tape)
    // Hard negatives are more texts that an anchor does not belong to.
    var others = set.texts(rows, column: 1)
    for column in set.columns.indices.dropFirst(2) {
      for row in rows { others.append(set.columns[column][Int(row)]) }
    }
    let losses = loss(
      anchors, encoder.encode(others, on: tape), .diagonal(bothDirections: bothDirections), on: tape)
    return [("ranking", losses, 1)]
  }
}
