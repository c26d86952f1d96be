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
    guard !FileManager.default.fileExists(atPath: destination.path) else {
      throw MinkeError(
        .invalidArgument, destination.relativePath, expected: "a new folder", found: "something there already")
    }
    // Whatever is wrong with the weights is found before anything is written.
    let tensors = try model.tensors(in: precision)
    do {
      try FileManager.default.createDirectory(at: destination, withIntermediateDirectories: true)
    } catch {
      throw MinkeError(.inputOutput, destination.relativePath, expected: "a folder to make", found: "\(error)")
    }
    var configuration = try folder.json("config.json")?.object ?? [:]
    configuration["hyper_connection_pre"] = .string(model.hyperConnections.form.pre.rawValue)
    configuration["hyper_connection_post"] = .string(model.hyperConnections.form.post.rawValue)
    var writer = try FileWriter(destination.appendingPathComponent("config.json"))
    try writer.write(JSONValue.object(configuration).text + "\n")
    try writer.finish()
    for name in ["tokenizer.json", "tokenizer_config.json", "embed_head.pt"] {
      guard let source = folder.file(name) else { continue }
      let file = try MappedFile(source)
      var writer = try FileWriter(destination.appendingPathComponent(name))
      try writer.write(file.bytes)
      try writer.finish()
    }
    try Safetensors.write(tensors, to: destination.appendingPathComponent("model.safetensors"))
  }
}
