import Foundation
import MinkeCore
import MinkeModels
import MinkeText

extension TrainingRun {
  /// What a run is made of before its data is read.
  package struct Parts {
    package let trainee: any Trainee
    fileprivate let recipe: Recipe
  }

  /// The model that `recipe` begins with.
  ///
  /// - Throws: `MinkeError` when it is not there or is of another kind.
  package static func parts(_ recipe: Recipe) throws -> Parts {
    guard !recipe.data.isEmpty else {
      throw MinkeError(.invalidArgument, "data", expected: "a file to learn from", found: "none")
    }
    switch recipe.kind {
    case .sse: return Parts(trainee: try staticTrainee(recipe), recipe: recipe)
    case .bne, .head, .lm:
      throw MinkeError(
        .unsupportedFile, "train \(recipe.kind.rawValue)", expected: "sse", found: recipe.kind.rawValue)
    }
  }

  /// The run of `parts`, whose data is read now.
  ///
  /// - Throws: `MinkeError` when the data cannot be read, or does not fit the recipe.
  package convenience init(_ parts: Parts, progress: ProgressHandler? = nil) throws {
    let recipe = parts.recipe
    let evaluation = try RunEvaluation(recipe.evaluations, kind: recipe.kind)
    switch parts.trainee {
    case let encoder as any EncoderTrainee:
      let set = try TrainingSet(
        recipe.selection, recipe.kind.purpose, encoder.tokenization.limited(to: recipe.length), progress: progress)
      try self.init(recipe, PairObjective(encoder, set, recipe), set, evaluation)
    case let model as any LanguageTrainee:
      let set = try TrainingSet(
        sequencesOf: recipe.length ?? 256, recipe.selection, model.tokenizer,
        separator: model.tokenizer.id(of: "<eos>"),
        progress: progress)
      try self.init(recipe, LanguageObjective(model, set), set, evaluation)
    default: preconditionFailure("a model is an encoder or a language model")
    }
  }

  private static func staticTrainee(_ recipe: Recipe) throws -> StaticTrainee {
    if let start = recipe.start { return try StaticTrainee(from: ModelLibrary.textEncoder(start)) }
    let name = recipe.tokenizer ?? ModelLibrary.defaultName
    return StaticTrainee(
      tokenization: try ModelLibrary.tokenization(name),
      tokenizerURL: try ModelSource(name).open().requiredFile("tokenizer.json"), dimension: recipe.dimension,
      seed: recipe.seed)
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
