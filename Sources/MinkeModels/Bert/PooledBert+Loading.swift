import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension PooledBert {
  /// The encoder in `checkpoint` with the configuration and the tokenizer of `folder`.
  ///
  /// - Parameters:
  ///   - maximumLength: where texts are cut, if the folder does not say.
  ///   - builtInVocabulary: whether a folder without tokenizer files means the vocabulary of bert-base-uncased, and one
  ///     without `config.json` the sizes that the tensors tell.
  init(
    _ folder: ModelFolder, checkpoint: Checkpoint, maximumLength: Int?, pooling: Pooling, precision: Precision,
    kernels level: KernelLevel, builtInVocabulary: Bool = false
  ) throws {
    path = checkpoint.path
    self.pooling = pooling
    self.precision = precision
    let prefix = try BertTensors.prefix(in: checkpoint)
    let configuration: BertConfiguration
    if builtInVocabulary, folder.file("config.json") == nil {
      configuration = try BertConfiguration(shapesOf: checkpoint, prefix: prefix)
    } else {
      let url = try folder.requiredFile("config.json")
      guard let json = try folder.json("config.json") else {
        throw MinkeError(.notFound, url.relativePath, expected: "a config.json", found: "no such file")
      }
      configuration = try BertConfiguration(json, subject: url.relativePath)
    }
    model = try BertModel(checkpoint, prefix: prefix, configuration, precision: precision, kernels: level)

    tokenizer = try Self.tokenizer(of: folder, builtInVocabulary: builtInVocabulary)
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw MinkeError(
        .shapeMismatch, "\(folder.url.relativePath): tokenizer",
        expected: "at most \(configuration.vocabularySize) tokens, the rows of the word embedding",
        found: "\(tokenizer.vocabularySize)")
    }
    let length = try maximumLength ?? Self.maximumLength(of: folder)
    self.maximumLength = min(length ?? configuration.positionCount, configuration.positionCount)
    guard self.maximumLength >= 2 else {
      throw MinkeError(
        .malformedFile, "\(folder.url.relativePath): longest text", expected: "2 tokens or more",
        found: "\(self.maximumLength)")
    }
  }

  private static func maximumLength(of folder: ModelFolder) throws -> Int? {
    if let length = try folder.json("sentence_bert_config.json")?["max_seq_length"], length != .null {
      return length.integer ?? 0
    }
    // Hugging Face writes 1e30 for "no limit".
    return try folder.json("tokenizer_config.json")?["model_max_length"]?.integer
  }

  private static func tokenizer(of folder: ModelFolder, builtInVocabulary: Bool) throws -> any Tokenizer {
    if let url = folder.file("tokenizer.json") { return try WordPieceTokenizer(contentsOf: url).truncated(to: nil) }
    if let url = folder.file("vocab.txt") { return try WordPieceTokenizer(vocabulary: url) }
    guard builtInVocabulary else {
      throw MinkeError(
        .notFound, folder.url.relativePath, expected: "tokenizer.json or vocab.txt", found: "neither file")
    }
    let builtIn = try ModelLibrary.folder(ModelLibrary.defaultName)
    return try WordPieceTokenizer(contentsOf: builtIn.requiredFile("tokenizer.json")).truncated(to: nil)
  }
}
