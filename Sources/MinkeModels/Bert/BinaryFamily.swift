import MinkeCore
import MinkeText

/// BNE, trained to give bits, and its float baseline: archives with the head's tensors beside BERT's.
struct BinaryFamily: ModelFamily {
  let name = "BNE"
  let signature = "binary_embedder_*.pt"

  func recognizes(_ folder: ModelFolder) throws -> Bool {
    // An archive that was named is meant, whatever is in it.
    if folder.archive != nil { return true }
    return try BinaryEncoder.archives(in: folder).contains {
      try folder.checkpoint($0).tensors.keys.contains(where: BinaryEncoder.isProjection)
    }
  }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization {
    let configuration = try TransformerConfiguration(of: folder, bare: true) { try BinaryEncoder.archive(in: folder) }
    return try TransformerTokenization.read(
      folder, tokenizer: nil, maximumLength: BinaryEncoder.trainedLength, configuration, builtInVocabulary: true)
  }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    try BinaryEncoder.load(folder, options)
  }
}
