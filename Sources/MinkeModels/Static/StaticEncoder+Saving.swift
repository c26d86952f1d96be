import MinkeCheckpoints
import MinkeCore
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension StaticEncoder {
  public var savablePrecisions: [Precision] {
    activation == nil || !modules.isEmpty || tokenizerURL == nil ? [] : [.float32, .fourBit]
  }

  /// Saves an SSE model in one of the published layouts, with its tokenizer: `model.safetensors` with the whole table in
  /// float32, or `embedding.q4_k_m.bin` and `model_rest.safetensors`, 4 bits a number and a scale a row.
  ///
  /// From float to 4 bits the numbers are rounded by the published recipe; from 4 bits to float nothing changes. The
  /// folder appears whole or, when something fails, not at all.
  ///
  /// - Returns: nothing: no file of the model leaves anything open.
  /// - Throws: `MinkeError` when `destination` exists, the model is not an SSE model, or writing fails.
  @discardableResult
  public func save(to destination: URL, precision: Precision) throws -> [String] {
    guard let activation, let tokenizerURL, savablePrecisions.contains(precision) else { throw cannotSave(precision) }
    try FolderWriter.write(to: destination) { try write(activation, precision, tokenizerURL, to: $0) }
    return []
  }

  private func write(
    _ activation: SeparableDynamicTanh, _ precision: Precision, _ tokenizerURL: URL, to draft: URL
  ) throws {
    var tensors = try zip(SeparableDynamicTanh.tensorNames, [activation.alpha, activation.beta, activation.bias]).map {
      try Tensor(name: $0, shape: [table.columns], floats: $1.copied())
    }
    if precision == .float32 {
      let floats = (0..<table.rows).flatMap { table.row($0) }
      try tensors.append(Tensor(name: "embedding.weight", shape: [table.rows, table.columns], floats: floats))
      try Safetensors.write(tensors, to: draft.appendingPathComponent("model.safetensors"))
    } else {
      switch table {
      case .fourBit(let table): try table.write(to: draft.appendingPathComponent("embedding.q4_k_m.bin"))
      case .float32(let floats, let columns):
        try FourBitTable.quantize(floats.pointer, rows: table.rows, columns: columns)
          .write(to: draft.appendingPathComponent("embedding.q4_k_m.bin"))
      }
      try Safetensors.write(tensors, to: draft.appendingPathComponent("model_rest.safetensors"))
    }
    let type = precision == .float32 ? "SSE.SSE" : "sse_quantize.SSEQ"
    let modules: JSONValue = [["idx": 0, "name": "0", "path": "", "type": .string(type)]]
    try Data(modules.text.utf8).write(to: draft.appendingPathComponent("modules.json"))
    if tokenization.prompts != Prompts() {
      let prompts = tokenization.prompts.json.text
      try Data(prompts.utf8).write(to: draft.appendingPathComponent(Prompts.fileName))
    }
    try FileManager.default.copyItem(at: tokenizerURL, to: draft.appendingPathComponent("tokenizer.json"))
  }
}
