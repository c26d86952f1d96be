import MinkeCheckpoints
import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension LanguageModel {
  /// Writes the model to the new folder `destination` with its weights in `precision`.
  ///
  /// The configuration then states the form of the hyper-connections, so that it need not be measured again.
  /// - Throws: ``MinkeError`` when there is something at `destination`, the model is not in float32, a weight is not
  ///   finite or writing fails.
  public func save(to destination: URL, precision: WeightPrecision) throws {
    try FolderWriter.write(to: destination) { try write(model.tensors(in: precision), to: $0) }
  }

  private func write(_ tensors: [Tensor], to draft: URL) throws {
    var configuration = try folder.json("config.json")?.object ?? [:]
    configuration["hyper_connection_pre"] = .string(model.hyperConnections.form.pre.rawValue)
    configuration["hyper_connection_post"] = .string(model.hyperConnections.form.post.rawValue)
    var writer = try FileWriter(draft.appendingPathComponent("config.json"))
    try writer.write(JSONValue.object(configuration).text + "\n")
    try writer.finish()
    for name in ["tokenizer.json", "tokenizer_config.json", "embed_head.pt"] {
      guard let source = folder.file(name) else { continue }
      let file = try MappedFile(source)
      var writer = try FileWriter(draft.appendingPathComponent(name))
      try writer.write(file.bytes)
      try writer.finish()
    }
    try Safetensors.write(tensors, to: draft.appendingPathComponent("model.safetensors"))
  }
}
