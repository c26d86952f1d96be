import MinkeCore

/// A vocabulary with the rules by which a text becomes its tokens.
final class WordPieceModel: Sendable {
  let vocabulary: WordPieceVocabulary
  /// The id of what the vocabulary does not have.
  let unknown: TokenID
  /// A word of more scalars is unknown.
  let maximumCharacters: Int
  let rules: WordRules

  /// - Throws: ``MinkeError`` when the vocabulary has no unknown token.
  init(
    _ vocabulary: WordPieceVocabulary, normalization: BertNormalization, unknownToken: String, maximumCharacters: Int,
    subject: String
  ) throws(MinkeError) {
    guard let unknown = vocabulary.id(of: unknownToken) else {
      throw MinkeError(
        .malformedFile, "\(subject): vocabulary", expected: "the unknown token \"\(unknownToken)\"", found: "none")
    }
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.maximumCharacters = maximumCharacters
    rules = WordRules(normalization, vocabulary: vocabulary, unknown: unknown)
  }
}
