import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

extension PooledTransformer {
  /// The encoder in `checkpoint` with the configuration and the tokenizer of `folder`.
  ///
  /// - Parameters:
  ///   - maximumLength: where texts are cut; nil for where the folder says.
  ///   - bare: whether a folder without tokenizer files means the vocabulary of bert-base-uncased, and one without
  ///     `config.json` the sizes that the tensors tell.
  init(
    _ folder: ModelFolder, checkpoint: Checkpoint, maximumLength: Int?, pooling: Pooling, bare: Bool = false,
    options: LoadingOptions
  ) throws {
    path = checkpoint.path
    self.pooling = pooling
    let isRounded = Linear.areRounded(in: checkpoint)
    precision = options.precision ?? (isRounded ? .int8 : .float32)
    guard !isRounded || precision == .int8 else {
      throw MinkeError(
        .invalidArgument, "precision", expected: "int8, in which \(folder.name) was saved", found: precision.rawValue)
    }
    let prefix = try TransformerTensors.prefix(in: checkpoint)
    let configuration = try TransformerConfiguration(of: folder, bare: bare) { checkpoint }
    tokenization = try TransformerTokenization.read(
      folder, tokenizer: options.tokenizer, maximumLength: maximumLength, configuration, builtInVocabulary: bare)
    guard tokenization.tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw MinkeError(
        .shapeMismatch, "\(folder.url.relativePath): tokenizer",
        expected: "at most \(configuration.vocabularySize) tokens, the rows of the word embedding",
        found: "\(tokenization.tokenizer.vocabularySize)")
    }
    files = TransformerFiles(
      folder: folder, checkpoint: checkpoint, configuration: configuration,
      hasOwnTokenizer: options.tokenizer == nil)
    model = try TransformerModel(
      checkpoint, prefix: prefix, configuration, precision: precision, kernels: options.kernels)
  }

  /// Writes down what the pooled vectors depend on.
  func describe(_ checkpoint: Checkpoint, in recipe: inout ModelRecipe.Ingredients) {
    recipe.add("configuration", model.configuration.definition)
    recipe.add("pooling", "\(pooling)")
    recipe.add("precision", precision.rawValue)
    recipe.add(tokenization)
    recipe.add(checkpoint)
  }

  /// What people want to know.
  var facts: [ModelFact] {
    let sizes = model.configuration
    var facts = [
      ModelFact("layers", "\(sizes.layerCount), \(sizes.headCount) heads"),
      ModelFact("hidden size", "\(sizes.hiddenSize), intermediate \(sizes.intermediateSize)"),
    ]
    if sizes.embeddingSize != sizes.hiddenSize { facts.append(ModelFact("embedding size", "\(sizes.embeddingSize)")) }
    if sizes.activation != .gelu || sizes.isGated {
      facts.append(ModelFact("activation", sizes.activation.rawValue + (sizes.isGated ? ", gated" : "")))
    }
    if let rotary = sizes.rotary {
      let near = rotary.seesAll.count { !$0 }
      facts.append(
        ModelFact(
          "attention", "all tokens in \(sizes.layerCount - near) layers, \(rotary.window) to each side in \(near)"))
      facts.append(ModelFact("rotary bases", "\(rotary.globalBase) and \(rotary.localBase)"))
    }
    return facts + [
      ModelFact(
        "pooling",
        pooling.modes.map(\.rawValue).joined(separator: ", ") + (pooling.includesPrompt ? "" : ", without the prompt")),
      ModelFact("precision", precision.rawValue), ModelFact("weights in memory", "\(model.byteCount) bytes"),
    ]
  }
}

extension TransformerConfiguration {
  /// The configuration of `folder`: its `config.json` or, in a bare one without it, what the tensors tell.
  init(of folder: ModelFolder, bare: Bool, checkpoint: () throws -> Checkpoint) throws {
    if bare, folder.file("config.json") == nil {
      let checkpoint = try checkpoint()
      try self.init(shapesOf: checkpoint, prefix: TransformerTensors.prefix(in: checkpoint))
    } else {
      try self.init(ConfigurationReader.required("config.json", in: folder))
    }
  }
}
