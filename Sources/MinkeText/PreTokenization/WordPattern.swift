/// The regular expressions that cut text into words for byte-level models, all of one build: contractions, letters,
/// numbers, other signs, white space, each perhaps with a character before it. Every character is part of a word.
///
/// They are followed by hand: one look at each character finds what an engine for expressions would find by trying.
struct WordPattern: BitwiseCopyable, Equatable, Sendable {
  /// Whether a word may begin with any character but a letter, a number or a line break; else only with a space, and then
  /// numbers may, too, and line breaks are white space like any other.
  var isModern: Bool
  /// Whether marks are parts of words as letters are.
  var takesMarks = false
  /// Digits of the longest number.
  var longestNumber = Int.max

  static let gpt2 = WordPattern(isModern: false)

  /// The patterns as they stand in files. Those of tiktoken say the same in other words.
  static let known: [String: WordPattern] = [
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: gpt2,
    #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: gpt2,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      WordPattern(isModern: true, longestNumber: 3),
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#:
      WordPattern(isModern: true, longestNumber: 3),
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      WordPattern(isModern: true, longestNumber: 1),
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      WordPattern(isModern: true, takesMarks: true, longestNumber: 1),
  ]

  /// The end of the word that begins at `start`.
  func end(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, _ classes: ScalarTable<CharacterClass>
  ) -> Int {
    let first = text[start]
    if first == UInt8(ascii: "'"), let end = contractionEnd(in: text, from: start) { return end }
    let letters: CharacterClass = takesMarks ? [.letter, .mark] : .letter
    var next = start
    let kind = classes[text.decodeScalar(at: &next)]
    if !kind.isDisjoint(with: letters) { return end(of: letters, in: text, from: next, classes) }
    // A space, or what else may stand before a word, and what the word is then.
    if next < text.count {
      var after = next
      let second = classes[text.decodeScalar(at: &after)]
      if isModern {
        if !second.isDisjoint(with: letters), first != 0x0a, first != 0x0d, !kind.contains(.number) {
          return end(of: letters, in: text, from: after, classes)
        }
      } else if first == 0x20, !second.isDisjoint(with: [.letter, .number]) {
        return end(of: second.contains(.letter) ? .letter : .number, in: text, from: after, classes)
      }
      if first == 0x20, isSign(second) { return endOfSigns(in: text, from: after, classes) }
    }
    if kind.contains(.number) {
      if longestNumber == .max { return end(of: .number, in: text, from: next, classes) }
      var position = next
      for _ in 1..<max(1, longestNumber) where position < text.count {
        var after = position
        guard classes[text.decodeScalar(at: &after)].contains(.number) else { break }
        position = after
      }
      return position
    }
    return isSign(kind) ? endOfSigns(in: text, from: next, classes) : endOfSpace(in: text, from: start, classes)
  }

  /// What is neither space, letter nor number.
  @inline(__always)
  private func isSign(_ kind: CharacterClass) -> Bool {
    kind.isDisjoint(with: takesMarks ? [.space, .letter, .mark, .number] : [.space, .letter, .number])
  }

  @inline(__always)
  private func end(
    of class: CharacterClass, in text: UnsafeBufferPointer<UInt8>, from start: Int,
    _ classes: ScalarTable<CharacterClass>
  ) -> Int {
    var position = start
    while position < text.count {
      var next = position
      if classes[text.decodeScalar(at: &next)].isDisjoint(with: `class`) { break }
      position = next
    }
    return position
  }

  private func endOfSigns(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, _ classes: ScalarTable<CharacterClass>
  ) -> Int {
    var position = start
    while position < text.count {
      var next = position
      guard isSign(classes[text.decodeScalar(at: &next)]) else { break }
      position = next
    }
    if isModern {
      while position < text.count, text[position] == 0x0a || text[position] == 0x0d { position += 1 }
    }
    return position
  }

  /// White space up to its last line break where those count; else all of it but the last, which goes with the word
  /// behind it, unless it is all there is.
  private func endOfSpace(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, _ classes: ScalarTable<CharacterClass>
  ) -> Int {
    var position = start
    var last = start
    var lineEnd: Int?
    while position < text.count {
      var next = position
      guard classes[text.decodeScalar(at: &next)].contains(.space) else { break }
      if text[position] == 0x0a || text[position] == 0x0d { lineEnd = next }
      (last, position) = (position, next)
    }
    if isModern, let lineEnd { return lineEnd }
    return position == text.count || last == start ? position : last
  }

  /// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at an apostrophe.
  private func contractionEnd(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    func letter(_ position: Int) -> UInt8 {
      guard position < text.count else { return 0 }
      let byte = text[position]
      return isModern && byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
    let second = letter(start + 2)
    switch letter(start + 1) {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"): return second == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"): return second == UInt8(ascii: "l") ? start + 3 : nil
    // The long s, whose other case is S.
    case 0xc5 where isModern && second == 0xbf: return start + 3
    default: return nil
    }
  }
}
