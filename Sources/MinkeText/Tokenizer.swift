import MinkeCore

/// The number of a token in a vocabulary.
public typealias TokenID = Int32

/// Text in, token ids out, and back.
public protocol Tokenizer: Sendable {
  /// One more than the largest id.
  var vocabularySize: Int { get }

  /// The most ids of one text, special tokens included; nil for no limit.
  var maximumLength: Int? { get }

  /// The same tokenizer with another limit.
  ///
  /// - Parameter maximumLength: the most ids of one text, special tokens included; nil for no limit.
  func truncating(to maximumLength: Int?) -> Self

  /// The text of token `id`; nil when the vocabulary has no such id.
  func token(_ id: TokenID) -> String?

  /// The id of the token whose text is exactly `token`.
  func id(of token: String) -> TokenID?

  /// Whether token `id` stands for something that is no text, such as `[SEP]`.
  func isSpecial(_ id: TokenID) -> Bool

  /// Appends the ids of `text`, UTF-8 bytes, to `ids`.
  ///
  /// - Parameters:
  ///   - text: what to encode.
  ///   - addingSpecialTokens: whether the tokens that a model wants around a text, such as `[CLS]` and `[SEP]`, are added.
  ///   - ids: what is appended to.
  func encode(_ text: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool, into ids: inout [TokenID])

  /// The text of `ids`, as near to the original as the tokenizer keeps it.
  func decode(_ ids: some Sequence<TokenID>, skippingSpecialTokens: Bool) -> String

  /// A text that differs between any two tokenizers that give a text different ids: the identity of a model hashes it.
  ///
  /// The one that comes with the protocol names the type and lists the vocabulary and the limit.
  var definition: String { get }
}

extension Tokenizer {
  /// The ids of `text`.
  public func encode(_ text: String, addingSpecialTokens: Bool = false) -> [TokenID] {
    var ids: [TokenID] = []
    var text = text
    text.withUTF8 { encode($0, addingSpecialTokens: addingSpecialTokens, into: &ids) }
    return ids
  }

  /// The text of `ids`, special tokens left out.
  public func decode(_ ids: some Sequence<TokenID>) -> String { decode(ids, skippingSpecialTokens: true) }

  /// None is special.
  public func isSpecial(_ id: TokenID) -> Bool { false }

  /// The type, the limit and the vocabulary.
  public var definition: String { "\(Self.self) \(vocabularyDefinition)" }

  /// The limit and all tokens with their ids, each behind its length.
  package var vocabularyDefinition: String {
    // As bytes, since a vocabulary is long and whoever opens a collection waits for this.
    var text = Array("\(maximumLength ?? -1)".utf8)
    text.reserveCapacity(16 * vocabularySize)
    for id in 0..<TokenID(clamping: vocabularySize) {
      guard var token = token(id) else { continue }
      text.append(UInt8(ascii: " "))
      text.append(decimal: Int(id))
      text.append(UInt8(ascii: " "))
      text.append(decimal: token.utf8.count)
      text.append(UInt8(ascii: " "))
      token.withUTF8 { text += $0 }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension [UInt8] {
  /// Appends a number that is not below 0, in decimal.
  fileprivate mutating func append(decimal number: Int) {
    if number > 9 { append(decimal: number / 10) }
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}

/// A tokenizer whose tokens are pieces of bytes: any bytes can be encoded, and the tokens' bytes joined are the text
/// again. Language models have one.
public protocol LosslessTokenizer: Tokenizer {
  /// The ids that are never split, such as `<eos>`.
  var specialTokens: Set<TokenID> { get }

  /// The bytes of token `id`; nil when the vocabulary has no such id.
  func bytes(of id: TokenID) -> ArraySlice<UInt8>?

  /// The ids of `text` as nothing but text: where a special token is spelt in it, the ids of its letters.
  func encodePlain(_ text: String) -> [TokenID]
}
