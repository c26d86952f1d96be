import MinkeCore
import MinkeText

/// Token tables: Stable Static Embedding, sentence-transformers' StaticEmbedding, model2vec.
struct StaticFamily: ModelFamily {
  let name = "static embedding"
  let signature = "tokenizer.json with \(StaticEncoder.packedTableName) or model.safetensors"

  func recognizes(_ folder: ModelFolder) throws -> Bool { try StaticEncoder.kind(of: folder) != nil }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization {
    try StaticEncoder.tokenization(
      of: folder, kind: StaticEncoder.kind(of: folder) ?? .sentenceTransformers, tokenizer: nil)
  }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    if let precision = options.precision, precision != .float32 {
      throw MinkeError(
        .invalidArgument, "precision", expected: "float32, for \(folder.name) is a table without layers",
        found: precision.rawValue)
    }
    return try StaticEncoder(folder, tokenizer: options.tokenizer, kernels: options.kernels)
  }
}
