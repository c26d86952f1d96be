import MinkeCheckpoints
import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension StaticEncoder {
  /// The layouts that an SSE model can be saved in.
  public enum Format: String, CaseIterable, Sendable {
    /// `model.safetensors` with the whole table in float32.
    case float32
    /// `embedding.q4_k_m.bin` and `model_rest.safetensors`: 4 bits a number and a scale a row.
    case fourBit = "4bit"
  }

  /// Saves the model as a new folder in one of the published layouts, with its tokenizer.
  ///
  /// From float to 4 bits the numbers are rounded by the published recipe; from 4 bits to float nothing changes. The
  /// folder appears whole or, when something fails, not at all.
  ///
  /// - Throws: ``MinkeError`` when `destination` exists, the model is not an SSE model, or writing fails.
  public func save(to destination: URL, format: Format) throws {
    guard let activation else {
      throw MinkeError(
        .unsupportedFile, folder.url.relativePath, expected: "an SSE model with dyt.alpha, dyt.beta and dyt.bias",
        found: kind.rawValue)
    }
    try FolderWriter.write(to: destination) { try write(activation, format, to: $0) }
  }

  private func write(_ activation: SeparableDynamicTanh, _ format: Format, to draft: URL) throws {
    var tensors = try zip(SeparableDynamicTanh.tensorNames, [activation.alpha, activation.beta, activation.bias]).map {
      try Tensor(name: $0, shape: [dimension], floats: $1.copied())
    }
    switch format {
    case .float32:
      let floats = (0..<table.rows).flatMap { table.row($0) }
      try tensors.append(Tensor(name: "embedding.weight", shape: [table.rows, table.columns], floats: floats))
      try Safetensors.write(tensors, to: draft.appendingPathComponent("model.safetensors"))
    case .fourBit:
      switch table {
      case .fourBit(let table): try table.write(to: draft.appendingPathComponent("embedding.q4_k_m.bin"))
      case .float32(let floats, let columns):
        try FourBitTable.quantize(floats.pointer, rows: table.rows, columns: columns)
          .write(to: draft.appendingPathComponent("embedding.q4_k_m.bin"))
      }
      try Safetensors.write(tensors, to: draft.appendingPathComponent("model_rest.safetensors"))
    }
    let type = format == .float32 ? "SSE.SSE" : "sse_quantize.SSEQ"
    let modules: JSONValue = [["idx": 0, "name": "0", "path": "", "type": .string(type)]]
    try Data(modules.text.utf8).write(to: draft.appendingPathComponent("modules.json"))
    try FileManager.default.copyItem(
      at: folder.requiredFile("tokenizer.json"), to: draft.appendingPathComponent("tokenizer.json"))
  }
}
