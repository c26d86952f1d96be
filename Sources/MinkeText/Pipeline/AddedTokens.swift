import MinkeCore

/// A token that is found in the text before it is cut into words.
package struct AddedToken: Sendable {
  package var id: TokenID
  package var content: String
  /// Whether it is found only where no letter or digit stands beside it.
  package var singleWord: Bool
  /// Whether it takes the white space before it along.
  package var stripsLeft: Bool
  /// Whether it takes the white space after it along.
  package var stripsRight: Bool
  /// Whether it is looked for in the normalized text.
  package var normalized: Bool
  /// Whether decoding leaves it out.
  package var special: Bool

  package init(
    id: TokenID, content: String, singleWord: Bool = false, stripsLeft: Bool = false, stripsRight: Bool = false,
    normalized: Bool = false, special: Bool = false
  ) {
    self.id = id
    self.content = content
    self.singleWord = singleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.normalized = normalized
    self.special = special
  }
}

/// Finds added tokens in a text: from the left, the longest at each place, in time linear in the text.
struct AddedTokenMatcher: Sendable {
  /// The tokens by the numbers that ``trie`` gives their texts.
  private var tokens: [AddedToken] = []
  private let trie: ByteTrie
  private var starts = [Bool](repeating: false, count: 256)
  /// The first byte of all texts, where they have the same.
  private let commonStart: UInt8?

  var isEmpty: Bool { tokens.isEmpty }

  /// A matcher of `tokens`; of two with the same text the special one counts, else the first.
  init(_ tokens: [(bytes: [UInt8], token: AddedToken)]) {
    var keys: [(bytes: ArraySlice<UInt8>, value: Int32)] = []
    var known: Set<[UInt8]> = []
    for (bytes, token) in tokens.filter(\.token.special) + tokens.filter({ !$0.token.special }) {
      guard let first = bytes.first, known.insert(bytes).inserted else { continue }
      keys.append((bytes[...], Int32(self.tokens.count)))
      self.tokens.append(token)
      starts[Int(first)] = true
    }
    trie = ByteTrie(keys)
    commonStart = starts.count(where: \.self) == 1 ? starts.firstIndex(of: true).map(UInt8.init) : nil
  }

  /// Calls `piece` for the parts of `text` in order: `nil` for text between added tokens, an id for an added token.
  func split(
    _ text: UnsafeBufferPointer<UInt8>, _ piece: (UnsafeBufferPointer<UInt8>, TokenID?) -> Void
  ) {
    guard !isEmpty else { return piece(text, nil) }
    var done = 0
    var position = 0
    // The white space that was last looked through: tokens in it need not look again.
    var space = 0..<0
    starts.withUnsafeBufferPointer { starts in
      while position < text.count {
        if let commonStart {
          position = text.firstIndex(of: commonStart, from: position)
          if position == text.count { break }
        }
        guard starts[Int(text[position])] else {
          position += 1
          continue
        }
        let match = trie.longestPrefix(of: UnsafeBufferPointer(rebasing: text[position...]))
        guard match.length > 0 else {
          position += 1
          continue
        }
        let end = position + match.length
        defer { position = end }
        let token = tokens[Int(match.value)]
        if token.singleWord, Self.isWord(text.scalar(before: position)) || Self.isWord(text.scalar(after: end)) {
          continue
        }
        var (first, last) = (position, end)
        if token.stripsLeft {
          while first > done, let scalar = text.scalar(before: first), scalar.properties.isWhitespace {
            first -= UTF8.width(scalar)
          }
          first = max(first, done)
        }
        if token.stripsRight {
          if end < space.lowerBound || end > space.upperBound {
            while let scalar = text.scalar(after: last), scalar.properties.isWhitespace { last += UTF8.width(scalar) }
            space = end..<last
          }
          last = space.upperBound
        }
        // Where a token before took the white space along, one of white space still counts, unless it strips on its left:
        // then nothing is left of it.
        if first < last {
          if done < first { piece(UnsafeBufferPointer(rebasing: text[done..<first]), nil) }
          piece(UnsafeBufferPointer(rebasing: text[position..<end]), token.id)
        }
        done = last
      }
    }
    if done < text.count { piece(UnsafeBufferPointer(rebasing: text[done...]), nil) }
  }

  /// Whether the reference's `\w` takes the scalar.
  private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
    scalar.map { CharacterClass.table[$0.value].contains(.word) } ?? false
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The place of the first `byte` at or behind `start`; `count` if there is none.
  fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int {
    var position = start
    let ones: UInt64 = 0x0101_0101_0101_0101
    let pattern = ones &* UInt64(byte)
    while position + 8 <= count {
      let differences =
        UInt64(littleEndian: UnsafeRawBufferPointer(self).loadUnaligned(fromByteOffset: position, as: UInt64.self))
        ^ pattern
      // The lowest bit set marks the first byte that is zero.
      let zeros = (differences &- ones) & ~differences & (ones &* 0x80)
      if zeros != 0 { return position + zeros.trailingZeroBitCount / 8 }
      position += 8
    }
    while position < count, self[position] != byte { position += 1 }
    return position
  }

  fileprivate func scalar(after position: Int) -> Unicode.Scalar? {
    guard position < count else { return nil }
    var position = position
    return Unicode.Scalar(decodeScalar(at: &position))
  }

  /// The scalar that ends before `position`; nil at the start and after bytes that are not UTF-8.
  fileprivate func scalar(before position: Int) -> Unicode.Scalar? {
    var start = position - 1
    while start > 0, start > position - 4, self[start] & 0xc0 == 0x80 { start -= 1 }
    guard start >= 0 else { return nil }
    var end = start
    let scalar = decodeScalar(at: &end)
    return end == position ? Unicode.Scalar(scalar) : nil
  }
}
