import MinkeCore
import MinkeText

/// Learns which tokens a ``SpikeTokenizer`` shall have, for texts like those that were counted.
///
/// Pieces of words that occur often are found by byte-pair encoding, more of them than are wanted. That tokenizer takes the
/// longest token that fits, whatever it was made of, so the pieces that it would miss least are dropped: those without
/// which the texts would have the fewest tokens more.
package struct LengthMaxVocabulary: Sendable {
  /// Bytes of the longest token, as in the published vocabulary.
  package static let longestToken = 24
  /// Before the bytes, in this order.
  package static let controls = ["<pad>", "<unk>", "<bos>", "<eos>"]
  /// Behind all others, in this order; never split.
  package static let specials = [
    "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<begin_solution>", "<end_solution>", "<tool_call>",
    "</tool_call>", "<tool_response>", "</tool_response>", "<|system|>", "<|user|>", "<|assistant|>",
    "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endoftext|>",
  ]
  /// The tokens that every vocabulary has.
  package static let fixedCount = controls.count + 256 + specials.count

  /// Candidates for one token that is kept.
  private static let surplus = 2.0
  /// The share of what is too much that goes in one round.
  private static let roundShare = 0.25
  /// Parts of some texts whose words are counted at once.
  private static let shares = 16

  /// The tokens that were learnt, the most used first.
  package let learned: [[UInt8]]
  /// The texts' bytes divided by the tokens that they are with this vocabulary.
  package let bytesPerToken: Double
  /// Tokens in all.
  package var count: Int { Self.fixedCount + learned.count }

  /// Learns from the texts that `selection` takes.
  ///
  /// - Parameters:
  ///   - size: tokens in all, with the bytes and the special tokens that are always there.
  ///   - progress: hears of texts read; how many there are is not known.
  /// - Throws: `MinkeError` when a file cannot be read or a line is malformed; as ``init(_:size:)``.
  package init(of selection: DataSelection, size: Int, progress: ProgressHandler? = nil) throws {
    try Self.check(size)
    var words = WordCounts()
    var textCount = 0
    try TextPiece.forEach(of: selection) { pieces in
      let share = (pieces.count + Self.shares - 1) / Self.shares
      let parts = try Workers.map(count: Self.shares, grain: 1) { part in
        var words = WordCounts()
        for piece in pieces[min(pieces.count, part * share)..<min(pieces.count, (part + 1) * share)] {
          for text in piece.texts { text.withUnsafeBufferPointer { words.add($0) } }
        }
        return words
      }
      for part in parts { words.add(part) }
      textCount += pieces.count
      progress?(textCount, 0)
    }
    try self.init(words, size: size)
  }

  /// - Throws: `MinkeError` when the size is too small for any token to be learnt, or the texts do not give so many.
  init(_ words: WordCounts, size: Int) throws(MinkeError) {
    try Self.check(size)
    let wanted = size - Self.fixedCount
    var merging = PairMerging(words)
    merging.grow(to: 256 + Int(Double(wanted) * Self.surplus), longest: Self.longestToken)
    let fixed = Set((Self.controls + Self.specials).map { Array($0.utf8) })
    var tokens = merging.symbols.dropFirst(256).filter { !fixed.contains($0) }
    guard tokens.count >= wanted else {
      throw MinkeError(
        .invalidArgument, "size", expected: "at most \(Self.fixedCount + tokens.count), the tokens that the texts give",
        found: "\(size)")
    }
    while tokens.count > wanted {
      let worth = Self.worth(of: tokens, in: words).tokens
      let order = tokens.indices.sorted {
        worth[$0].spared != worth[$1].spared
          ? worth[$0].spared > worth[$1].spared : tokens[$0].lexicographicallyPrecedes(tokens[$1])
      }
      let surplus = tokens.count - wanted
      let dropped = surplus < 32 ? surplus : Int(Double(surplus) * Self.roundShare)
      tokens = order.dropLast(dropped).map { tokens[$0] }
    }
    let (worth, total) = Self.worth(of: tokens, in: words)
    bytesPerToken = Double(words.words.reduce(0) { $0 + $1.length * $1.count }) / Double(max(1, total))
    learned = tokens.indices.sorted {
      worth[$0].uses != worth[$1].uses
        ? worth[$0].uses > worth[$1].uses : tokens[$0].lexicographicallyPrecedes(tokens[$1])
    }.map { tokens[$0] }
  }

  private static func check(_ size: Int) throws(MinkeError) {
    guard (fixedCount + 1...1 << 20).contains(size) else {
      throw MinkeError(
        .invalidArgument, "size",
        expected: "from \(fixedCount + 1), one more than the bytes and the special tokens, to \(1 << 20)",
        found: "\(size)")
    }
  }

  /// For each token how often it is taken, and how many tokens more there would be without it; and how many there are.
  private static func worth(
    of tokens: [[UInt8]], in words: WordCounts
  ) -> (tokens: [(uses: Int, spared: Int)], total: Int) {
    let keys =
      (0..<256).map { (bytes: [UInt8($0)][...], value: TokenID($0)) }
      + tokens.enumerated().map { (bytes: $1[...], value: TokenID(256 + $0)) }
    let trie = ByteTrie(keys)
    var uses = [Int](repeating: 0, count: keys.count)
    words.bytes.withUnsafeBufferPointer { bytes in
      for word in words.words {
        trie.forEachLongest(of: UnsafeBufferPointer(rebasing: bytes[word.start..<word.start + word.length])) {
          uses[Int($0)] += word.count
        }
      }
    }
    let worth = tokens.indices.map { index in
      let uses = uses[256 + index]
      // Without the token its place is taken by the longest that it begins with, and by what fits behind.
      let pieces = tokens[index].withUnsafeBufferPointer { token in
        let first = trie.longestPrefix(of: UnsafeBufferPointer(rebasing: token.dropLast())).length
        var pieces = 1
        trie.forEachLongest(of: UnsafeBufferPointer(rebasing: token[first...])) { _ in pieces += 1 }
        return pieces
      }
      return (uses: uses, spared: uses * (pieces - 1))
    }
    return (worth, uses.reduce(0, +))
  }

  /// The `tokenizer.json` that ``SpikeTokenizer`` reads.
  package var json: JSONValue {
    var vocabulary: [String: JSONValue] = [:]
    for (id, token) in Self.controls.enumerated() { vocabulary[token] = .integer(id) }
    for byte in UInt8.min...UInt8.max { vocabulary[Self.latin1([byte])] = .integer(Self.controls.count + Int(byte)) }
    for (index, token) in (learned.map(Self.latin1) + Self.specials).enumerated() {
      vocabulary[token] = .integer(Self.controls.count + 256 + index)
    }
    return [
      "algorithm": "length-max", "max_token_len": .integer(Self.longestToken), "vocab_size": .integer(count),
      "vocab": .object(vocabulary), "special_tokens": .array(Self.specials.map { .string($0) }),
    ]
  }

  /// A character for each byte.
  private static func latin1(_ bytes: [UInt8]) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }
}

extension ByteTrie {
  /// Calls `body` with the value of the longest key that fits, from place to place of `bytes`; every byte must be a key.
  fileprivate func forEachLongest(of bytes: UnsafeBufferPointer<UInt8>, _ body: (TokenID) -> Void) {
    var position = 0
    while position < bytes.count {
      let match = longestPrefix(of: UnsafeBufferPointer(rebasing: bytes[position...]))
      body(match.value)
      position += max(1, match.length)
    }
  }
}
