import MinkeCore

/// The tokenizer of BERT and its kin: words cut by white space and punctuation, then into the longest known pieces.
///
/// It gives the ids that Hugging Face `tokenizers` gives for the same `tokenizer.json`. Encoding takes time linear in
/// the text and no memory beside the ids. Bytes that are not UTF-8 count as U+FFFD.
// A class, for a struct of these parts would be copied, and each part's references counted, for every text.
public final class WordPieceTokenizer: Tokenizer {
  let model: WordPieceModel
  let addedTokens: AddedTokens
  let settings: Settings

  init(model: WordPieceModel, addedTokens: AddedTokens, settings: Settings) {
    self.model = model
    self.addedTokens = addedTokens
    self.settings = settings
  }

  /// What may differ between tokenizers that share a vocabulary.
  struct Settings: Sendable {
    /// The ids put before and after a text.
    var prefix: [TokenID] = []
    var suffix: [TokenID] = []
    /// The most ids of one text, those before and after it included.
    var maximumLength: Int?
    /// Whether a text that is too long loses its beginning instead of its end.
    var truncatesLeft = false
    /// Whether the file asks for padding before the texts of a batch. Minke needs none.
    var padsLeft = false
    var decoder: Decoder = .spaces
  }

  /// How tokens become text.
  enum Decoder: Sendable, Equatable {
    /// Tokens with a space between each two.
    case spaces
    /// Tokens that begin with `prefix` continue the word before them; `cleanup` takes out spaces before punctuation.
    case wordPiece(prefix: String, cleanup: Bool)
  }

  /// The tokens found before the text is cut into words, or added around it.
  struct AddedTokens: Sendable {
    /// In the order of the file: of two with the same text one counts.
    let list: [AddedToken]
    let tokens: [TokenID: AddedToken]
    let inText: AddedTokenMatcher
    let inNormalizedText: AddedTokenMatcher
    /// How words are cut out of text that has been normalized for `inNormalizedText`.
    let rulesAfterNormalization: WordRules?
  }

  /// The most ids of one text, special tokens included; nil for no limit.
  public var maximumLength: Int? { settings.maximumLength }

  public func truncating(to maximumLength: Int?) -> WordPieceTokenizer {
    var settings = settings
    settings.maximumLength = maximumLength
    return WordPieceTokenizer(model: model, addedTokens: addedTokens, settings: settings)
  }

  package func truncating(left: Bool) -> WordPieceTokenizer {
    var settings = settings
    settings.truncatesLeft = left
    return WordPieceTokenizer(model: model, addedTokens: addedTokens, settings: settings)
  }

  package func surrounding(prefix: [TokenID], suffix: [TokenID]) -> WordPieceTokenizer {
    var settings = settings
    (settings.prefix, settings.suffix) = (prefix, suffix)
    return WordPieceTokenizer(model: model, addedTokens: addedTokens, settings: settings)
  }

  /// The token that stands for a word without pieces.
  public var unknownToken: TokenID { model.unknown }

  // MARK: Tokenizer

  public func isSpecial(_ id: TokenID) -> Bool { addedTokens.tokens[id]?.special == true }

  package func addedToken(_ id: TokenID) -> AddedToken? { addedTokens.tokens[id] }

  package var padsLeft: Bool { settings.padsLeft }

  public var definition: String {
    let added = addedTokens.tokens.values.sorted { $0.id < $1.id }
    return "\(model.rules.normalization) \(model.unknown) \(model.maximumCharacters) \(model.continuingPrefix) "
      + "\(settings) \(added) \(vocabularyDefinition)"
  }

  public var vocabularySize: Int {
    max(model.vocabulary.idCount, 1 + Int(addedTokens.tokens.keys.max() ?? -1))
  }

  public func token(_ id: TokenID) -> String? {
    if let added = addedTokens.tokens[id] { return added.content }
    return model.vocabulary.text(id).map { String(decoding: $0, as: UTF8.self) }
  }

  public func id(of token: String) -> TokenID? {
    model.vocabulary.id(of: token) ?? addedTokens.tokens.values.first { $0.content == token }?.id
  }

  public func encode(_ text: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool, into ids: inout [TokenID]) {
    if addingSpecialTokens { ids += settings.prefix }
    let first = ids.count
    let room = settings.maximumLength.map {
      max(0, $0 - (addingSpecialTokens ? settings.prefix.count + settings.suffix.count : 0))
    }
    let limit = settings.truncatesLeft ? Int.max : room.map { first + $0 } ?? Int.max
    addedTokens.inText.split(text) { piece, id in
      if let id { ids.append(id) } else { encodeBetweenAddedTokens(piece, limit: limit, into: &ids) }
    }
    if let room, ids.count - first > room {
      if settings.truncatesLeft {
        ids.removeSubrange(first..<ids.count - room)
      } else {
        ids.removeSubrange((first + room)...)
      }
    }
    if addingSpecialTokens { ids += settings.suffix }
  }

  private func encodeBetweenAddedTokens(
    _ text: UnsafeBufferPointer<UInt8>, limit: Int, into ids: inout [TokenID]
  ) {
    guard let rules = addedTokens.rulesAfterNormalization else {
      return WordPieceScanner.scan(text, model: model, rules: model.rules, limit: limit, into: &ids)
    }
    model.rules.normalize(text).withUnsafeBufferPointer { normalized in
      addedTokens.inNormalizedText.split(normalized) { piece, id in
        if let id {
          ids.append(id)
        } else {
          WordPieceScanner.scan(piece, model: model, rules: rules, limit: limit, into: &ids)
        }
      }
    }
  }

  public func decode(_ ids: some Sequence<TokenID>, skippingSpecialTokens: Bool) -> String {
    var text = ""
    var isFirst = true
    for id in ids {
      if skippingSpecialTokens, addedTokens.tokens[id]?.special == true { continue }
      guard var token = token(id) else { continue }
      if !isFirst {
        if case .wordPiece(let prefix, _) = settings.decoder, token.utf8.starts(with: prefix.utf8) {
          token = String(decoding: token.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        } else {
          token = " " + token
        }
      }
      if case .wordPiece(_, cleanup: true) = settings.decoder { token = Self.cleanedUp(token) }
      text += token
      isFirst = false
    }
    return text
  }

  /// One token without the space that tokenization puts before punctuation and English contractions.
  ///
  /// Replacement follows replacement, so a later one sees what an earlier one made.
  static func cleanedUp(_ token: String) -> String {
    guard token.utf8.contains(UInt8(ascii: " ")) else { return token }
    var bytes = Array(token.utf8)
    for (from, to) in [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
      (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ] {
      let pattern = Array(from.utf8)
      var cleaned: [UInt8] = []
      var position = 0
      while position < bytes.count {
        if bytes[position...].starts(with: pattern) {
          cleaned += to.utf8
          position += pattern.count
        } else {
          cleaned.append(bytes[position])
          position += 1
        }
      }
      bytes = cleaned
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension WordPieceTokenizer: FileTokenizer {}
