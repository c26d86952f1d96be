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
  /// - Throws: `MinkeError` when a file is not there or malformed, or the data does not fit the recipe.
  package init(_ recipe: Recipe, progress: Phases = { _ in nil }) throws {
    guard !recipe.data.isEmpty else {
      throw MinkeError(.invalidArgument, "data", expected: "a file to learn from", found: "none")
    }
    // Mistakes in what is measured are said before the data is read.
    let evaluation = try RunEvaluation(recipe.evaluations, kind: recipe.kind)
    self.recipe = recipe
    switch try ModelStart(recipe) {
    case .encoder(let tokenization, let make):
      let limited = tokenization.limited(to: recipe.length)
      data = try TrainingSet(recipe.selection, recipe.kind.purpose, limited, progress: progress("reading"))
      objective = try EncoderObjective(make(data, progress), data, recipe)
      self.tokenization = limited
    case .language(let model):
      let tokenizer = model.tokenizer
      data = try TrainingSet(
        sequencesOf: recipe.length ?? Recipe.sequenceLength, recipe.selection, tokenizer,
        separator: tokenizer.id(of: "<eos>"), progress: progress("reading"))
      objective = LanguageObjective(model, data)
      tokenization = nil
    }
    run = try TrainingRun(recipe, objective, data, evaluation)
  }

  /// Makes the vectors of the teacher, or reads those that `folder` has of an earlier start.
  ///
  /// - Throws: `MinkeError` when the teacher is not there, or its vectors do not fit the data.
  package func loadTeacher(in folder: RunFolder, progress: Phases = { _ in nil }) throws {
    guard let (objective, name, tokenization) = taught else { return }
    let file = name.hasSuffix(".npy") ? URL(fileURLWithPath: name) : folder.teacher
    if file == folder.teacher, !FileManager.default.fileExists(atPath: file.path) {
      try TeacherVectors.write(
        ModelLibrary.textEncoder(name), recipe.selection, recipe.kind.purpose, tokenization, for: data, to: file,
        progress: progress("teacher"))
    }
    objective.teacher = try TeacherVectors(contentsOf: file, for: data)
  }

  /// What the run would take, the teacher's work with it.
  ///
  /// - Throws: as ``loadTeacher(in:progress:)``.
  package func estimate() throws -> TrainingRun.Estimate {
    var teacherSeconds = 0.0
    if let (objective, name, tokenization) = taught {
      if name.hasSuffix(".npy") {
        objective.teacher = try TeacherVectors(contentsOf: URL(fileURLWithPath: name), for: data)
      } else {
        let (vectors, seconds) = try TeacherVectors.sample(
          ModelLibrary.textEncoder(name), recipe.selection, recipe.kind.purpose, tokenization, for: data)
        objective.teacher = vectors
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

/// The model that a recipe begins with.
private enum ModelStart {
  /// An encoder, which may be made out of the data.
  case encoder(TextTokenization, make: (TrainingSet, TrainingSetup.Phases) throws -> any EncoderTrainee)
  case language(any LanguageTrainee)

  /// - Throws: `MinkeError` when the model is not there, or is of another kind.
  init(_ recipe: Recipe) throws {
    switch recipe.kind {
    case .sse:
      if let start = recipe.start {
        let trainee = try StaticTrainee(from: ModelLibrary.textEncoder(start))
        self = .encoder(trainee.tokenization) { _, _ in trainee }
      } else {
        let name = recipe.tokenizer ?? ModelLibrary.defaultName
        let tokenization = try ModelLibrary.tokenization(name)
        let file = try ModelSource(name).open().requiredFile("tokenizer.json")
        self = .encoder(tokenization) { _, _ in
          StaticTrainee(
            tokenization: tokenization, tokenizerURL: file, dimension: recipe.dimension, seed: recipe.seed)
        }
      }
    case .bne, .head, .lm:
      throw MinkeError(
        .unsupportedFile, "train \(recipe.kind.rawValue)", expected: "sse", found: recipe.kind.rawValue)
    }
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
