import MinkeCore
import MinkeText

/// Text encoders of BERT's kin, in the layout of sentence-transformers or a plain one.
struct TransformerFamily: ModelFamily {
  let name = "BERT and its kin"
  let signature =
    "config.json of model_type " + TransformerConfiguration.Family.allCases.map(\.rawValue).joined(separator: ", ")
    + " with model.safetensors or pytorch_model.bin, whole or in shards"

  func recognizes(_ folder: ModelFolder) throws -> Bool {
    guard folder.weightsURL != nil, let reader = try folder.configuration("config.json") else { return false }
    return TransformerConfiguration.Family(reader) != nil
  }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization {
    let configuration = try TransformerConfiguration(ConfigurationReader.required("config.json", in: folder))
    return try TransformerTokenization.read(
      folder, tokenizer: nil, maximumLength: nil, configuration, builtInVocabulary: false)
  }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    try TransformerEncoder(folder, options)
  }
}
