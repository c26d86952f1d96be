import MinkeCheckpoints
import MinkeCore
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension SpikeWhaleFolder {
  /// All, for a model that is held in float32: what was rounded once is not rounded again.
  package var savablePrecisions: [Precision] { isRounded ? [] : Precision.allCases }

  private var isRounded: Bool { Linear.areRounded(in: checkpoint) }

  /// Writes the model to the new folder `destination`, whole or not at all, its weights in `precision`.
  ///
  /// What the configuration leaves open is measured and then stated. The head of an embedding model stays as it is.
  /// - Returns: what was measured, a line each.
  /// - Throws: `MinkeError` when there is something at `destination`, the model is not in float32, a weight is not
  ///   finite or writing fails.
  @discardableResult
  package func save(to destination: URL, precision: Precision) throws -> [String] {
    try FolderWriter.write(to: destination) { draft in
      // Whatever is wrong with the weights is found before anything is written.
      let tensors = try model(kernels: .active).tensors(in: precision)
      let settling = try SpikeWhaleSettling(folder)
      try write(tensors, settling.configuration, to: draft)
      return settling.findings
    }
  }

  private func write(_ tensors: [Tensor], _ configuration: JSONValue, to draft: URL) throws {
    try configuration.write(to: draft.appendingPathComponent("config.json"))
    try folder.copy(["tokenizer.json", "tokenizer_config.json", ByrneEncoder.headName], to: draft)
    try Safetensors.write(tensors, to: draft.appendingPathComponent("model.safetensors"))
  }
}
