import MinkeCore

/// A vocabulary with the rules by which a text becomes its tokens.
final class WordPieceModel: Sendable {
  let vocabulary: WordPieceVocabulary
  /// The id of what the vocabulary does not have.
  let unknown: TokenID
  /// What stands before the text of a token that continues a word.
  let continuingPrefix: String
  /// A word of more scalars is unknown.
  let maximumCharacters: Int
  let rules: WordRules

  /// - Throws: `MinkeError` when the vocabulary has no unknown token.
  init(
    _ vocabulary: WordPieceVocabulary, normalization: BertNormalization, unknownToken: String,
    continuingPrefix: String, maximumCharacters: Int, subject: String
  ) throws(MinkeError) {
    guard let unknown = vocabulary.id(of: unknownToken) else {
      throw MinkeError(
        .malformedFile, "\(subject): vocabulary", expected: "the unknown token \"\(unknownToken)\"", found: "none")
    }
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.continuingPrefix = continuingPrefix
    self.maximumCharacters = maximumCharacters
    rules = WordRules(normalization, vocabulary: vocabulary, unknown: unknown)
  }
  /// The vocabulary of `other` with other rules.
  init(_ other: WordPieceModel, normalization: BertNormalization) {
    vocabulary = other.vocabulary
    unknown = other.unknown
    continuingPrefix = other.continuingPrefix
    maximumCharacters = other.maximumCharacters
    rules = WordRules(normalization, vocabulary: vocabulary, unknown: unknown)
  }
}
