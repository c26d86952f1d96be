import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model that continues text, with its tokenizer: generation, chat, log-likelihood, perplexity.
public struct LanguageModel: LoadedModel {
  public let identity: ModelIdentity
  public let model: SpikeWhaleModel
  public let tokenizer: SpikeTokenizer
  /// The token that stands before a text without context.
  public let startToken: TokenID
  /// The tokens after which there is nothing more to say: the end of a text and of a chat message.
  public let endTokens: Set<TokenID>
  let folder: ModelFolder

  public var contextLength: Int { model.configuration.contextLength }

  /// Loads the model of `folder`: `config.json`, `tokenizer.json` and `model.safetensors`, which stays where it is
  /// mapped.
  ///
  /// Where the configuration leaves the form of the hyper-connections open, it is measured, which takes seconds.
  /// - Throws: ``MinkeError`` when a file is missing or malformed or the files do not fit together.
  public init(_ folder: ModelFolder, kernels level: KernelLevel = .active) throws {
    let files = try SpikeWhaleFiles(folder)
    self.folder = folder
    tokenizer = files.tokenizer
    model = try SpikeWhaleModel(files, kernels: level)
    let form = "\(model.hyperConnections.form)"
    identity = ModelIdentity(name: folder.name, recipe: ModelRecipe { recipe in files.describe(form, in: &recipe) })
    let vocabularySize = model.configuration.vocabularySize
    let start = files.json["bos_token_id"]?.integer ?? 2
    guard start >= 0, start < vocabularySize else {
      throw MinkeError(
        .malformedFile, "\(files.subject): bos_token_id", expected: "0 to \(vocabularySize - 1)", found: "\(start)")
    }
    startToken = TokenID(start)
    let ends = [tokenizer.id(of: "<|im_end|>"), TokenID(model.configuration.endToken)]
    endTokens = Set(ends.compactMap { $0 })
  }

  public var savablePrecisions: [WeightPrecision] { model.precision == .float32 ? WeightPrecision.allCases : [] }

  public var facts: [ModelFact] {
    [ModelFact("kind", "SpikeWhale")] + model.facts + [
      ModelFact("context", "\(contextLength) tokens"), ModelFact("vocabulary", "\(tokenizer.vocabularySize) tokens"),
    ]
  }
}

extension SpikeWhaleModel {
  /// What people want to know.
  var facts: [ModelFact] {
    [
      ModelFact("tensor count", "\(tensorCount)"), ModelFact("element count", "\(elementCount)"),
      ModelFact("precision", precision.rawValue), ModelFact("hyper-connections", "\(hyperConnections)"),
    ]
  }
}

/// The files that make a SpikeWhale model, read and held against each other.
struct SpikeWhaleFiles {
  let json: JSONValue
  /// The configuration's file in error texts.
  let subject: String
  let configuration: SpikeWhaleConfiguration
  let tokenizer: SpikeTokenizer
  let checkpointURL: URL
  let checkpoint: Checkpoint

  init(_ folder: ModelFolder) throws {
    subject = try folder.requiredFile("config.json").relativePath
    json = try folder.json("config.json") ?? .null
    configuration = try SpikeWhaleConfiguration(json, subject: subject)
    let tokenizerURL = try folder.requiredFile("tokenizer.json")
    tokenizer = try SpikeTokenizer(contentsOf: tokenizerURL)
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw MinkeError(
        .malformedFile, tokenizerURL.relativePath,
        expected: "at most \(configuration.vocabularySize) tokens, as the model",
        found: "\(tokenizer.vocabularySize)")
    }
    checkpointURL = try folder.file("model.safetensors.index.json") ?? folder.requiredFile("model.safetensors")
    checkpoint = try folder.checkpoint(checkpointURL)
  }

  /// Writes down what the logits depend on; `form` is that of the hyper-connections.
  func describe(_ form: String, in recipe: inout ModelRecipe.Ingredients) {
    recipe.add("kind", "SpikeWhale")
    recipe.add("configuration", "\(configuration)")
    recipe.add("hyper-connections", form)
    recipe.add("tokenizer", tokenizer.definition)
    recipe.add(checkpoint)
  }
}

extension SpikeWhaleModel {
  /// The model of `files`, its hyper-connections in the form that they state or, where they do not, in the one that
  /// fits.
  init(_ files: SpikeWhaleFiles, kernels level: KernelLevel) throws {
    let stated = files.configuration.hyperConnectionForm
    let hasForm = files.configuration.streamCount == 1 || stated != nil
    try self.init(
      files.configuration, checkpoint: files.checkpoint,
      connections: Settlement(form: stated ?? .likeliest, measurement: nil), kernels: level)
    if !hasForm {
      self = try settled(by: files.tokenizer, checkpoint: files.checkpoint, kernels: level)
    }
  }

  /// The same model with its hyper-connections in the form under which a short English text is likeliest.
  private func settled(
    by tokenizer: SpikeTokenizer, checkpoint: Checkpoint, kernels level: KernelLevel
  ) throws -> SpikeWhaleModel {
    let tokens = Array(tokenizer.encode(Self.sampleText).prefix(configuration.contextLength))
    var trials: [(model: SpikeWhaleModel, loss: Double)] = []
    for form in HyperConnectionForm.candidates {
      let trial = try SpikeWhaleModel(
        configuration, checkpoint: checkpoint, connections: Settlement(form: form, measurement: nil), kernels: level)
      // A wrong form may well lead to infinity.
      guard let loss = try? trial.meanLoss(of: tokens), loss.isFinite else { continue }
      trials.append((trial, loss))
    }
    // Equal losses leave the likelier form in front.
    let ranked = trials.enumerated().sorted { ($0.element.loss, $0.offset) < ($1.element.loss, $1.offset) }
      .map(\.element)
    guard let best = ranked.first else {
      // No form gives numbers at all: the likeliest says why.
      _ = try meanLoss(of: tokens)
      return self
    }
    var measurement = "measured: \(Self.rounded(best.loss)) nats a token on a sample text"
    if ranked.count > 1 {
      let margin = Self.rounded(ranked[1].loss - best.loss)
      measurement += ", \(margin) below \(ranked[1].model.hyperConnections.form)"
    }
    return try SpikeWhaleModel(
      configuration, checkpoint: checkpoint,
      connections: Settlement(form: best.model.hyperConnections.form, measurement: measurement), kernels: level)
  }

  private static func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }

  /// The mean negative log-likelihood of each token after the first, in nats.
  func meanLoss(of tokens: [TokenID]) throws -> Double {
    guard tokens.count > 1 else { return 0 }
    let scores = try run([SequenceInput(tokens.dropLast(), state: makeState())]) { pass in
      logLikelihoods(of: tokens.dropFirst(), at: 0..<pass.rows, of: pass)
    }
    return -scores.reduce(0) { $0 + $1.logLikelihood } / Double(tokens.count - 1)
  }

  /// Plain English with common words, so that any English model finds it far likelier than chance.
  static let sampleText = """
    The house stood at the end of a long road, and in the summer the children used to play in the garden until it was \
    dark. When the first rain came in the autumn, their mother would call them in and they would sit by the fire and \
    listen to her stories about the people who had lived there many years before.
    """
}
