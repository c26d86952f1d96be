import MinkeCore

/// Normalizes a text, cuts it into words and appends the ids of their pieces, in one pass.
///
/// Time is linear in the text, memory does not grow with it: a word that is too long is counted and not kept.
///
/// Fenced here: `text` is read only below its count, `word` has room for the longest word kept and 16 bytes more, and
/// ``scan(_:model:rules:limit:into:)`` keeps the tables alive.
struct WordPieceScanner {
  private let words: TokenTable.Lookup
  private let continuations: TokenTable.Lookup
  private let unknown: TokenID
  private let maximumCharacters: Int
  /// Not held: the threads would take turns at its reference count for each text.
  private unowned(unsafe) let rules: WordRules
  private let kindsOfBytes: WordRules.Lookup
  private let text: UnsafeBufferPointer<UInt8>

  /// The word being put together outside the fast path.
  private let word: UnsafeMutablePointer<UInt8>
  private var wordLength = 0
  private var wordCharacters = 0
  private var classes: ScalarClasses.Lookup?

  /// Appends the ids of `text` to `ids`, and stops early once there are `limit` of them in all.
  static func scan(
    _ text: UnsafeBufferPointer<UInt8>, model: WordPieceModel, rules: WordRules, limit: Int, into ids: inout [TokenID]
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: model.maximumCharacters * 4 + 16) { room in
      guard let word = room.baseAddress else { return }
      // The scanner holds memory of both without owning it.
      withExtendedLifetime(model) {
        withExtendedLifetime(rules) {
          var scanner = WordPieceScanner(text, model: model, rules: rules, word: word)
          scanner.run(limit: limit, into: &ids)
        }
      }
    }
  }

  private init(
    _ text: UnsafeBufferPointer<UInt8>, model: WordPieceModel, rules: WordRules, word: UnsafeMutablePointer<UInt8>
  ) {
    words = model.vocabulary.words.lookup
    continuations = model.vocabulary.continuations.lookup
    unknown = model.unknown
    maximumCharacters = model.maximumCharacters
    self.rules = rules
    kindsOfBytes = rules.lookup
    self.text = text
    self.word = word
  }

  private mutating func run(limit: Int, into ids: inout [TokenID]) {
    let (kinds, isolatedIDs) = (kindsOfBytes.kinds, kindsOfBytes.isolatedIDs)
    guard let bytes = text.baseAddress else { return }
    let count = text.count
    let lowering: UInt64 = rules.normalization.lowercases ? .max : 0
    let shortWord = min(maximumCharacters, 16)
    var position = 0
    while position < count, ids.count < limit {
      let byte = bytes[position]
      let kind = kinds[Int(byte)]
      if kind == WordRules.Byte.space || kind == WordRules.Byte.dropped {
        position += 1
        continue
      }
      if kind == WordRules.Byte.isolated {
        ids.append(isolatedIDs[Int(byte)])
        position += 1
        continue
      }
      if kind == WordRules.Byte.word {
        var (low, length) = Self.letters(bytes, position, count, lowering)
        var high: UInt64 = 0
        if length == 8 {
          let more: Int
          (high, more) = Self.letters(bytes, position + 8, count, lowering)
          length += more
        }
        if length > 0, length <= shortWord, ends(at: position + length, bytes, kinds) {
          position += length
          if length <= 8, let id = words.find(word: low, length) {
            ids.append(id)
            continue
          }
          let room = UnsafeMutableRawPointer(word)
          room.storeBytes(of: low.littleEndian, as: UInt64.self)
          room.storeBytes(of: high.littleEndian, toByteOffset: 8, as: UInt64.self)
          appendPieces(of: length, triedWhole: length <= 8, to: &ids)
          continue
        }
      }
      position = readWord(at: position, bytes, kinds, into: &ids)
    }
  }

  /// The letters and digits of ASCII at `position`, at most 8, lowest byte first and zero above; and their number.
  @inline(__always)
  private static func letters(
    _ bytes: UnsafePointer<UInt8>, _ position: Int, _ count: Int, _ lowering: UInt64
  ) -> (UInt64, Int) {
    var word: UInt64
    if position + 8 <= count {
      word = UInt64(littleEndian: UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self))
    } else {
      word = 0
      var index = count - 1
      while index >= position {
        word = word << 8 | UInt64(bytes[index])
        index -= 1
      }
    }
    // Bytewise comparisons: adding 0x80 - x sets the top bit of a byte below 0x80 that is at least x.
    let tops: UInt64 = 0x8080_8080_8080_8080
    let ones: UInt64 = 0x0101_0101_0101_0101
    let plain = word & ~tops
    let folded = plain | ones &* 0x20
    let letters = (folded &+ ones &* (0x80 - 0x61)) & ~(folded &+ ones &* (0x80 - 0x7b))
    let digits = (plain &+ ones &* (0x80 - 0x30)) & ~(plain &+ ones &* (0x80 - 0x3a))
    let others = ~(letters | digits) & tops | word & tops
    let length = others.trailingZeroBitCount >> 3
    word |= (letters & tops) >> 2 & lowering
    if length < 8 { word &= 1 << UInt64(8 * length) &- 1 }
    return (word, length)
  }

  /// Whether a word that reaches `position` ends there.
  @inline(__always)
  private mutating func ends(
    at position: Int, _ bytes: UnsafePointer<UInt8>, _ kinds: UnsafePointer<UInt8>
  ) -> Bool {
    guard position < text.count else { return true }
    switch kinds[Int(bytes[position])] {
    case WordRules.Byte.space, WordRules.Byte.isolated: return true
    case WordRules.Byte.multibyte: return endsAtScalar(position)
    default: return false
    }
  }

  private mutating func endsAtScalar(_ position: Int) -> Bool {
    var position = position
    let kind = entry(of: text.decodeScalar(at: &position)).kind
    return kind == .space || kind == .isolated
  }

  private mutating func entry(of scalar: UInt32) -> ScalarClasses.Entry {
    if let classes { return classes[scalar] }
    let classes = rules.scalarClasses.lookup
    self.classes = classes
    return classes[scalar]
  }

  // MARK: The careful path

  /// Reads scalar by scalar until a word has ended, and returns the place behind it.
  private mutating func readWord(
    at start: Int, _ bytes: UnsafePointer<UInt8>, _ kinds: UnsafePointer<UInt8>, into ids: inout [TokenID]
  ) -> Int {
    var position = start
    while position < text.count {
      let byte = bytes[position]
      switch kinds[Int(byte)] {
      case WordRules.Byte.word:
        let upper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") && rules.normalization.lowercases
        appendToWord(UInt32(upper ? byte | 0x20 : byte))
        position += 1
      case WordRules.Byte.dropped:
        position += 1
      case WordRules.Byte.multibyte:
        let scalar = text.decodeScalar(at: &position)
        if handle(entry(of: scalar), of: scalar, next: &position, into: &ids) { return position }
      default:
        endWord(into: &ids)
        return position
      }
    }
    endWord(into: &ids)
    return position
  }

  /// Does with a scalar what its class says; true when a word ended.
  private mutating func handle(
    _ entry: ScalarClasses.Entry, of scalar: UInt32, next position: inout Int, into ids: inout [TokenID]
  ) -> Bool {
    switch entry.kind {
    case .word:
      appendToWord(entry.value == 0 ? scalar : entry.value)
    case .isolated:
      endWord(into: &ids)
      appendToWord(entry.value == 0 ? scalar : entry.value)
      endWord(into: &ids)
      return true
    case .space:
      endWord(into: &ids)
      return true
    case .dropped: break
    case .hangul:
      let index = scalar - 0xac00
      appendToWord(0x1100 + index / 588)
      appendToWord(0x1161 + index % 588 / 28)
      if index % 28 > 0 { appendToWord(0x11a7 + index % 28) }
    case .sequence:
      var ended = false
      var nonstarters: [ScalarClasses.Entry] = []
      for part in rules.scalarClasses.sequence(entry) {
        if part.kind == .nonstarter {
          nonstarters.append(part)
        } else {
          ended = handle(part, of: part.value, next: &position, into: &ids) || ended
        }
      }
      if !nonstarters.isEmpty { appendInOrder(nonstarters, next: &position) }
      return ended
    case .nonstarter:
      let first = ScalarClasses.Entry(.nonstarter, value: scalar, combiningClass: entry.combiningClass)
      appendInOrder([first], next: &position)
    }
    return false
  }

  /// Appends nonstarters and those that follow in the text, sorted by combining class as canonical order wants it.
  private mutating func appendInOrder(_ first: [ScalarClasses.Entry], next position: inout Int) {
    var run = first
    while position < text.count {
      var after = position
      let scalar = text.decodeScalar(at: &after)
      let entry = entry(of: scalar)
      if entry.kind == .nonstarter {
        // A word of too many characters is the unknown token, whatever their order.
        if run.count <= maximumCharacters {
          run.append(ScalarClasses.Entry(.nonstarter, value: scalar, combiningClass: entry.combiningClass))
        }
      } else if entry.kind != .dropped {
        break
      }
      position = after
    }
    // Swift's sort is stable.
    for entry in run.sorted(by: { $0.combiningClass < $1.combiningClass }) { appendToWord(entry.value) }
  }

  @inline(__always)
  private mutating func appendToWord(_ scalar: UInt32) {
    wordCharacters += 1
    guard wordCharacters <= maximumCharacters else { return }
    wordLength += UTF8.write(scalar, to: word + wordLength)
  }

  private mutating func endWord(into ids: inout [TokenID]) {
    if wordCharacters > maximumCharacters {
      ids.append(unknown)
    } else if wordLength > 0 {
      appendPieces(of: wordLength, triedWhole: false, to: &ids)
    }
    wordLength = 0
    wordCharacters = 0
  }

  // MARK: Pieces

  /// Appends the ids of the word of `length` bytes in `word`: itself, or its longest pieces from the left, or unknown.
  private func appendPieces(of length: Int, triedWhole: Bool, to ids: inout [TokenID]) {
    if !triedWhole, let id = words.find(word, length) {
      ids.append(id)
      return
    }
    guard var piece = words.longestPrefix(word, length) else {
      ids.append(unknown)
      return
    }
    let first = ids.count
    var position = 0
    while true {
      ids.append(piece.id)
      position += piece.length
      if position == length { return }
      guard let next = continuations.longestPrefix(word + position, length - position) else {
        ids.removeSubrange(first...)
        ids.append(unknown)
        return
      }
      piece = next
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The scalar at `position`, which moves behind it; U+FFFD for each maximal part of bytes that are not UTF-8.
  @inline(__always)
  func decodeScalar(at position: inout Int) -> UInt32 {
    let first = UInt32(self[position])
    position += 1
    if first < 0x80 { return first }
    // The range of the second byte excludes overlong forms, surrogates and what is above U+10FFFF.
    let following: Int
    var lower: UInt8 = 0x80
    var upper: UInt8 = 0xbf
    var scalar: UInt32
    switch first {
    case 0xc2...0xdf: (following, scalar) = (1, first & 0x1f)
    case 0xe0...0xef:
      (following, scalar) = (2, first & 0x0f)
      if first == 0xe0 { lower = 0xa0 }
      if first == 0xed { upper = 0x9f }
    case 0xf0...0xf4:
      (following, scalar) = (3, first & 0x07)
      if first == 0xf0 { lower = 0x90 }
      if first == 0xf4 { upper = 0x8f }
    default: return 0xfffd
    }
    for _ in 0..<following {
      guard position < count, self[position] >= lower, self[position] <= upper else { return 0xfffd }
      scalar = scalar << 6 | UInt32(self[position] & 0x3f)
      position += 1
      (lower, upper) = (0x80, 0xbf)
    }
    return scalar
  }
}

extension UTF8 {
  /// Writes `scalar` to `place`, 1 to 4 bytes, and returns their number.
  @inline(__always)
  static func write(_ scalar: UInt32, to place: UnsafeMutablePointer<UInt8>) -> Int {
    switch scalar {
    case ..<0x80:
      place[0] = UInt8(truncatingIfNeeded: scalar)
      return 1
    case ..<0x800:
      place[0] = UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6)
      place[1] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f)
      return 2
    case ..<0x1_0000:
      place[0] = UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12)
      place[1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3f)
      place[2] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f)
      return 3
    default:
      place[0] = UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18)
      place[1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3f)
      place[2] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3f)
      place[3] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f)
      return 4
    }
  }
}
