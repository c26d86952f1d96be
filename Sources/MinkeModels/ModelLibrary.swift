import Foundation
import MinkeCore
import MinkeText

/// The way to models: every place that takes a model takes a built-in name or the path of a folder.
public enum ModelLibrary {
  /// The models that come with the package, the default first.
  public static let builtInNames = ["minke-sse-en"]

  /// The model used where none is named.
  public static var defaultName: String { builtInNames[0] }

  /// The folder of the model called `name`: a built-in name, or a path.
  ///
  /// - Throws: ``MinkeError`` of kind `notFound` when it is neither.
  public static func folder(_ name: String) throws -> ModelFolder {
    guard builtInNames.contains(name) else {
      guard FileManager.default.fileExists(atPath: name) else {
        throw MinkeError(
          .notFound, "model \"\(name)\"", expected: "a folder or one of \(builtInNames.joined(separator: ", "))",
          found: "neither")
      }
      return try ModelFolder(URL(fileURLWithPath: name))
    }
    return try ModelFolder(resources().appendingPathComponent(name))
  }

  /// The folder that holds the built-in models.
  private static func resources() throws(MinkeError) -> URL {
    #if canImport(Darwin)
      return Bundle.module.bundleURL
    #else
      // The generated Bundle.module ends the process when its folder is gone, as after copying the program alone to
      // another machine. The same places are looked at here: beside the program, then where the package was built.
      let beside = Bundle.main.bundleURL.appendingPathComponent("minke_MinkeModels.resources")
      let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Resources")
      let places = [beside, source]
      guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
        throw MinkeError(
          .notFound, "built-in models", expected: "a folder \(beside.lastPathComponent) beside the program",
          found: "none in \(beside.deletingLastPathComponent().path)")
      }
      return found
    #endif
  }

  /// Loads the text encoder called `name`: a built-in name, the path of a model folder, or that of a BNE archive
  /// (`.pt`).
  ///
  /// The family is recognised from the files in the folder. The tables of static models are mapped, not read: loading
  /// one takes milliseconds.
  ///
  /// - Parameter precision: how the layers of a BERT or SpikeWhale model are held; a static model has none and takes
  ///   `.float32` only.
  /// - Throws: ``MinkeError`` when there is no such model, the folder holds no text encoder, or a file is malformed.
  public static func textEncoder(
    _ name: String = defaultName, precision: Precision = .float32, kernels level: KernelLevel = .active
  ) throws -> any TextEncoder {
    if name.hasSuffix(".pt") {
      return try BinaryEncoder.load(archive: URL(fileURLWithPath: name), precision: precision, kernels: level)
    }
    let folder = try folder(name)
    if try ByrneEncoder.recognizes(folder) {
      return try ByrneEncoder(folder, precision: precision, kernels: level)
    }
    if try StaticEncoder.recognizes(folder) {
      guard precision == .float32 else {
        throw MinkeError(
          .invalidArgument, "precision", expected: "float32, for \(folder.name) is a table without layers",
          found: precision.rawValue)
      }
      return try StaticEncoder(folder, kernels: level)
    }
    if try BinaryEncoder.recognizes(folder) {
      return try BinaryEncoder.load(folder, precision: precision, kernels: level)
    }
    if try BertEncoder.recognizes(folder) {
      return try BertEncoder(folder, precision: precision, kernels: level)
    }
    throw MinkeError(
      .unsupportedFile, folder.url.relativePath,
      expected: "the files of a text encoder: tokenizer.json with embedding.q4_k_m.bin or model.safetensors, "
        + "config.json of BERT or SpikeWhale, or binary_embedder_*.pt",
      found: try contents(of: folder))
  }

  /// Loads only the tokenizer of the model called `name`, a built-in name or the path of a model folder.
  ///
  /// - Throws: ``MinkeError`` when there is no such model or no tokenizer Minke knows in its folder.
  public static func tokenizer(_ name: String = defaultName) throws -> any Tokenizer {
    let folder = try folder(name)
    if try SpikeWhaleFolder.recognizes(folder) {
      return try SpikeTokenizer(contentsOf: folder.requiredFile("tokenizer.json"))
    }
    if folder.file("tokenizer.json") == nil, let vocabulary = folder.file("vocab.txt") {
      return try WordPieceTokenizer(vocabulary: vocabulary)
    }
    return try WordPieceTokenizer(contentsOf: folder.requiredFile("tokenizer.json"))
  }

  /// Loads the language model in the folder whose path is `name`. Weights are mapped, not read.
  ///
  /// - Throws: ``MinkeError`` when there is no such folder, it holds no language model, or a file is malformed.
  public static func languageModel(_ name: String, kernels level: KernelLevel = .active) throws -> LanguageModel {
    let folder = try folder(name)
    guard try SpikeWhaleFolder.recognizes(folder) else {
      throw MinkeError(
        .unsupportedFile, folder.url.relativePath, expected: "a language model: config.json of model_type spike_whale",
        found: try contents(of: folder))
    }
    return try LanguageModel(spikeWhale: folder, kernels: level)
  }

  /// What lies in a folder, for error texts.
  private static func contents(of folder: ModelFolder) throws -> String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? []
    if names.isEmpty { return "an empty folder" }
    let shown = names.sorted().prefix(8).joined(separator: ", ")
    return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
  }
}
