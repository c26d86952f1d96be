import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A tokenizer that was read from a file, with what the settings of a model's folder may change of it.
package protocol FileTokenizer: Tokenizer {
  /// Whether the file asks for padding before the texts of a batch.
  var padsLeft: Bool { get }

  /// The same tokenizer that cuts a text that is too long at its beginning (`left`) or at its end.
  func truncating(left: Bool) -> Self

  /// The token that is found in a text as `id` before it is cut into words; nil where `id` is none.
  func addedToken(_ id: TokenID) -> AddedToken?

  /// The same tokenizer that finds `tokens` in a text, too.
  func adding(_ tokens: [AddedToken]) -> Self

  /// The same tokenizer that lower-cases a text before all else.
  func lowercasing() -> Self

  /// The same tokenizer with other tokens around a text.
  func surrounding(prefix: [TokenID], suffix: [TokenID]) -> Self
}

/// Parts of a `tokenizer.json` that something else counts for: a class of transformers that builds them itself.
package struct TokenizerParts: Sendable {
  /// The normalizer, as JSON, `null` for none; nil for the file's. So it is with the others.
  package var normalizer: JSONValue?
  package var preTokenizer: JSONValue?
  package var postProcessor: JSONValue?
  /// Members of the model other than its vocabulary and merges.
  package var model: [String: JSONValue] = [:]

  package init() {}
}

/// The door to tokenizers in files.
package enum TokenizerReader {
  /// Reads a Hugging Face `tokenizer.json`, whatever its model is.
  ///
  /// - Parameters:
  ///   - url: the file.
  ///   - parts: what counts for the file's own parts.
  /// - Throws: `MinkeError` when the file cannot be read, is malformed, or has a part that is not supported, which is named.
  package static func read(_ url: URL, replacing parts: TokenizerParts = TokenizerParts()) throws -> any FileTokenizer {
    let file = try MappedFile(url)
    return try read(parsing: file.bytes, subject: file.path, replacing: parts)
  }

  /// Reads a `tokenizer.json` from memory; `subject` stands for the file in error texts.
  package static func read(
    parsing bytes: UnsafeRawBufferPointer, subject: String, replacing parts: TokenizerParts = TokenizerParts()
  ) throws -> any FileTokenizer {
    let file = try PipelineFile(parsing: bytes, subject: subject, replacing: parts)
    // The ways of BERT are faster in a tokenizer of their own.
    return file.isBert && parts.model.isEmpty ? try WordPieceTokenizer(file) : try PipelineTokenizer(file)
  }
}
