import MinkeCore

/// The unigram language model of SentencePiece: of all ways to cut a word into tokens the one whose scores add up to the
/// most.
///
/// Time is that of the text times the longest token at most.
final class UnigramModel: WordModel {
  /// Tokens with their scores, in the order of their ids.
  struct Pieces: Sendable {
    fileprivate var bytes: [UInt8] = []
    fileprivate var ends: [Int] = [0]
    fileprivate var scores: [Double] = []

    init() {}

    mutating func append(_ text: [UInt8], score: Double) {
      bytes += text
      ends.append(bytes.count)
      scores.append(score)
    }

    var count: Int { scores.count }
  }

  private let pieces: Pieces
  private let trie: ByteTrie
  let unknown: TokenID
  /// The score of a character that is no token.
  private let unknownScore: Double
  private let scores: SharedBuffer<Double>
  /// The tokens `<0x00>` to `<0xFF>` that stand for the bytes of unknown characters, or -1; empty where none do.
  private let fallbackTokens: SharedBuffer<TokenID>

  /// - Throws: `MinkeError` when `unknown` is no id of `pieces`.
  init(_ pieces: Pieces, unknown: Int, fallsBackToBytes: Bool, subject: String) throws(MinkeError) {
    guard (0..<pieces.count).contains(unknown) else {
      throw MinkeError(
        .malformedFile, "\(subject): unk_id", expected: "an id of the vocabulary", found: "\(unknown)")
    }
    self.pieces = pieces
    self.unknown = TokenID(unknown)
    // The reference takes 10 from the least score.
    unknownScore = (pieces.scores.min() ?? 0) - 10
    scores = SharedBuffer(pieces.scores)
    // Of two pieces with the same text the last counts.
    let trie = ByteTrie(
      (0..<pieces.count).lazy.filter { pieces.ends[$0] < pieces.ends[$0 + 1] }
        .map { (bytes: pieces.bytes[pieces.ends[$0]..<pieces.ends[$0 + 1]], value: Int32($0)) })
    self.trie = trie
    let fallback = (0..<256).map { byte in
      Array(ByteAlphabet.fallback(UInt8(byte))).withUnsafeBufferPointer { trie.value(of: $0) ?? -1 }
    }
    fallbackTokens = SharedBuffer(fallsBackToBytes ? fallback : [])
  }

  var count: Int { pieces.count }

  /// The text of token `id`, as UTF-8.
  func text(_ id: TokenID) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < pieces.count else { return nil }
    return pieces.bytes[pieces.ends[Int(id)]..<pieces.ends[Int(id) + 1]]
  }

  func id(of token: [UInt8]) -> TokenID? { token.withUnsafeBufferPointer { trie.value(of: $0) } }

  /// What the ids of a text depend on beside the tokens.
  var definition: String {
    let bits = pieces.scores.map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
    return "unigram \(unknown) \(fallbackTokens.count) \(bits)"
  }

  /// The best way to cut what ends at a place.
  private struct Node: BitwiseCopyable {
    var score: Double
    /// Where its last token begins; -1 while nothing ends here.
    var start: Int32
    var id: TokenID
  }

  func append(_ word: UnsafeBufferPointer<UInt8>, _ room: WordRoom, into ids: inout [TokenID]) {
    let count = word.count
    guard count > 0 else { return }
    let nodes = room.room(count + 1, of: Node.self)
    let scores = scores.pointer
    let none = Node(score: 0, start: -1, id: 0)
    for index in 0...count { nodes[index] = none }
    withExtendedLifetime(self) {
      var start = 0
      while start < count {
        let score = nodes[start].score
        var next = start
        _ = word.decodeScalar(at: &next)
        var isKnown = false
        trie.forEachPrefix(of: UnsafeBufferPointer(rebasing: word[start...])) { length, id in
          let end = start + length
          let sum = scores[Int(id)] + score
          if nodes[end].start < 0 || sum > nodes[end].score {
            nodes[end] = Node(score: sum, start: Int32(truncatingIfNeeded: start), id: id)
          }
          if end == next { isKnown = true }
        }
        if !isKnown {
          let sum = unknownScore + score
          if nodes[next].start < 0 || sum > nodes[next].score {
            nodes[next] = Node(score: sum, start: Int32(truncatingIfNeeded: start), id: unknown)
          }
        }
        start = next
      }
      // Backwards; unknown characters in a row are one token.
      let first = ids.count
      var end = count
      while end > 0 {
        let node = nodes[end]
        var start = Int(node.start)
        if node.id == unknown {
          while start > 0, nodes[start].id == unknown { start = Int(nodes[start].start) }
          appendUnknown(UnsafeBufferPointer(rebasing: word[start..<end]), to: &ids)
        } else {
          ids.append(node.id)
        }
        end = start
      }
      ids[first...].reverse()
    }
  }

  /// Appends the tokens of unknown characters, the last first.
  private func appendUnknown(_ text: UnsafeBufferPointer<UInt8>, to ids: inout [TokenID]) {
    if let id = trie.value(of: text) {
      ids.append(id)
    } else if fallbackTokens.count > 0, text.allSatisfy({ fallbackTokens[Int($0)] >= 0 }) {
      for byte in text.reversed() { ids.append(fallbackTokens[Int(byte)]) }
    } else {
      ids.append(unknown)
    }
  }
}
