import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension StaticEncoder {
  static let packedTableName = "embedding.q4_k_m.bin"
  private static let packedRestName = "model_rest.safetensors"

  /// Whether `folder` has the files of a static embedding.
  ///
  /// - Throws: ``MinkeError`` when its safetensors file is malformed.
  static func recognizes(_ folder: ModelFolder) throws -> Bool {
    if folder.file(packedTableName) != nil { return true }
    guard let url = folder.file("model.safetensors") else { return false }
    return tableName(in: try Checkpoint(contentsOf: url)) != nil
  }

  private static func tableName(in checkpoint: Checkpoint) -> String? {
    ["embedding.weight", "embeddings"].first { checkpoint.tensors[$0] != nil }
  }

  /// Loads the static embedding in `folder`; which kind it is, its files tell.
  ///
  /// - Throws: ``MinkeError`` naming the file and tensor that is missing, misshapen, of another type or not finite.
  public convenience init(_ folder: ModelFolder, kernels level: KernelLevel = .active) throws {
    let tokenizer = try WordPieceTokenizer(contentsOf: folder.requiredFile("tokenizer.json"))
    if let url = folder.file(Self.packedTableName) {
      try self.init(packed: url, folder, tokenizer, level)
    } else {
      try self.init(unpacked: folder.requiredFile("model.safetensors"), folder, tokenizer, level)
    }
    try checkRows()
  }

  private convenience init(
    packed url: URL, _ folder: ModelFolder, _ tokenizer: WordPieceTokenizer, _ level: KernelLevel
  ) throws {
    let restURL = try folder.requiredFile(Self.packedRestName)
    let rest = try Checkpoint(contentsOf: restURL)
    let alpha = try rest.tensor("dyt.alpha")
    guard let columns = alpha.shape.first, columns > 0, columns.isMultiple(of: 2) else {
      throw MinkeError(
        .shapeMismatch, "\(rest.path): tensor \"dyt.alpha\"", expected: "an even number of columns",
        found: "\(alpha.shape)")
    }
    self.init(
      kind: .sseFourBit, identity: try ModelIdentity(name: folder.name, weights: [url, restURL]), folder: folder,
      wordPiece: tokenizer.truncating(to: nil), table: .fourBit(try FourBitTable(contentsOf: url, columns: columns)),
      activation: try SeparableDynamicTanh(rest, columns: columns), kernels: level)
  }

  private convenience init(
    unpacked url: URL, _ folder: ModelFolder, _ tokenizer: WordPieceTokenizer, _ level: KernelLevel
  ) throws {
    let checkpoint = try Checkpoint(contentsOf: url)
    guard let name = Self.tableName(in: checkpoint) else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a tensor \"embedding.weight\" or \"embeddings\"",
        found: checkpoint.tensorNames.prefix(5).joined(separator: ", "))
    }
    let tensor = try checkpoint.tensor(name)
    guard tensor.shape.count == 2, tensor.shape[0] > 0, tensor.shape[1] > 0 else {
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): tensor \"\(name)\"", expected: "[tokens, columns]",
        found: "\(tensor.shape)")
    }
    let columns = tensor.shape[1]
    let table = TokenTable.float32(try tensor.floats(), columns: columns)
    let identity = try ModelIdentity(name: folder.name, weights: [url])

    if name == "embeddings" {
      let limit = try folder.json("config.json")?["max_length"]
      self.init(
        kind: .model2vec, identity: identity, folder: folder,
        wordPiece: tokenizer.truncating(to: limit == .null ? nil : limit?.integer ?? 512), table: table,
        tokenWeights: try checkpoint.tensors["weights"].map { try $0.floats(requiringFinite: true) },
        rowOfToken: try checkpoint.tensors["mapping"].map { try $0.integers().map { TokenID(clamping: $0) } },
        omittedToken: tokenizer.unknownToken, kernels: level)
    } else if SeparableDynamicTanh.tensorNames.contains(where: { checkpoint.tensors[$0] != nil }) {
      self.init(
        kind: .sse, identity: identity, folder: folder, wordPiece: tokenizer.truncating(to: nil), table: table,
        activation: try SeparableDynamicTanh(checkpoint, columns: columns), kernels: level)
    } else {
      self.init(
        kind: .sentenceTransformers, identity: identity, folder: folder, wordPiece: tokenizer, table: table,
        kernels: level)
    }
  }

  /// Every id that the tokenizer gives must have a row, and a weight where there are weights.
  private func checkRows() throws(MinkeError) {
    let vocabulary = wordPiece.vocabularySize
    func require(_ count: Int, _ what: String) throws(MinkeError) {
      guard count < vocabulary else { return }
      throw MinkeError(
        .shapeMismatch, "\(folder.url.relativePath): \(what)", expected: "one for each of \(vocabulary) tokens",
        found: "\(count)")
    }
    if let rowOfToken {
      try require(rowOfToken.count, "mapping")
      if let row = rowOfToken.first(where: { $0 < 0 || $0 >= table.rows }) {
        throw MinkeError(
          .malformedFile, "\(folder.url.relativePath): mapping", expected: "rows below \(table.rows)", found: "\(row)")
      }
    } else {
      try require(table.rows, "rows of the token table")
    }
    if let tokenWeights { try require(tokenWeights.count, "weights") }
  }
}
