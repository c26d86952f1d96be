import MinkeCore

/// The tokens of a model, found by id, by whole text, and by the text that continues a word.
final class TokenVocabulary: Sendable {
  /// Ids above this are an error: memory is taken for every id below the largest.
  static let largestID = 1 << 24

  /// Tokens as they are read from a file, in any order.
  struct Builder {
    fileprivate var bytes: [UInt8] = []
    fileprivate var tokens: [TokenTable.Token] = []
    fileprivate var idCount = 0
    let subject: String

    init(subject: String) { self.subject = subject }

    mutating func append(_ text: some Collection<UInt8>, id: Int) throws(MinkeError) {
      guard id >= 0, id <= TokenVocabulary.largestID, bytes.count <= Int(Int32.max) - text.count else {
        throw MinkeError(
          .malformedFile, "\(subject): token \"\(String(decoding: text, as: UTF8.self))\"",
          expected: "an id from 0 to \(TokenVocabulary.largestID)", found: "\(id)")
      }
      tokens.append(TokenTable.Token(id: TokenID(id), start: UInt32(bytes.count), count: UInt32(text.count)))
      bytes.append(contentsOf: text)
      idCount = max(idCount, id + 1)
    }
  }

  /// The tokens' texts, with 8 bytes more at the end.
  private let bytes: SharedBuffer<UInt8>
  /// The token of each id; ids that no token has are allowed.
  private let tokens: [TokenTable.Token?]
  let words: TokenTable
  /// The tokens that continue a word, without their prefix; all tokens where there is no prefix.
  let continuations: TokenTable

  /// - Parameter continuingPrefix: what marks the tokens that continue a word; empty where nothing does.
  init(_ builder: Builder, continuingPrefix: String) throws(MinkeError) {
    let buffer = AlignedBuffer<UInt8>(zeroed: builder.bytes.count + 8)
    _ = buffer.mutablePointer.update(fromContentsOf: builder.bytes)
    let bytes = SharedBuffer(buffer)
    let prefix = Array(continuingPrefix.utf8)
    let text = { (token: TokenTable.Token) in String(decoding: bytes.pointer[token.place], as: UTF8.self) }
    var tokens = [TokenTable.Token?](repeating: nil, count: builder.idCount)
    var continuations: [TokenTable.Token] = []
    for token in builder.tokens {
      guard tokens[Int(token.id)] == nil else {
        throw MinkeError(
          .malformedFile, "\(builder.subject): token \"\(text(token))\"", expected: "an id of its own",
          found: "\(token.id), which another token has")
      }
      tokens[Int(token.id)] = token
      if token.count >= prefix.count, prefix.indices.allSatisfy({ bytes[token.place.lowerBound + $0] == prefix[$0] }) {
        continuations.append(token.dropping(prefix.count))
      }
    }
    let duplicate = { (token: TokenTable.Token) in
      MinkeError(.malformedFile, builder.subject, expected: "each token once", found: "\"\(text(token))\" twice")
    }
    words = try TokenTable(builder.tokens, in: bytes, idCount: builder.idCount, duplicate: duplicate)
    self.continuations =
      prefix.isEmpty
      ? words : try TokenTable(continuations, in: bytes, idCount: builder.idCount, duplicate: duplicate)
    self.tokens = tokens
    self.bytes = bytes
  }

  /// One more than the largest id.
  var idCount: Int { tokens.count }

  /// The text of token `id`, as UTF-8.
  func text(_ id: TokenID) -> UnsafeBufferPointer<UInt8>? {
    guard id >= 0, id < idCount, let token = tokens[Int(id)] else { return nil }
    return UnsafeBufferPointer(rebasing: bytes.pointer[token.place])
  }

  func id(of token: String) -> TokenID? { id(of: Array(token.utf8)) }

  func id(of token: [UInt8]) -> TokenID? {
    // The table reads up to 8 bytes past the end.
    var text = token
    text.append(contentsOf: repeatElement(0, count: 8))
    return text.withUnsafeBufferPointer { text in text.baseAddress.flatMap { words.lookup.find($0, token.count) } }
  }

  /// A table of what `text` makes of the tokens' texts, without those that it gives nil for. It must give no text twice.
  func table(_ text: (UnsafeBufferPointer<UInt8>) -> [UInt8]?) throws(MinkeError) -> TokenTable {
    var bytes: [UInt8] = []
    var changed: [TokenTable.Token] = []
    for token in tokens {
      guard let token, let text = text(UnsafeBufferPointer(rebasing: self.bytes.pointer[token.place])) else { continue }
      changed.append(TokenTable.Token(id: token.id, start: UInt32(bytes.count), count: UInt32(text.count)))
      bytes += text
    }
    bytes.append(contentsOf: repeatElement(0, count: 8))
    return try TokenTable(changed, in: SharedBuffer(bytes), idCount: idCount) { token in
      MinkeError(.malformedFile, "vocabulary", expected: "each token once", found: "token \(token.id) twice")
    }
  }
}
