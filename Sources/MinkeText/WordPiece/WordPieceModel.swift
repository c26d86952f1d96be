import MinkeCore

/// A vocabulary with the rules by which a text becomes its tokens.
final class WordPieceModel: Sendable {
  /// Longer words are never cut into pieces, whatever a file allows: the time that a word takes grows with the square of
  /// its length.
  static let largestMaximumCharacters = 1000

  let vocabulary: TokenVocabulary
  /// The id of what the vocabulary does not have.
  let unknown: TokenID
  /// What stands before the text of a token that continues a word.
  let continuingPrefix: String
  /// A word of more scalars is unknown.
  let maximumCharacters: Int
  let rules: WordRules

  /// - Throws: `MinkeError` when the vocabulary has no unknown token.
  init(
    _ vocabulary: TokenVocabulary, normalization: BertNormalization, unknownToken: String,
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

extension WordPieceModel: WordModel {
  func append(_ word: UnsafeBufferPointer<UInt8>, _ room: WordRoom, into ids: inout [TokenID]) {
    guard let bytes = word.baseAddress else { return }
    let characters = word.reduce(0) { $0 &+ ($1 & 0xc0 == 0x80 ? 0 : 1) }
    guard characters <= maximumCharacters else { return ids.append(unknown) }
    let first = ids.count
    var position = 0
    while position < word.count {
      let table = position == 0 ? vocabulary.words : vocabulary.continuations
      guard let piece = table.lookup.longestPrefix(bytes + position, word.count - position) else {
        ids.removeSubrange(first...)
        return ids.append(unknown)
      }
      ids.append(piece.id)
      position += piece.length
    }
  }
}
