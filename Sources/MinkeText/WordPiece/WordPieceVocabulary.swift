import MinkeCore

/// The tokens of a WordPiece model, found by id, by whole text, and by the text that continues a word.
final class WordPieceVocabulary: Sendable {
  /// Ids above this are an error: memory is taken for every id below the largest.
  static let largestID = 1 << 24

  /// Tokens as they are read from a file, in any order.
  struct Builder {
    private(set) var bytes: [UInt8] = []
    fileprivate var tokens: [(id: TokenID, start: Int, count: Int)] = []
    fileprivate var seen: [Bool] = []
    let subject: String

    init(subject: String) { self.subject = subject }

    var count: Int { tokens.count }

    mutating func append(_ text: some Collection<UInt8>, id: Int) throws(MinkeError) {
      guard id >= 0, id <= WordPieceVocabulary.largestID else {
        throw MinkeError(
          .malformedFile, "\(subject): token \"\(String(decoding: text, as: UTF8.self))\"",
          expected: "an id from 0 to \(WordPieceVocabulary.largestID)", found: "\(id)")
      }
      if id >= seen.count { seen.append(contentsOf: repeatElement(false, count: id + 1 - seen.count)) }
      guard !seen[id] else {
        throw MinkeError(
          .malformedFile, "\(subject): token \"\(String(decoding: text, as: UTF8.self))\"",
          expected: "an id of its own", found: "\(id), which another token has")
      }
      seen[id] = true
      tokens.append((TokenID(id), bytes.count, text.count))
      bytes.append(contentsOf: text)
    }
  }

  /// One more than the largest id. Ids that no token has are allowed.
  let idCount: Int
  private let bytes: SharedBuffer<UInt8>
  private let ranges: [Range<Int>?]
  let words: TokenTable
  /// The tokens that continue a word, without their prefix.
  let continuations: TokenTable

  init(_ builder: Builder, continuingPrefix: String) throws(MinkeError) {
    let bytes = AlignedBuffer<UInt8>(zeroed: builder.bytes.count + 8)
    _ = bytes.mutablePointer.update(fromContentsOf: builder.bytes)
    let shared = SharedBuffer(bytes)
    let prefix = Array(continuingPrefix.utf8)
    var ranges = [Range<Int>?](repeating: nil, count: builder.seen.count)
    var words: [(id: TokenID, place: Range<Int>)] = []
    var continuations: [(id: TokenID, place: Range<Int>)] = []
    words.reserveCapacity(builder.tokens.count)
    for token in builder.tokens {
      let place = token.start..<token.start + token.count
      ranges[Int(token.id)] = place
      words.append((token.id, place))
      if shared.pointer[place].starts(with: prefix) {
        continuations.append((token.id, place.lowerBound + prefix.count..<place.upperBound))
      }
    }
    let duplicate = { (place: Range<Int>) in
      MinkeError(
        .malformedFile, builder.subject, expected: "each token once",
        found: "\"\(String(decoding: shared.pointer[place], as: UTF8.self))\" twice")
    }
    self.words = try TokenTable(words, in: shared, idCount: ranges.count, duplicate: duplicate)
    self.continuations = try TokenTable(continuations, in: shared, idCount: ranges.count, duplicate: duplicate)
    self.ranges = ranges
    self.bytes = shared
    idCount = ranges.count
  }

  /// The text of token `id`, as UTF-8.
  func text(_ id: TokenID) -> UnsafeBufferPointer<UInt8>? {
    guard id >= 0, id < idCount, let range = ranges[Int(id)] else { return nil }
    return UnsafeBufferPointer(rebasing: bytes.pointer[range])
  }

  func id(of token: String) -> TokenID? {
    // The table reads up to 8 bytes past the end.
    var text = Array(token.utf8)
    let count = text.count
    text.append(contentsOf: repeatElement(0, count: 8))
    return text.withUnsafeBufferPointer { text in text.baseAddress.flatMap { words.find($0, count) } }
  }
}
