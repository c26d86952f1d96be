/// How BERT's normalizer rewrites text before it is cut into words.
struct BertNormalization: Sendable, Equatable {
  /// Whether control characters are removed and white space becomes a space.
  var cleansText: Bool
  /// Whether each Chinese character is a word of its own.
  var separatesChinese: Bool
  /// Whether accents are removed, by canonical decomposition.
  var stripsAccents: Bool
  var lowercases: Bool

  /// Leaves every text as it is.
  static let none = BertNormalization(
    cleansText: false, separatesChinese: false, stripsAccents: false, lowercases: false)
}
