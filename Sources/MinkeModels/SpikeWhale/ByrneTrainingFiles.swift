import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that the training of a Byrne-Embed head begins with, and those that it writes: a SpikeWhale model in any
/// precision, which stays as it is, with a head or without.
package struct ByrneTrainingFiles: Sendable {
  package let tokenization: TextTokenization
  private let files: SpikeWhaleFolder
  private let model: SpikeWhaleModel
  /// The weights and biases of the two layers that the folder has; nil without a head.
  package let head: [Tensor]?

  /// - Throws: `MinkeError` when a file is missing or malformed or the files do not fit together.
  package init(_ folder: ModelFolder, kernels level: KernelLevel = .active) throws {
    files = try SpikeWhaleFolder(folder)
    model = try files.model(kernels: level)
    tokenization = try ByrneEncoder.tokenization(of: folder, tokenizer: files.tokenizer)
    let source = try ByrneEncoder.headCheckpoint(files)
    head = try EmbeddingHead.parts(of: source, hidden: files.configuration.hiddenSize).map { parts in
      try [parts.first, parts.second].flatMap { name in
        try [source.tensor("\(name).weight"), source.tensor("\(name).bias")]
      }
    }
  }

  /// Numbers of a hidden state.
  package var hiddenSize: Int { files.configuration.hiddenSize }

  /// The mean of each text's last hidden states, `[texts, hiddenSize]`.
  ///
  /// - Throws: `MinkeError` when a token is not in the vocabulary, a text is longer than the context or a weight is not
  ///   finite; `CancellationError`.
  package func means(of texts: [[TokenID]]) throws -> Matrix { try ByrneEncoder.means(of: texts, model: model) }

  /// Writes the model with the head `trained`, which stands on GELU.
  package func write(_ trained: [Tensor], to draft: URL) throws {
    var members = files.json.object ?? [:]
    members[EmbeddingHead.activationKey] = .string(Activation.gelu.rawValue)
    try JSONValue.object(members).write(to: draft.appendingPathComponent("config.json"))
    let folder = files.checkpointURL.deletingLastPathComponent().path
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasPrefix("model") && $0.contains(".safetensors") }.sorted()
    try files.folder.copy(["tokenizer.json", "tokenizer_config.json", Prompts.fileName] + shards, to: draft)
    try TorchArchive.write(trained, to: draft.appendingPathComponent(ByrneEncoder.headName))
  }
}
