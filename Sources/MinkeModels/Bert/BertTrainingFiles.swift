import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that the training of BNE, or of its float baseline, begins with, and those that it writes.
package struct BertTrainingFiles: Sendable {
  package let configuration: TransformerConfiguration
  /// Texts are cut as BNE's are.
  package let tokenization: TextTokenization
  private let folder: ModelFolder
  /// Nil for a start from random numbers.
  private let checkpoint: Checkpoint?
  private let tensors: TransformerTensors?
  private let prefix: String

  /// What is in `folder`: an archive of BNE or its baseline, or any BERT encoder.
  ///
  /// - Throws: `MinkeError` when a file is missing or malformed, or the weights are in 8 bits.
  package init(_ folder: ModelFolder) throws {
    let isArchive = try BinaryFamily().recognizes(folder)
    let found = isArchive ? try BinaryEncoder.archive(in: folder) : try folder.weightsURL.map(folder.checkpoint)
    guard let checkpoint = found else {
      throw MinkeError(
        .notFound, folder.url.relativePath,
        expected: "a BERT encoder to begin with: model.safetensors, or BNE's archive", found: folder.listing)
    }
    guard !Linear.areRounded(in: checkpoint) else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path,
        expected: "float numbers, which alone can be trained: the folder that this one was made from",
        found: "weights in 8 bits")
    }
    let configuration = try TransformerConfiguration(of: folder, bare: isArchive) { checkpoint }
    let prefix = try TransformerTensors.prefix(in: checkpoint)
    try self.init(
      folder, configuration, checkpoint: checkpoint, prefix: prefix,
      tensors: TransformerTensors(checkpoint, prefix: prefix, configuration), builtInVocabulary: isArchive)
  }

  /// A start from random numbers in the sizes of `configuration`, with the tokenizer that lies in `folder`.
  ///
  /// - Throws: `MinkeError` when a file of the tokenizer is missing or malformed.
  package init(_ configuration: TransformerConfiguration, tokenizerOf folder: ModelFolder) throws {
    try self.init(folder, configuration, checkpoint: nil, prefix: "", tensors: nil, builtInVocabulary: false)
  }

  private init(
    _ folder: ModelFolder, _ configuration: TransformerConfiguration, checkpoint: Checkpoint?, prefix: String,
    tensors: TransformerTensors?, builtInVocabulary: Bool
  ) throws {
    guard configuration.isBERT else {
      throw MinkeError(
        .unsupportedFile, folder.url.relativePath, expected: "a BERT with GELU, which alone can be trained",
        found: "\(configuration.family.name) with \(configuration.activation.rawValue)")
    }
    self.folder = folder
    self.configuration = configuration
    self.checkpoint = checkpoint
    self.prefix = prefix
    self.tensors = tensors
    tokenization = try TransformerTokenization.read(
      folder, tokenizer: nil, maximumLength: BinaryEncoder.trainedLength, configuration,
      builtInVocabulary: builtInVocabulary)
    guard tokenization.tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw MinkeError(
        .shapeMismatch, "\(folder.url.relativePath): tokenizer",
        expected: "at most \(configuration.vocabularySize) tokens, the rows of the word embedding",
        found: "\(tokenization.tokenizer.vocabularySize)")
    }
  }

  /// The numbers of the encoder's tensor `name`, one of the configuration's; nil for a start from random numbers.
  ///
  /// - Throws: `MinkeError` when one is not finite.
  package func encoder(_ name: String) throws -> [Float]? { try tensors?.floats(name).copied() }

  /// The tensor `name` of the head; nil where there is none.
  package func head(_ name: String) -> Tensor? {
    BinaryEncoder.isProjection(name) ? checkpoint?.tensors[name] : nil
  }

  /// Writes the files of a model that is loaded as BNE or its baseline.
  ///
  /// - Parameters:
  ///   - encoder: the encoder's tensors by the configuration's names.
  ///   - head: those of the head.
  package func write(encoder: [Tensor], head: [Tensor], archive name: String, to draft: URL) throws {
    try folder.copy(TransformerTokenization.fileNames + [Prompts.fileName], to: draft)
    try configuration.json.write(to: draft.appendingPathComponent("config.json"))
    func tensor(_ name: String, _ tensor: Tensor) throws -> Tensor {
      try Tensor(name: name, elementType: tensor.elementType, shape: tensor.shape, bytes: tensor.bytes())
    }
    var tensors = try encoder.map { try tensor("encoder.\($0.name)", $0) }
    // Not used, but in every published archive.
    for part in ["weight", "bias"] {
      guard let pooler = checkpoint?.tensors["\(prefix)pooler.dense.\(part)"] else { continue }
      tensors.append(try tensor("encoder.pooler.dense.\(part)", pooler))
    }
    try TorchArchive.write(tensors + head, to: draft.appendingPathComponent(name))
  }
}
