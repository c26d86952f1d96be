import MinkeCore
import MinkeText

/// An encoder that takes token ids in place of texts, so that who has counted a text's tokens need not make them again.
package protocol TokenIDEncoder: TextEncoder {
  /// Whether the vector of a text follows from the ids that the tokenizer gives for it alone.
  func takesTokenIDs(_ options: EncodingOptions) -> Bool

  /// Turns `count` texts, given by their ids, into vectors, on all cores.
  ///
  /// - Parameter appendIDs: appends to an empty array the ids that the tokenizer gives for a text, by its number, without
  ///   special tokens. It is called from several threads at once.
  /// - Throws: as ``TextEncoder/encode(_:options:)``.
  func encode(
    count: Int, options: EncodingOptions, appendIDs: @Sendable (_ text: Int, _ ids: inout [TokenID]) -> Void
  ) throws -> Embeddings
}
