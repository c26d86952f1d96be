import MinkeCheckpoints
import MinkeCore
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that a BERT model was loaded from, which may be written anew with the layers' weights in 8 bits.
struct BertFiles: Sendable {
  let folder: ModelFolder
  let checkpoint: Checkpoint
  let configuration: BertConfiguration
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
    let settings = BertTokenization.fileNames + ["config.json", Prompts.fileName]
    var paths = settings + ["modules.json"]
    if let first = folder.modules.first, !first.path.isEmpty { paths += settings.map { "\(first.path)/\($0)" } }
    for module in folder.modules.dropFirst() where !module.path.isEmpty {
      paths += (["config.json"] + SentenceModule.weightsNames).map { "\(module.path)/\($0)" }
    }
    return paths
  }

  /// The tensors of the encoder, and those of a head beside it.
  private func tensors() throws -> [Tensor] {
    let prefix = try BertTensors.prefix(in: checkpoint)
    let names = try BertTensors(checkpoint, prefix: prefix, configuration)
    let model = try BertModel(checkpoint, prefix: prefix, configuration, precision: .int8, kernels: .active)
    let hidden = configuration.hiddenSize
    var rounded: [String: Int8Rows] = [:]
    for (index, layer) in model.layers.enumerated() {
      let name = "encoder.layer.\(index)"
      for (place, part) in ["query", "key", "value"].enumerated() {
        let range = place * hidden..<(place + 1) * hidden
        rounded["\(name).attention.self.\(part).weight"] = layer.queryKeyValue.int8Rows(range)
      }
      for (part, linear) in [
        ("attention.output", layer.attentionOutput), ("intermediate", layer.intermediate), ("output", layer.output),
      ] { rounded["\(name).\(part).dense.weight"] = linear.int8Rows(0..<linear.outputs) }
    }
    var tensors: [Tensor] = []
    for (name, _) in configuration.tensorShapes {
      if let rows = rounded[name] {
        tensors += try rows.tensors(named: prefix + name)
      } else {
        tensors.append(try names.tensor(name))
      }
    }
    for name in checkpoint.tensorNames where BinaryEncoder.isProjection(name) {
      tensors.append(try checkpoint.tensor(name))
    }
    return tensors
  }
}

extension BertConfiguration {
  /// A `config.json` that says the same.
  var json: JSONValue {
    [
      "model_type": "bert", "vocab_size": .integer(vocabularySize), "hidden_size": .integer(hiddenSize),
      "num_hidden_layers": .integer(layerCount), "num_attention_heads": .integer(headCount),
      "intermediate_size": .integer(intermediateSize), "max_position_embeddings": .integer(positionCount),
      "type_vocab_size": .integer(typeCount), "layer_norm_eps": .number(Double(layerNormEpsilon)),
    ]
  }
}
