import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The tokenizer of SpikeWhale models: at each place the longest token that fits, over bytes.
///
/// Any bytes can be encoded and come back the same. Special tokens, such as `<|im_end|>`, are found first and never
/// split; no token crosses their ends. Nothing is normalised and nothing is added.
///
/// Its file is JSON of its own kind: `vocab` gives each token, a string with one Latin-1 character a byte, its id.
public struct SpikeTokenizer: LosslessTokenizer {
  /// What the file says: one more than the largest id a model with this tokenizer has a row for.
  public let vocabularySize: Int
  /// The ids that are never split, such as `<eos>` and `<|im_end|>`.
  public let specialTokens: Set<TokenID>
  public private(set) var maximumLength: Int?

  /// The tokens' bytes one after the other; token `id` ends at `ends[id]`.
  private let bytes: [UInt8]
  private let ends: [Int]
  /// Bytes of the longest token that encoding may choose.
  private let longestToken: Int
  private let tokens: ByteTrie
  private let specials: ByteTrie
  /// Whether a special token begins with a byte.
  private let specialStarts: [Bool]

  /// `<pad>`, `<unk>`, `<bos>` and `<eos>` are special without being listed.
  private static let alwaysSpecial = 0..<4

  /// Reads the `tokenizer.json` at `url`.
  ///
  /// - Throws: `MinkeError` when the file is not of this kind, an id is missing or stands twice, or a byte has no
  ///   token.
  public init(contentsOf url: URL) throws {
    let file = try MappedFile(url)
    try self.init(json: file.bytes, named: file.path)
  }

  /// Reads the text of a `tokenizer.json`; `name` stands for the file in error texts.
  ///
  /// - Throws: `MinkeError` when the text is not of this kind, an id is missing or stands twice, or a byte has no
  ///   token.
  public init(json: UnsafeRawBufferPointer, named name: String) throws {
    let file = try SpikeVocabulary(json: json, subject: name)
    vocabularySize = file.vocabularySize
    bytes = file.bytes
    ends = file.ends
    longestToken = file.longestToken
    let keys = file.ends.indices.map { id in
      (bytes: file.bytes[(id == 0 ? 0 : file.ends[id - 1])..<file.ends[id]], value: TokenID(id))
    }
    // A single byte must stay a token of plain text, whatever else it is.
    let atomic = keys.filter {
      $0.bytes.count > 1 && (file.specialTokens.contains($0.value) || Self.alwaysSpecial.contains(Int($0.value)))
    }
    let special = Set(atomic.map(\.value))
    specialTokens = special
    tokens = ByteTrie(keys.filter { $0.bytes.count <= file.longestToken && !special.contains($0.value) })
    specials = ByteTrie(atomic)
    var starts = [Bool](repeating: false, count: 256)
    for key in atomic { if let first = key.bytes.first { starts[Int(first)] = true } }
    specialStarts = starts
  }

  /// The bytes of token `id`; nil when the vocabulary has no such id.
  public func bytes(of id: TokenID) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < ends.count else { return nil }
    return bytes[(id == 0 ? 0 : ends[Int(id) - 1])..<ends[Int(id)]]
  }

  public func truncating(to maximumLength: Int?) -> SpikeTokenizer {
    var copy = self
    copy.maximumLength = maximumLength
    return copy
  }

  public func isSpecial(_ id: TokenID) -> Bool { specialTokens.contains(id) }

  public var definition: String {
    let text = bytes.withUnsafeBytes { BLAKE2b.hash($0, length: 32) }
    return "length-max \(longestToken) \(maximumLength ?? -1) \(text) \(ends) \(specialTokens.sorted())"
  }

  /// The text of token `id`, with U+FFFD where its bytes are not whole characters.
  public func token(_ id: TokenID) -> String? { bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }

  public func id(of token: String) -> TokenID? {
    var token = token
    return token.withUTF8 { text in
      for trie in [specials, tokens] {
        let match = trie.longestPrefix(of: text)
        if match.length == text.count, match.length > 0 { return match.value }
      }
      return nil
    }
  }

  public func encode(_ text: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool, into ids: inout [TokenID]) {
    let first = ids.count
    let limit = maximumLength.map { first + $0 } ?? .max
    specialStarts.withUnsafeBufferPointer { starts in
      var pieceStart = 0
      var position = 0
      while position < text.count, ids.count < limit {
        guard starts[Int(text[position])] else {
          position += 1
          continue
        }
        let special = specials.longestPrefix(of: UnsafeBufferPointer(rebasing: text[position...]))
        guard special.length > 0 else {
          position += 1
          continue
        }
        encodePiece(UnsafeBufferPointer(rebasing: text[pieceStart..<position]), limit: limit, into: &ids)
        ids.append(special.value)
        position += special.length
        pieceStart = position
      }
      encodePiece(UnsafeBufferPointer(rebasing: text[pieceStart...]), limit: limit, into: &ids)
    }
    if ids.count > limit { ids.removeSubrange(limit...) }
  }

  /// The ids of `text` as nothing but text: where a special token is spelt in it, the ids of its letters.
  public func encodePlain(_ text: String) -> [TokenID] {
    var ids: [TokenID] = []
    var text = text
    text.withUTF8 { encodePiece($0, limit: .max, into: &ids) }
    return ids
  }

  private func encodePiece(_ piece: UnsafeBufferPointer<UInt8>, limit: Int, into ids: inout [TokenID]) {
    var position = 0
    while position < piece.count, ids.count < limit {
      let match = tokens.longestPrefix(of: UnsafeBufferPointer(rebasing: piece[position...]))
      ids.append(match.value)
      // Every byte is a token, so the match is never empty.
      position += max(1, match.length)
    }
  }

  /// The text of `ids`, with U+FFFD where their bytes are not UTF-8. Ids without a token have no text.
  public func decode(_ ids: some Sequence<TokenID>, skippingSpecialTokens: Bool) -> String {
    var text: [UInt8] = []
    for id in ids where !(skippingSpecialTokens && specialTokens.contains(id)) { text += bytes(of: id) ?? [] }
    return String(decoding: text, as: UTF8.self)
  }
}
