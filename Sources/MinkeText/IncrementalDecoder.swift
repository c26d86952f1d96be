/// Turns tokens into text one at a time and holds back a character whose last bytes have not come yet.
///
/// All that it gives, joined, is what decoding all tokens at once gives.
public struct IncrementalDecoder: Sendable {
  private let tokenizer: any LosslessTokenizer
  private let skippingSpecialTokens: Bool
  private var pending: [UInt8] = []

  /// A decoder that has seen no tokens; special tokens have no text unless asked for.
  public init(_ tokenizer: any LosslessTokenizer, skippingSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    self.skippingSpecialTokens = skippingSpecialTokens
  }

  /// The text that token `id` completes, perhaps none.
  public mutating func append(_ id: TokenID) -> String {
    if skippingSpecialTokens, tokenizer.specialTokens.contains(id) { return "" }
    pending += tokenizer.bytes(of: id) ?? []
    let complete = pending.count - Self.unfinishedByteCount(at: pending)
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// What was held back, no more tokens being to come.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end are the beginning of a character that may still become whole.
  private static func unfinishedByteCount(at bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let tail = bytes[(bytes.count - length)...]
      guard let lead = tail.first, lead & 0xc0 != 0x80 else { continue }
      let needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
      if needed <= length { return 0 }
      // Some second bytes make the beginning hopeless already: overlong forms, surrogates, beyond U+10FFFF.
      let completions: [UInt8] = [0x80, 0x90, 0xa0, 0xbf]
      let filler = needed - length
      let mayBecomeWhole = completions.contains { next in
        let candidate = tail + [next] + [UInt8](repeating: 0x80, count: filler - 1)
        return String(validating: candidate, as: UTF8.self) != nil
      }
      return mayBecomeWhole ? length : 0
    }
    return 0
  }
}
