import MinkeCore

/// The next token of every place in a text is to be likely.
package final class LanguageObjective: TapeObjective {
  package var trainee: any Trainee { model }
  private let model: SpikeWhaleTrainee
  private let data: TrainingSet

  /// - Throws: `MinkeError` when sequences are longer than the model reads, or the recipe names a loss there is not.
  package init(_ model: SpikeWhaleTrainee, _ data: TrainingSet, _ recipe: Recipe) throws(MinkeError) {
    for (name, weight) in recipe.loss.sorted(by: { $0.key < $1.key }) {
      switch name {
      case "squared_log_partition": model.squareWeight = Float(weight)
      case "second_token": model.secondTokenWeight = Float(weight)
      default:
        throw MinkeError(
          .invalidArgument, "loss", expected: "squared_log_partition, second_token", found: "\"\(name)\"")
      }
    }
    (self.model, self.data) = (model, data)
  }

  package func losses(
    _ rows: ArraySlice<Int32>, on tape: Tape
  ) throws -> [(name: String, loss: Variable, weight: Float)] {
    model.losses(data.texts(rows, column: 0), on: tape)
  }
}
