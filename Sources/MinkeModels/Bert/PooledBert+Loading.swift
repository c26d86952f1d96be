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

    let length = try maximumLength ?? Self.maximumLength(of: folder) ?? configuration.positionCount
    self.maximumLength = min(length, configuration.positionCount)
    guard self.maximumLength >= 2 else {
      throw MinkeError(
        .malformedFile, "\(folder.url.relativePath): longest text", expected: "2 tokens or more",
        found: "\(self.maximumLength)")
    }
    tokenizer = try Self.tokenizer(of: folder, builtInVocabulary: builtInVocabulary).truncating(to: self.maximumLength)
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw MinkeError(
        .shapeMismatch, "\(folder.url.relativePath): tokenizer",
        expected: "at most \(configuration.vocabularySize) tokens, the rows of the word embedding",
        found: "\(tokenizer.vocabularySize)")
    }
  }

  private static func maximumLength(of folder: ModelFolder) throws -> Int? {
    if let length = try folder.json("sentence_bert_config.json")?["max_seq_length"], length != .null {
      return length.integer ?? 0
    }
    // Hugging Face writes 1e30 for "no limit".
    return try folder.json("tokenizer_config.json")?["model_max_length"]?.integer
  }

  private static func tokenizer(of folder: ModelFolder, builtInVocabulary: Bool) throws -> WordPieceTokenizer {
    if let url = folder.file("tokenizer.json") { return try WordPieceTokenizer(contentsOf: url) }
    if let url = folder.file("vocab.txt") {
      let lowercase = try folder.json("tokenizer_config.json")?["do_lower_case"]?.boolean
      return try WordPieceTokenizer(vocabulary: url, lowercase: lowercase ?? true)
    }
    guard builtInVocabulary else {
      throw MinkeError(
        .notFound, folder.url.relativePath, expected: "tokenizer.json or vocab.txt", found: "neither file")
    }
    return try WordPieceTokenizer(contentsOf: ModelLibrary.folder("minke-sse-en").requiredFile("tokenizer.json"))
  }
}
