import MinkeCore
import MinkeText

/// SpikeWhale language models.
struct SpikeWhaleFamily: ModelFamily {
  let name = "SpikeWhale"
  let signature = "config.json of model_type spike_whale"

  func recognizes(_ folder: ModelFolder) throws -> Bool {
    try SpikeWhaleFolder.recognizes(folder)
  }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization {
    TextTokenization(
      try SpikeTokenizer(contentsOf: folder.requiredFile("tokenizer.json")), addsSpecialTokens: false)
  }

  func languageModel(in folder: ModelFolder, _ options: LoadingOptions) throws -> LanguageModel? {
    try LanguageModel(spikeWhale: folder, kernels: options.kernels)
  }
}

/// Byrne-Embed: SpikeWhale decoders with a head that makes vectors.
struct ByrneFamily: ModelFamily {
  let name = "Byrne-Embed"
  let signature = "config.json of model_type spike_whale with embed_head.pt"

  func recognizes(_ folder: ModelFolder) throws -> Bool { try ByrneEncoder.recognizes(folder) }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization { try ByrneEncoder.tokenization(of: folder) }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    try ByrneEncoder(folder, options)
  }

  func languageModel(in folder: ModelFolder, _ options: LoadingOptions) throws -> LanguageModel? {
    try LanguageModel(spikeWhale: folder, kernels: options.kernels)
  }
}
