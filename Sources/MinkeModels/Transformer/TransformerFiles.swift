import MinkeCheckpoints
import MinkeCore
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that an encoder was loaded from, which may be written anew with the layers' weights in 8 bits.
struct TransformerFiles: Sendable {
  let folder: ModelFolder
  let checkpoint: Checkpoint
  let configuration: TransformerConfiguration
  /// Whether the tokenizer is the folder's own; another has no file to copy.
  let hasOwnTokenizer: Bool

  /// int8, for a model that is not rounded yet.
  var savablePrecisions: [Precision] { hasOwnTokenizer && !Linear.areRounded(in: checkpoint) ? [.int8] : [] }

  /// Writes the folder `destination`, whole or not at all: the settings as they are, and the weights rounded as a model
  /// loaded in int8 holds them. The embeddings, the norms and what follows the encoder stay as they are.
  ///
  /// - Throws: `MinkeError` when there is something at `destination`, a weight is not finite or writing fails.
  func save(to destination: URL) throws {
    try FolderWriter.write(to: destination) { draft in
      let tensors = try tensors()
      for path in paths {
        let source = folder.url.appendingPathComponent(path)
        guard ModelFolder.kind(of: source) == .file else { continue }
        let target = draft.appendingPathComponent(path)
        try FileManager.default.createDirectory(
          at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        let file = try MappedFile(source)
        var writer = try FileWriter(target)
        try writer.write(file.bytes)
        try writer.finish()
      }
      if folder.file("config.json") == nil {
        try configuration.json.write(to: draft.appendingPathComponent("config.json"))
      }
      if checkpoint.path.hasSuffix(".pt") {
        let name = URL(fileURLWithPath: checkpoint.path).lastPathComponent
        try TorchArchive.write(tensors, to: draft.appendingPathComponent(name))
      } else {
        let place = draft.appendingPathComponent(folder.modules.first?.path ?? "")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try Safetensors.write(tensors, to: place.appendingPathComponent("model.safetensors"))
      }
    }
  }

  /// The files that loading reads beside the weights, those that are there or not.
  private var paths: [String] {
    let settings = TransformerTokenization.fileNames + ["config.json", Prompts.fileName]
    var paths = settings + ["modules.json"]
    if let first = folder.modules.first, !first.path.isEmpty { paths += settings.map { "\(first.path)/\($0)" } }
    for module in folder.modules.dropFirst() where !module.path.isEmpty {
      paths += (["config.json"] + SentenceModule.weightsNames).map { "\(module.path)/\($0)" }
    }
    return paths
  }

  /// The tensors of the encoder, and those of a head beside it.
  private func tensors() throws -> [Tensor] {
    let prefix = try TransformerTensors.prefix(in: checkpoint)
    let stored = try TransformerTensors(checkpoint, prefix: prefix, configuration)
    let model = try TransformerModel(checkpoint, prefix: prefix, configuration, precision: .int8, kernels: .active)
    var rounded: [String: Int8Rows] = [:]
    /// The rows of matrices that stand one under the other.
    func round(_ names: [String], _ linear: Linear) {
      let count = linear.outputs / names.count
      for (place, name) in names.enumerated() {
        rounded["\(name).weight"] = linear.int8Rows(place * count..<(place + 1) * count)
      }
    }
    let names = TransformerNames(configuration)
    if let name = names.embeddingProjection, let projection = model.embeddings.projection { round([name], projection) }
    for (layer, names) in zip(model.layers, names.layers) {
      round(names.queryKeyValue, layer.queryKeyValue)
      round([names.attentionOutput], layer.attentionOutput)
      round([names.intermediate], layer.intermediate)
      round([names.output], layer.output)
    }
    var tensors: [Tensor] = []
    for (name, _) in configuration.tensorShapes {
      if let rows = rounded[name] {
        tensors += try rows.tensors(named: prefix + name)
      } else {
        tensors.append(try stored.tensor(name))
      }
    }
    for name in checkpoint.tensorNames where BinaryEncoder.isProjection(name) {
      tensors.append(try checkpoint.tensor(name))
    }
    return tensors
  }
}
