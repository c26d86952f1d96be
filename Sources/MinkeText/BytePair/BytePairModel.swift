import MinkeCore

/// Byte pair encoding: a word is the tokens of its characters, of which pairs are merged, the pair that was learned first
/// before all others, until none is left that was learned.
final class BytePairModel: WordModel {
  /// What a file says of a model beside its tokens.
  struct Settings: Sendable {
    var unknown: TokenID?
    /// Whether unknown characters in a row are one unknown token.
    var fusesUnknown = false
    /// Whether a word that is a token is that token, whatever the merges give.
    var ignoresMerges = false
    /// What stands before the text of a character that continues a word, and behind that of the last one.
    var continuingPrefix: [UInt8] = []
    var endSuffix: [UInt8] = []
    /// Whether words are bytes and tokens stand for bytes, see ``ByteAlphabet``.
    var isByteLevel = false
  }

  let vocabulary: TokenVocabulary
  let merges: MergeTable
  let settings: Settings
  /// Whole words that are tokens, where those count before the merges.
  private let wholeWords: TokenTable?
  /// The tokens of single bytes, or -1: of the first in a word, of one within, of the last and of the only one.
  private let byteTokens: SharedBuffer<TokenID>
  /// The tokens `<0x00>` to `<0xFF>` that stand for the bytes of unknown characters, or -1; empty where none do.
  private let fallbackTokens: SharedBuffer<TokenID>
  /// Whether every byte of byte-level text has a token.
  let knowsAllBytes: Bool

  /// - Parameter fallsBackToBytes: whether unknown characters are the tokens of their bytes, where the vocabulary has them.
  init(
    _ vocabulary: TokenVocabulary, merges: MergeTable, settings: Settings, fallsBackToBytes: Bool
  ) throws(MinkeError) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.settings = settings
    var places: [TokenID] = []
    for place in 0..<4 {
      for byte in 0..<256 {
        var text = settings.isByteLevel ? ByteAlphabet.text(UInt8(byte)) : [UInt8(byte)]
        if place == 1 || place == 2 { text = settings.continuingPrefix + text }
        if place >= 2 { text += settings.endSuffix }
        places.append(settings.isByteLevel || byte < 0x80 ? vocabulary.id(of: text) ?? -1 : -1)
      }
    }
    byteTokens = SharedBuffer(places)
    knowsAllBytes = settings.isByteLevel && !places.contains(-1)
    fallbackTokens = SharedBuffer(
      fallsBackToBytes ? (0..<256).map { vocabulary.id(of: Array(ByteAlphabet.fallback(UInt8($0)))) ?? -1 } : [])
    wholeWords =
      settings.ignoresMerges
      ? settings.isByteLevel ? try vocabulary.table { ByteAlphabet.bytes($0) } : vocabulary.words : nil
  }

  func append(_ word: UnsafeBufferPointer<UInt8>, _ room: WordRoom, into ids: inout [TokenID]) {
    guard let bytes = word.baseAddress, word.count > 0 else { return }
    if let wholeWords, let id = wholeWords.lookup.find(bytes, word.count) { return ids.append(id) }
    withExtendedLifetime(self) {
      // A character is one symbol, or one for each byte of its text where it is unknown.
      let most = word.count * (2 + settings.continuingPrefix.count) + settings.endSuffix.count
      let symbols = room.room(most * MergeTable.roomPerSymbol, of: TokenID.self)
      let count =
        settings.isByteLevel && knowsAllBytes ? byteSymbols(of: word, symbols) : self.symbols(of: word, symbols)
      if count < 2 {
        if count == 1 { ids.append(symbols[0]) }
        return
      }
      let left = count <= 32 ? merges.mergeShort(symbols, count) : merges.mergeLong(symbols, count)
      ids.append(contentsOf: UnsafeBufferPointer(start: symbols, count: left))
    }
  }

  /// Writes the tokens of the bytes of `word`, all of which have one.
  @inline(__always)
  private func byteSymbols(of word: UnsafeBufferPointer<UInt8>, _ symbols: UnsafeMutablePointer<TokenID>) -> Int {
    let tokens = byteTokens.pointer
    let last = word.count - 1
    for index in 0...last {
      let place = index == 0 ? (last == 0 ? 3 : 0) : index == last ? 2 : 1
      symbols[index] = tokens[place << 8 | Int(word[index])]
    }
    return word.count
  }

  /// Writes the tokens of the characters of `word` before any is merged, and returns their number.
  private func symbols(of word: UnsafeBufferPointer<UInt8>, _ symbols: UnsafeMutablePointer<TokenID>) -> Int {
    guard let bytes = word.baseAddress else { return 0 }
    let tokens = byteTokens.pointer
    var count = 0
    var position = 0
    // One that waits, since the next may be fused with it.
    var unknown: TokenID?
    func add(_ id: TokenID) {
      symbols[count] = id
      count += 1
    }
    var text: [UInt8] = []
    let isBare = settings.continuingPrefix.isEmpty && settings.endSuffix.isEmpty
    while position < word.count {
      let start = position
      if settings.isByteLevel { position += 1 } else { _ = word.decodeScalar(at: &position) }
      let (isFirst, isLast) = (start == 0, position == word.count)
      var id: TokenID?
      if position == start + 1 {
        let known = tokens[(isFirst ? (isLast ? 3 : 0) : isLast ? 2 : 1) << 8 | Int(word[start])]
        if known >= 0 { id = known }
      } else if isBare {
        id = vocabulary.words.lookup.find(bytes + start, position - start)
      } else {
        text.removeAll(keepingCapacity: true)
        if !isFirst { text += settings.continuingPrefix }
        text += word[start..<position]
        if isLast { text += settings.endSuffix }
        id = vocabulary.id(of: text)
      }
      if let id {
        if let waiting = unknown { add(waiting) }
        unknown = nil
        add(id)
        continue
      }
      if fallbackTokens.count > 0 {
        text.removeAll(keepingCapacity: true)
        if !isFirst { text += settings.continuingPrefix }
        text += settings.isByteLevel ? ByteAlphabet.text(word[start]) : Array(word[start..<position])
        if isLast { text += settings.endSuffix }
        if text.allSatisfy({ fallbackTokens[Int($0)] >= 0 }) {
          // An unknown token that waits goes on waiting: so it does in the reference.
          for byte in text { add(fallbackTokens[Int(byte)]) }
          continue
        }
      }
      guard let own = settings.unknown else { continue }
      if let waiting = unknown, !settings.fusesUnknown { add(waiting) }
      unknown = own
    }
    if let unknown { add(unknown) }
    return count
  }
}

/// The characters that stand for bytes in byte-level vocabularies: those that print for themselves, all others, in order,
/// for the characters from U+0100 on.
enum ByteAlphabet {
  private static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: return UInt32(byte)
      default:
        next += 1
        return next - 1
      }
    }
  }()

  private static let values: [UInt32: UInt8] = Dictionary(
    uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })

  /// The character of a byte in UTF-8.
  static func text(_ byte: UInt8) -> [UInt8] {
    let scalar = scalars[Int(byte)]
    return scalar < 0x80 ? [UInt8(scalar)] : [UInt8(0xc0 | scalar >> 6), UInt8(0x80 | scalar & 0x3f)]
  }

  /// The bytes that `text` stands for; nil where one of its characters stands for none.
  static func bytes(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      guard let byte = values[text.decodeScalar(at: &position)] else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// The text of the token for a byte of an unknown character, such as `<0x0A>`.
  static func fallback(_ byte: UInt8) -> String.UTF8View {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x\(digits.count < 2 ? "0" : "")\(digits)>".utf8
  }
}
