import MinkeCheckpoints
import MinkeCore
import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The mean of the weights of models that were taught from one start.
///
/// Such models lie in one valley of the loss, and their mean is often better than each on texts that none was taught
/// (Wortsman and others, "Model soups", 2022).
package enum WeightAverage {
  /// Writes a folder with the means of all tensors of `models`, and every other file as the first one has it.
  ///
  /// - Throws: `MinkeError` when a folder has no `.safetensors`, weights in another layout, other tensors than the first
  ///   or another tokenizer, a number is not finite, or `destination` exists.
  package static func write(_ models: [ModelFolder], to destination: URL) throws {
    guard let first = models.first, models.count > 1 else {
      throw MinkeError(.invalidArgument, "models", expected: "two or more", found: "\(models.count)")
    }
    let files = try self.files(in: first)
    guard files.contains(where: isWeights) else {
      throw MinkeError(
        .unsupportedFile, first.url.relativePath, expected: "weights in .safetensors, in float32 (minke model convert)",
        found: "none")
    }
    try FolderWriter.write(to: destination) { draft in
      for file in files {
        let (source, target) = (first.url.appendingPathComponent(file), draft.appendingPathComponent(file))
        try FileManager.default.createDirectory(
          at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        if isWeights(file) {
          try Safetensors.write(try means(file, of: models), to: target)
        } else if !file.hasSuffix(".md") {
          if file.hasSuffix("tokenizer.json") { try requireSame(file, models) }
          try FileManager.default.copyItem(at: source, to: target)
        }
      }
    }
  }

  private static func isWeights(_ file: String) -> Bool { file.hasSuffix(".safetensors") }

  /// The files of a folder and of those in it, by their paths within it.
  private static func files(in folder: ModelFolder) throws -> [String] {
    var files: [String] = []
    func visit(_ path: String) throws {
      let url = path.isEmpty ? folder.url : folder.url.appendingPathComponent(path)
      for name in try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() where !name.hasPrefix(".") {
        let inner = path.isEmpty ? name : "\(path)/\(name)"
        if ModelFolder.kind(of: url.appendingPathComponent(name)) == .folder {
          try visit(inner)
        } else {
          for ending in [".bin", ".pt", ".pth"] where name.hasSuffix(ending) {
            throw MinkeError(
              .unsupportedFile, "\(folder.url.relativePath)/\(inner)",
              expected: "weights in .safetensors, in float32 (minke model convert)", found: ending)
          }
          files.append(inner)
        }
      }
    }
    try visit("")
    return files
  }

  private static func means(_ file: String, of models: [ModelFolder]) throws -> [Tensor] {
    let checkpoints = try models.map { try Checkpoint(contentsOf: $0.url.appendingPathComponent(file)) }
    let names = checkpoints[0].tensors.keys.sorted()
    for checkpoint in checkpoints where checkpoint.tensors.keys.sorted() != names {
      throw MinkeError(
        .shapeMismatch, checkpoint.path, expected: "the tensors of \(checkpoints[0].path)", found: "others")
    }
    return try names.map { name in
      let tensors = try checkpoints.map { try $0.tensor(name) }
      var sums = [Double](repeating: 0, count: tensors[0].count)
      for (tensor, checkpoint) in zip(tensors, checkpoints) {
        guard tensor.shape == tensors[0].shape else {
          throw MinkeError(
            .shapeMismatch, "\(checkpoint.path): \(name)", expected: "\(tensors[0].shape)", found: "\(tensor.shape)")
        }
        let floats = try tensor.floats(requiringFinite: true)
        floats.pointer.enumerated().forEach { sums[$0.offset] += Double($0.element) }
      }
      return try Tensor(name: name, shape: tensors[0].shape, floats: sums.map { Float($0 / Double(tensors.count)) })
    }
  }

  private static func requireSame(_ file: String, _ models: [ModelFolder]) throws {
    let contents = try Data(contentsOf: models[0].url.appendingPathComponent(file))
    for model in models.dropFirst() {
      let url = model.url.appendingPathComponent(file)
      guard FileManager.default.contents(atPath: url.path) == contents else {
        throw MinkeError(
          .invalidArgument, url.relativePath, expected: "the tokenizer of \(models[0].url.relativePath)",
          found: "another, or none")
      }
    }
  }
}
