import MinkeCore
import MinkeModels

/// A text that the model predicts from its beginning to its end, with a window that slides over it.
public struct TextPrediction: LanguageTask {
  public let name: String
  /// The text, which need not be UTF-8.
  public let bytes: [UInt8]

  /// A task called `name`.
  public init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }

  /// The perplexity of the whole text; `limit` does not count, for there is one item.
  public func evaluate(
    _ model: LanguageModel, limit: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> [TaskResult] {
    let found: TextPerplexity
    do {
      found = try bytes.withUnsafeBufferPointer { try model.perplexity(ofBytes: $0, progress: progress) }
    } catch let error as MinkeError {
      throw error.inside(name)
    }
    return [
      TaskResult(
        name: name, kind: .languageModel,
        metrics: [
          TaskResult.Metric("byte_perplexity", found.perByte), TaskResult.Metric("bits_per_byte", found.bitsPerByte),
          TaskResult.Metric("token_perplexity", found.perToken),
          TaskResult.Metric("byte_count", Double(found.byteCount)),
          TaskResult.Metric("token_count", Double(found.tokenCount)),
        ], mainMetric: "byte_perplexity")
    ]
  }
}
