import MinkeCore

/// The content of a SpikeWhale `tokenizer.json`, checked.
struct SpikeVocabulary {
  let vocabularySize: Int
  /// Bytes of the longest token that encoding may choose.
  let longestToken: Int
  /// The bytes of the tokens in the order of their ids; token `id` ends at `ends[id]`.
  let bytes: [UInt8]
  let ends: [Int]
  let specialTokens: Set<TokenID>

  /// More ids than any tokenizer has, and few enough that a hostile size does no harm.
  private static let largestVocabulary = 1 << 24

  /// Bytes of the longest token allowed: every place of a text may be compared with all of it.
  private static let longestKey = 1000

  init(json: UnsafeRawBufferPointer, subject: String) throws {
    var entries: [(key: [UInt8], id: Int)] = []
    var hasVocabulary = false
    var longest: Int?
    var size: Int?
    var algorithm: String?
    var specialTexts: [String] = []
    try JSONReader.read(json, subject: subject) { reader in
      try reader.readObject { reader, name in
        switch name {
        case "vocab":
          hasVocabulary = true
          try reader.readObjectBytes { reader, key in
            guard let latin1 = Self.latin1(key) else {
              throw reader.error(
                "tokens of characters up to U+00FF, one a byte", found: "\"\(String(decoding: key, as: UTF8.self))\"")
            }
            entries.append((latin1, try reader.readInt()))
          }
        case "max_token_len": longest = try reader.readInt()
        case "vocab_size": size = try reader.readInt()
        case "algorithm": algorithm = try reader.readString()
        case "special_tokens": try reader.readArray { specialTexts.append(try $0.readString()) }
        default: try reader.skipValue()
        }
      }
    }
    func failure(_ expected: String, _ found: String) -> MinkeError {
      MinkeError(.malformedFile, subject, expected: expected, found: found)
    }
    guard hasVocabulary else {
      throw MinkeError(
        .unsupportedFile, subject, expected: "a SpikeWhale tokenizer with \"vocab\"", found: "no such key")
    }
    if let algorithm, algorithm != "length-max" {
      throw MinkeError(.unsupportedFile, subject, expected: "algorithm \"length-max\"", found: "\"\(algorithm)\"")
    }
    let vocabularySize = size ?? entries.count
    guard vocabularySize >= entries.count, vocabularySize <= Self.largestVocabulary else {
      throw failure(
        "a vocab_size from the \(entries.count) tokens listed to \(Self.largestVocabulary)", "\(vocabularySize)")
    }
    let longestToken = longest ?? entries.lazy.map(\.key.count).max() ?? 0
    guard longestToken > 0 else { throw failure("a max_token_len above 0", "\(longestToken)") }
    if let key = entries.lazy.map(\.key).first(where: { $0.count > Self.longestKey }) {
      throw failure("tokens of at most \(Self.longestKey) bytes", "one of \(key.count)")
    }

    var keys = [[UInt8]?](repeating: nil, count: entries.count)
    for (key, id) in entries {
      // Ids beyond the number of tokens leave another id without one.
      guard id >= 0, id < keys.count else {
        throw failure("ids 0 to \(keys.count - 1) for \(keys.count) tokens", "id \(id)")
      }
      if keys[id] != nil { throw failure("each id once", "id \(id) twice") }
      if key.isEmpty { throw failure("tokens of one byte or more", "id \(id) without any") }
      keys[id] = key
    }
    var bytes: [UInt8] = []
    var ends: [Int] = []
    var ids: [[UInt8]: TokenID] = Dictionary(minimumCapacity: keys.count)
    for (id, key) in keys.enumerated() {
      guard let key else { throw failure("a token for each id", "none for id \(id)") }
      if let other = ids.updateValue(TokenID(id), forKey: key) {
        throw failure("each token once", "the same for ids \(other) and \(id)")
      }
      bytes += key
      ends.append(bytes.count)
    }
    for byte in UInt8.min...UInt8.max where ids[[byte]] == nil {
      throw failure("a token for each of the 256 bytes", "none for byte \(byte)")
    }
    specialTokens = try Set(
      specialTexts.map { text in
        guard let id = ids[Array(text.utf8)] else { throw failure("special tokens in the vocabulary", "\"\(text)\"") }
        return id
      })
    self.vocabularySize = vocabularySize
    self.longestToken = longestToken
    self.bytes = bytes
    self.ends = ends
  }

  /// One byte for each character of UTF-8 text; nil when a character is beyond U+00FF.
  private static func latin1(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    if text.allSatisfy({ $0 < 0x80 }) { return Array(text) }
    var bytes: [UInt8] = []
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
