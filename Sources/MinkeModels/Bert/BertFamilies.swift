import MinkeCore
import MinkeText

/// BERT text encoders, in the layout of sentence-transformers or a plain one.
struct BertFamily: ModelFamily {
  let name = "BERT"
  let signature = "config.json of model_type bert with model.safetensors or pytorch_model.bin"

  func recognizes(_ folder: ModelFolder) throws -> Bool {
    guard folder.weightsURL != nil, let reader = try folder.configuration("config.json") else { return false }
    if let type = reader["model_type"] { return type == "bert" }
    return reader["architectures"]?.array?.first?.string?.hasPrefix("Bert") == true
  }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization {
    let configuration = try BertConfiguration(ConfigurationReader.required("config.json", in: folder))
    return try BertTokenization.read(
      folder, tokenizer: nil, maximumLength: nil, positions: configuration.positionCount, builtInVocabulary: false)
  }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    try BertEncoder(folder, options)
  }
}

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
    let configuration = try BertConfiguration(of: folder, bare: true) { try BinaryEncoder.archive(in: folder) }
    return try BertTokenization.read(
      folder, tokenizer: nil, maximumLength: BinaryEncoder.trainedLength, positions: configuration.positionCount,
      builtInVocabulary: true)
  }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    try BinaryEncoder.load(folder, options)
  }
}
