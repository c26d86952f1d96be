import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension StaticEncoder {
  static let packedTableName = "embedding.q4_k_m.bin"
  static let packedRestName = "model_rest.safetensors"

  /// What an encoder is made of.
  struct Parts {
    let kind: Kind
    let identity: ModelIdentity
    let path: String
    let tokenizerURL: URL?
    let tokenization: TextTokenization
    let table: EmbeddingTable
    let activation: SeparableDynamicTanh?
    var tokenWeights: SharedBuffer<Float>?
    var rowOfToken: [TokenID]?
    let modules: [SentenceModule]
  }

  /// Which system's static embedding lies in `folder`; nil for none.
  ///
  /// - Throws: `MinkeError` when its checkpoint is malformed.
  static func kind(of folder: ModelFolder) throws -> Kind? {
    if folder.file(packedTableName) != nil { return .sseFourBit }
    guard let url = folder.weightsURL else { return nil }
    let tensors = try folder.checkpoint(url).tensors
    if tensors["embedding.weight"] != nil {
      return SeparableDynamicTanh.tensorNames.contains { tensors[$0] != nil } ? .sse : .sentenceTransformers
    }
    return tensors["embeddings"] != nil ? .model2vec : nil
  }

  /// Loads the static embedding in `folder`; which kind it is, its files tell.
  ///
  /// - Parameters:
  ///   - folder: the model's files.
  ///   - tokenizer: the tokenizer to use in place of the folder's.
  ///   - level: the level of the kernels that compute.
  /// - Throws: `MinkeError` naming the file and tensor that is missing, misshapen, of another type or not finite, or
  ///   the setting that is not supported.
  public convenience init(
    _ folder: ModelFolder, tokenizer: (any Tokenizer)? = nil, kernels level: KernelLevel = .active
  ) throws {
    guard let kind = try Self.kind(of: folder) else {
      throw MinkeError(
        .unsupportedFile, folder.url.relativePath,
        expected: "\(Self.packedTableName), or a checkpoint with \"embedding.weight\" or \"embeddings\"",
        found: folder.listing)
    }
    let tokenization = try Self.tokenization(of: folder, kind: kind, tokenizer: tokenizer)
    let checkpoint = try Self.checkpoint(of: folder, kind)
    let table = try Self.table(of: folder, kind, checkpoint)
    let activation =
      kind == .sse || kind == .sseFourBit ? try SeparableDynamicTanh(checkpoint, columns: table.columns) : nil
    let modules = try Self.modules(of: folder, kind, width: table.columns, kernels: level)
    let recipe = ModelRecipe { recipe in
      recipe.add("kind", kind.rawValue)
      recipe.add(tokenization)
      if case .fourBit(let table) = table {
        recipe.add("table", table.packed)
        recipe.add("scales", table.scales)
      }
      recipe.add(checkpoint)
      recipe.add("normalized", "\(modules.contains(where: \.isNormalize))")
      recipe.add(modulesOf: folder)
    }
    var parts = Parts(
      kind: kind, identity: ModelIdentity(name: folder.name, recipe: recipe), path: folder.url.relativePath,
      tokenizerURL: tokenizer == nil ? folder.file("tokenizer.json") : nil, tokenization: tokenization, table: table,
      activation: activation, modules: modules)
    if kind == .model2vec {
      parts.tokenWeights = try checkpoint.tensors["weights"].map { try $0.floats(requiringFinite: true) }
      parts.rowOfToken = try checkpoint.tensors["mapping"].map { try $0.integers().map { TokenID(clamping: $0) } }
    }
    self.init(parts, kernels: level)
    try checkRows()
  }

  private static func checkpoint(of folder: ModelFolder, _ kind: Kind) throws -> Checkpoint {
    if kind == .sseFourBit { return try folder.checkpoint(folder.requiredFile(packedRestName)) }
    return try folder.checkpoint(folder.weightsURL ?? folder.requiredFile("model.safetensors"))
  }

  private static func table(
    of folder: ModelFolder, _ kind: Kind, _ checkpoint: Checkpoint
  ) throws -> EmbeddingTable {
    if kind == .sseFourBit {
      let alpha = try checkpoint.tensor("dyt.alpha")
      guard let columns = alpha.shape.first, columns > 0, columns.isMultiple(of: 2) else {
        throw MinkeError(
          .shapeMismatch, "\(checkpoint.path): tensor \"dyt.alpha\"", expected: "an even number of columns",
          found: "\(alpha.shape)")
      }
      return .fourBit(try FourBitTable(contentsOf: folder.requiredFile(packedTableName), columns: columns))
    }
    let tensor = try checkpoint.tensor(kind == .model2vec ? "embeddings" : "embedding.weight")
    guard tensor.shape.count == 2, tensor.shape[0] > 0, tensor.shape[1] > 0 else {
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): tensor \"\(tensor.name)\"", expected: "[tokens, columns]",
        found: "\(tensor.shape)")
    }
    return .float32(try tensor.floats(), columns: tensor.shape[1])
  }

  /// The classes that `modules.json` may name first.
  private static let embeddingClasses: Set<String> = ["StaticEmbedding", "SSE", "SSEQ"]

  /// What comes behind the embedding: the rest of `modules.json`, and scaling to length 1 where model2vec's own
  /// configuration asks for it.
  private static func modules(
    of folder: ModelFolder, _ kind: Kind, width: Int, kernels level: KernelLevel
  ) throws -> [SentenceModule] {
    if let first = folder.modules.first, !embeddingClasses.contains(first.className) {
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): modules.json",
        expected: "one of \(embeddingClasses.sorted().joined(separator: ", ")) first", found: first.type)
    }
    var modules = try SentenceModule.chain(folder.modules.dropFirst(), in: folder, width: width, kernels: level)
    if kind == .model2vec, try folder.configuration("config.json")?.flag("normalize", default: false) == true,
      modules.isEmpty
    {
      modules.append(.normalize)
    }
    return modules
  }

  /// The way from texts to ids of the static embedding in `folder`, or that of `tokenizer` with the folder's settings.
  ///
  /// - Throws: `MinkeError` when a file is missing, malformed or asks for what is not supported.
  static func tokenization(
    of folder: ModelFolder, kind: Kind, tokenizer given: (any Tokenizer)?
  ) throws -> TextTokenization {
    let prompts = try Prompts(folder)
    let own = given == nil ? try WordPieceTokenizer(contentsOf: folder.requiredFile("tokenizer.json")) : nil
    guard let tokenizer: any Tokenizer = given ?? own else {
      throw MinkeError(.notFound, folder.url.relativePath, expected: "a tokenizer.json", found: "none")
    }
    switch kind {
    case .sse, .sseFourBit:
      return TextTokenization(tokenizer.truncating(to: nil), addsSpecialTokens: false, prompts: prompts)
    case .sentenceTransformers:
      return TextTokenization(tokenizer, addsSpecialTokens: false, prompts: prompts)
    case .model2vec:
      let configuration = try folder.configuration("config.json")
      let limit: Int? =
        configuration?.members["max_length"] == .null
        ? nil : try configuration?.integer("max_length", in: 0...(1 << 24), default: 512) ?? 512
      return TextTokenization(
        tokenizer.truncating(to: limit), addsSpecialTokens: false, prompts: prompts,
        characterLimit: limit.map { $0 * medianTokenLength(tokenizer) }, omittedToken: own?.unknownToken)
    }
  }

  /// The median number of characters of the tokens, rounded down: model2vec looks at so many a token of a text.
  private static func medianTokenLength(_ tokenizer: any Tokenizer) -> Int {
    let lengths = (0..<TokenID(clamping: tokenizer.vocabularySize)).compactMap { id in
      tokenizer.token(id).map { $0.unicodeScalars.count }
    }.sorted()
    guard !lengths.isEmpty else { return 0 }
    return (lengths[(lengths.count - 1) / 2] + lengths[lengths.count / 2]) / 2
  }

  /// Every id that the tokenizer gives must have a row, and a weight where there are weights.
  private func checkRows() throws(MinkeError) {
    let vocabulary = tokenizer.vocabularySize
    func require(_ count: Int, _ what: String) throws(MinkeError) {
      guard count < vocabulary else { return }
      throw MinkeError(
        .shapeMismatch, "\(path): \(what)", expected: "one for each of \(vocabulary) tokens", found: "\(count)")
    }
    if let rowOfToken {
      try require(rowOfToken.count, "mapping")
      if let row = rowOfToken.first(where: { $0 < 0 || $0 >= table.rows }) {
        throw MinkeError(.malformedFile, "\(path): mapping", expected: "rows below \(table.rows)", found: "\(row)")
      }
    } else {
      try require(table.rows, "rows of the token table")
    }
    if let tokenWeights { try require(tokenWeights.count, "weights") }
  }
}
