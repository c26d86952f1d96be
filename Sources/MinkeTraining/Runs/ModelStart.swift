import Foundation
import MinkeCore
import MinkeModels
import MinkeText

/// The model that a recipe begins with.
enum ModelStart {
  /// An encoder, which may be made out of the data.
  case encoder(TextTokenization, make: (TrainingSet, TrainingSetup.Phases) throws -> any EncoderTrainee)
  case language(SpikeWhaleTrainee)

  /// - Parameter isReplaced: whether a checkpoint will replace all weights, so that what takes long may be left out.
  /// - Throws: `MinkeError` when the model is not there, is of another kind, or cannot be trained in its precision.
  init(_ recipe: Recipe, isReplaced: Bool) throws {
    guard recipe.precision == .float32 || (recipe.kind == .sse && recipe.precision == .fourBit) else {
      throw MinkeError(
        .invalidArgument, "precision",
        expected: recipe.kind == .sse ? "float32 or 4bit" : "float32, in which such a model is trained",
        found: recipe.precision.rawValue)
    }
    switch recipe.kind {
    case .sse: self = try Self.sse(recipe, isReplaced: isReplaced)
    case .bne:
      let files =
        try Self.folder(of: recipe.start).map { try BertTrainingFiles($0) }
        ?? BertTrainingFiles(
          TransformerConfiguration(ConfigurationReader(Self.configuration(recipe), subject: "configuration")),
          tokenizerOf: Self.tokenizerFolder(recipe))
      let head = recipe.bits.map { BinaryTrainee.Head.bits($0) } ?? recipe.numbers.map { .numbers($0) }
      let trainee = try BinaryTrainee(files, head: head, seed: recipe.seed)
      self = .encoder(trainee.tokenization) { _, _ in trainee }
    case .head:
      guard let folder = try Self.folder(of: recipe.start) else {
        throw MinkeError(
          .invalidArgument, "from", expected: "the language model that the head stands on", found: "none")
      }
      let trainee = try HeadTrainee(ByrneTrainingFiles(folder), dimension: recipe.dimension, seed: recipe.seed)
      self = .encoder(trainee.tokenization) { _, _ in trainee }
    case .lm:
      let files =
        try Self.folder(of: recipe.start).map { try SpikeWhaleTrainingFiles($0) }
        ?? SpikeWhaleTrainingFiles(Self.configuration(recipe), tokenizerOf: Self.tokenizerFolder(recipe))
      self = .language(try SpikeWhaleTrainee(files, seed: recipe.seed))
    }
  }

  private static func sse(_ recipe: Recipe, isReplaced: Bool) throws -> ModelStart {
    let precision = recipe.precision
    func withBits(_ base: StaticTrainee) -> any EncoderTrainee {
      recipe.bits.map { StaticBinaryTrainee(base: base, bits: $0, seed: recipe.seed) } ?? base
    }
    if let start = recipe.start {
      let encoder = try ModelLibrary.textEncoder(start)
      if let binary = encoder as? StaticBinaryEncoder {
        let trainee = try StaticBinaryTrainee(from: binary, precision: precision)
        return .encoder(trainee.tokenization) { _, _ in trainee }
      }
      let base = try StaticTrainee(from: encoder, precision: precision)
      return .encoder(base.tokenization) { _, _ in withBits(base) }
    }
    let name = recipe.tokenizer ?? ModelLibrary.defaultName
    let tokenization = try ModelLibrary.tokenization(name)
    let file = try ModelSource(name).open().requiredFile("tokenizer.json")
    let dimension = recipe.dimension ?? Recipe.staticDimension
    return .encoder(tokenization) { data, progress in
      guard let teacher = recipe.teacher, !teacher.hasSuffix(".npy"), !isReplaced else {
        return withBits(
          StaticTrainee(
            tokenization: tokenization, tokenizerURL: file, dimension: dimension, seed: recipe.seed,
            precision: precision))
      }
      let vocabulary = tokenization.tokenizer.vocabularySize
      let table = try TeacherTable(
        teacher: ModelLibrary.textEncoder(teacher), tokenizer: tokenization.tokenizer,
        .init(dimension: dimension, counts: data.tokenCounts(vocabulary), seed: recipe.seed),
        progress: progress("tokens"))
      return withBits(
        StaticTrainee(
          tokenization: tokenization, tokenizerURL: file, table: table.rows, dimension: dimension,
          precision: precision))
    }
  }

  private static func folder(of name: String?) throws -> ModelFolder? { try name.map { try ModelSource($0).open() } }

  private static func configuration(_ recipe: Recipe) throws(MinkeError) -> JSONValue {
    if let configuration = recipe.configuration { return configuration }
    throw MinkeError(
      .invalidArgument, "from", expected: "a model to go on with, or a configuration for a start at random",
      found: "neither")
  }

  private static func tokenizerFolder(_ recipe: Recipe) throws -> ModelFolder {
    if let folder = try folder(of: recipe.tokenizer) { return folder }
    throw MinkeError(
      .invalidArgument, "tokenizer", expected: "a folder with the tokenizer of a start at random", found: "none")
  }
}

extension TrainingSet {
  /// How often each token occurs.
  fileprivate func tokenCounts(_ vocabulary: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: vocabulary)
    for column in columns {
      for id in column.ids { counts[Int(id)] += 1 }
    }
    return counts
  }
}
