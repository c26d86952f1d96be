/// The classes that a character is in, for patterns and pre-tokenizers.
struct CharacterClass: OptionSet, BitwiseCopyable, Hashable, Sendable {
  let rawValue: UInt16

  /// `\p{L}`
  static let letter = CharacterClass(rawValue: 1)
  /// `\p{M}`
  static let mark = CharacterClass(rawValue: 2)
  /// `\p{N}`
  static let number = CharacterClass(rawValue: 4)
  /// `\s`
  static let space = CharacterClass(rawValue: 8)
  /// What the pre-tokenizer Digits cuts out.
  static let digit = CharacterClass(rawValue: 16)
  /// What the pre-tokenizers Punctuation and BertPreTokenizer cut out.
  static let punctuation = CharacterClass(rawValue: 32)
  /// `\w` of the pre-tokenizer Whitespace.
  static let word = CharacterClass(rawValue: 64)
  /// What the normalizer StripAccents removes.
  static let accent = CharacterClass(rawValue: 128)

  static let table = ScalarTable<CharacterClass>([]) { classes in
    func mark(_ scalars: StaticString, _ these: CharacterClass) {
      scalars.forEachScalar { classes[$0].formUnion(these) }
    }
    mark(CharacterClassData.letters, [.letter, .word])
    mark(CharacterClassData.marks, [.mark, .word])
    mark(CharacterClassData.numbers, [.number, .digit])
    mark(CharacterClassData.furtherDigits, .digit)
    mark(CharacterClassData.furtherWordCharacters, .word)
    mark(CharacterClassData.accents, .accent)
    mark(BertUnicodeData.punctuation, .punctuation)
    mark(BertUnicodeData.whiteSpace, .space)
  }

  /// The class of one scalar of ASCII or beyond.
  @inline(__always)
  static func of(
    _ text: UnsafeBufferPointer<UInt8>, _ position: inout Int, _ table: ScalarTable<CharacterClass>
  ) -> CharacterClass {
    table[text.decodeScalar(at: &position)]
  }
}
