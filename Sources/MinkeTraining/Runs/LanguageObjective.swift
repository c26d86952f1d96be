import MinkeCore

/// The next token of every place in a text is to be likely.
package final class LanguageObjective: TapeObjective {
  package var trainee: any Trainee { model }
  private let model: any LanguageTrainee
  private let set: TrainingSet

  package init(_ model: any LanguageTrainee, _ set: TrainingSet) { (self.model, self.set) = (model, set) }

  package func losses(
    _ rows: ArraySlice<Int32>, on tape: Tape
  ) throws -> [(name: String, loss: Variable, weight: Float)] {
    model.losses(set.texts(rows, column: 0), on: tape)
  }
}
