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
    guard let tokenizerURL, savablePrecisions.contains(precision), let files = files(tokenizerURL) else {
      throw cannotSave(precision)
    }
    try FolderWriter.write(to: destination) { try files.write(precision, to: $0) }
    return []
  }

  /// What the files of an SSE model hold; nil for another kind.
  package func files(_ tokenizerURL: URL) -> SSEFiles? {
    guard let activation, modules.isEmpty else { return nil }
    return SSEFiles(table: table, activation: activation, prompts: tokenization.prompts, tokenizerURL: tokenizerURL)
  }

  /// The same with the tokenizer of the model's own folder; nil as well where there is none.
  package var files: SSEFiles? { tokenizerURL.flatMap { files($0) } }
}
