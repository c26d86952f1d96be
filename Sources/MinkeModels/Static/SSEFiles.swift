import MinkeCheckpoints
import MinkeCore
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the published files of an SSE model hold, and how they are written.
package struct SSEFiles {
  /// `[vocabulary, dimension]`
  package let table: EmbeddingTable
  package let activation: SeparableDynamicTanh
  package let prompts: Prompts
  package let tokenizerURL: URL

  package init(table: EmbeddingTable, activation: SeparableDynamicTanh, prompts: Prompts, tokenizerURL: URL) {
    self.table = table
    self.activation = activation
    self.prompts = prompts
    self.tokenizerURL = tokenizerURL
  }

  /// Writes the files into the folder `draft`, the table in float32 or 4 bits a number.
  package func write(_ precision: Precision, to draft: URL) throws {
    var tensors = try zip(SeparableDynamicTanh.tensorNames, [activation.alpha, activation.beta, activation.bias]).map {
      try Tensor(name: $0, shape: [table.columns], floats: $1.copied())
    }
    if precision == .float32 {
      let floats = (0..<table.rows).flatMap { table.row($0) }
      try tensors.append(Tensor(name: "embedding.weight", shape: [table.rows, table.columns], floats: floats))
      try Safetensors.write(tensors, to: draft.appendingPathComponent("model.safetensors"))
    } else {
      let packed =
        switch table {
        case .fourBit(let table): table
        case .float32(let floats, let columns):
          try FourBitTable.quantize(floats.pointer, rows: table.rows, columns: columns)
        }
      try packed.write(to: draft.appendingPathComponent(StaticEncoder.packedTableName))
      try Safetensors.write(tensors, to: draft.appendingPathComponent("model_rest.safetensors"))
    }
    let type = precision == .float32 ? "SSE.SSE" : "sse_quantize.SSEQ"
    let modules: JSONValue = [["idx": 0, "name": "0", "path": "", "type": .string(type)]]
    try Data(modules.text.utf8).write(to: draft.appendingPathComponent("modules.json"))
    if prompts != Prompts() {
      try Data(prompts.json.text.utf8).write(to: draft.appendingPathComponent(Prompts.fileName))
    }
    try FileManager.default.copyItem(at: tokenizerURL, to: draft.appendingPathComponent("tokenizer.json"))
  }
}
