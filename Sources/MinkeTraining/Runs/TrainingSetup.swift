import Foundation
import MinkeCore
import MinkeModels
import MinkeText

/// A recipe made ready: its model, its data, and the run that brings them together.
package struct TrainingSetup {
  package let recipe: Recipe
  package let run: TrainingRun
  private let objective: any Objective
  private let data: TrainingSet
  private let tokenization: TextTokenization?

  /// Hears of long work by its name.
  package typealias Phases = (_ name: String) -> ProgressHandler?

  /// Reads the data and the model that `recipe` begins with.
  ///
  /// - Parameter isReplaced: whether a checkpoint will replace all weights.
  /// - Throws: `MinkeError` when a file is not there or malformed, or the data does not fit the recipe.
  package init(_ recipe: Recipe, isReplaced: Bool = false, progress: Phases = { _ in nil }) throws {
    guard !recipe.data.isEmpty else {
      throw MinkeError(.invalidArgument, "data", expected: "a file to learn from", found: "none")
    }
    guard recipe.turns.isEmpty || recipe.kind == .lm else {
      throw MinkeError(
        .invalidArgument, "turns", expected: "a language model to learn them", found: recipe.kind.rawValue)
    }
    guard recipe.conversations.isEmpty || !recipe.turns.isEmpty else {
      throw MinkeError(.invalidArgument, "conversations", expected: "\"turns\" beside it", found: "none")
    }
    // Mistakes in what is measured are said before the data is read.
    let evaluation = try RunEvaluation(recipe.evaluations, kind: recipe.kind)
    self.recipe = recipe
    switch try ModelStart(recipe, isReplaced: isReplaced) {
    case .encoder(let tokenization, let make):
      let limited = tokenization.limited(to: recipe.length)
      data = try TrainingSet(recipe.selection, recipe.kind.purpose, limited, progress: progress("reading"))
      objective = try EncoderObjective(make(data, progress), data, recipe)
      self.tokenization = limited
    case .language(let model):
      let (tokenizer, length) = (model.tokenizer, recipe.length ?? Recipe.sequenceLength)
      guard (2...model.contextLength).contains(length) else {
        throw MinkeError(
          .invalidArgument, "length", expected: "2 to \(model.contextLength), what the model reads", found: "\(length)")
      }
      data = try TrainingSet(
        sequencesOf: length, recipe.selection, tokenizer, separator: tokenizer.id(of: "<eos>"),
        progress: progress("reading"))
      objective = try LanguageObjective(model, data, recipe)
      tokenization = nil
    }
    run = try TrainingRun(recipe, objective, data, evaluation)
  }

  /// Makes the vectors of the teacher where one is needed, or takes those that were made before.
  ///
  /// - Parameter cache: the folder in which they are kept.
  /// - Throws: `MinkeError` when the teacher is not there, or its vectors do not fit the data or the model.
  package func loadTeacher(cache: URL, progress: Phases = { _ in nil }) throws {
    guard let (objective, name, tokenization) = taught else { return }
    let vectors =
      try name.hasSuffix(".npy")
      ? TeacherVectors(contentsOf: URL(fileURLWithPath: name), for: data)
      : TeacherVectors(
        of: ModelLibrary.textEncoder(name), recipe.selection, recipe.kind.purpose, tokenization, for: data,
        cache: cache, progress: progress("teacher"))
    try objective.learn(from: vectors)
  }

  /// What the run would take, the teacher's work with it.
  ///
  /// - Throws: as ``loadTeacher(cache:progress:)``.
  package func estimate() throws -> TrainingRun.Estimate {
    var teacherSeconds = 0.0
    if let (objective, name, tokenization) = taught {
      if name.hasSuffix(".npy") {
        try objective.learn(from: TeacherVectors(contentsOf: URL(fileURLWithPath: name), for: data))
      } else {
        let (vectors, seconds) = try TeacherVectors.sample(
          ModelLibrary.textEncoder(name), recipe.selection, recipe.kind.purpose, tokenization, for: data)
        try objective.learn(from: vectors)
        teacherSeconds = seconds * Double(data.count * data.columns.count)
      }
    }
    var estimate = try run.estimate()
    estimate.seconds += teacherSeconds
    estimate.dataBytes +=
      (objective as? EncoderObjective)?.teacher.map {
        4 * $0.width * data.count * data.columns.count
      } ?? 0
    return estimate
  }

  /// The objective that needs a teacher, the teacher's name, and how texts become tokens; nil where none is needed.
  private var taught: (EncoderObjective, name: String, TextTokenization)? {
    guard let objective = objective as? EncoderObjective, objective.needsTeacher, let name = recipe.teacher,
      let tokenization
    else { return nil }
    return (objective, name, tokenization)
  }
}

extension TextTokenization {
  /// The same with at most `length` tokens a text; nil changes nothing.
  fileprivate func limited(to length: Int?) -> TextTokenization {
    guard let length else { return self }
    return TextTokenization(
      tokenizer.truncating(to: min(length, tokenizer.maximumLength ?? length)), addsSpecialTokens: addsSpecialTokens,
      prompts: prompts, characterLimit: characterLimit, omittedToken: omittedToken)
  }
}
