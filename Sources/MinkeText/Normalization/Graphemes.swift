import MinkeCore

/// The cut of text into extended grapheme clusters (UAX #29), in the version of Unicode that the reference cuts with.
enum Graphemes {
  private enum Kind {
    static let other: UInt8 = 0
    static let control: UInt8 = 1
    static let extending: UInt8 = 2
    static let spacing: UInt8 = 3
    static let joiner: UInt8 = 4
    static let prepended: UInt8 = 5
    static let flag: UInt8 = 6
    static let leading: UInt8 = 7
    static let vowel: UInt8 = 8
    static let trailing: UInt8 = 9
    /// A Hangul syllable without and with a trailing consonant.
    static let open: UInt8 = 10
    static let closed: UInt8 = 11
    static let mask: UInt8 = 0x0f
    static let pictograph: UInt8 = 0x10
    static let consonant: UInt8 = 0x20
    static let linker: UInt8 = 0x40
    static let betweenConsonants: UInt8 = 0x80
  }

  private static let kinds = ScalarTable<UInt8>(Kind.other) { kinds in
    func paint(_ range: ClosedRange<Int>, _ kind: UInt8) { for scalar in range { kinds[scalar] = kind } }
    paint(0...0x1f, Kind.control)
    kinds[0x7f] = Kind.control
    GraphemeData.control.forEachScalar { kinds[$0] = Kind.control }
    GraphemeData.extending.forEachScalar { kinds[$0] = Kind.extending }
    GraphemeData.spacing.forEachScalar { kinds[$0] = Kind.spacing }
    GraphemeData.prepended.forEachScalar { kinds[$0] = Kind.prepended }
    kinds[0x200d] = Kind.joiner
    paint(0x1f1e6...0x1f1ff, Kind.flag)
    for range in [0x1100...0x115f, 0xa960...0xa97c] { paint(range, Kind.leading) }
    for range in [0x1160...0x11a7, 0xd7b0...0xd7c6] { paint(range, Kind.vowel) }
    for range in [0x11a8...0x11ff, 0xd7cb...0xd7fb] { paint(range, Kind.trailing) }
    for scalar in 0xac00...0xd7a3 { kinds[scalar] = (scalar - 0xac00) % 28 == 0 ? Kind.open : Kind.closed }
    GraphemeData.pictographs.forEachScalar { kinds[$0] |= Kind.pictograph }
    GraphemeData.consonants.forEachScalar { kinds[$0] |= Kind.consonant }
    GraphemeData.linkers.forEachScalar { kinds[$0] |= Kind.linker }
    GraphemeData.betweenConsonants.forEachScalar { kinds[$0] |= Kind.betweenConsonants }
  }

  /// The end of the cluster that begins at `start`, where another one ended.
  static func end(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    let kinds = kinds
    var position = start
    var scalar = text.decodeScalar(at: &position)
    var kind = kinds[scalar]
    // A pictograph and what extends it; a consonant, and whether a linker came behind it.
    var isPictograph = false
    var isJoinedPictograph = false
    var isConjunct = false
    var isLinked = false
    var flags = 0
    while position < text.count {
      let shape = kind & Kind.mask
      if kind & Kind.pictograph != 0 {
        isPictograph = true
      } else if shape == Kind.joiner {
        (isJoinedPictograph, isPictograph) = (isPictograph, false)
      } else if shape != Kind.extending {
        isPictograph = false
      }
      if kind & Kind.consonant != 0 {
        (isConjunct, isLinked) = (true, false)
      } else if isConjunct, kind & Kind.linker != 0 {
        isLinked = true
      } else if kind & (Kind.linker | Kind.betweenConsonants) == 0 {
        isConjunct = false
      }
      flags = shape == Kind.flag ? flags + 1 : 0

      var after = position
      let next = text.decodeScalar(at: &after)
      let nextKind = kinds[next]
      let nextShape = nextKind & Kind.mask
      if shape == Kind.control || nextShape == Kind.control {
        if scalar != 0x0d || next != 0x0a { return position }
      } else {
        let isJoined =
          switch nextShape {
          case Kind.extending, Kind.joiner, Kind.spacing: true
          case Kind.leading: shape == Kind.leading
          case Kind.vowel: shape == Kind.leading || shape == Kind.vowel || shape == Kind.open
          case Kind.trailing: shape >= Kind.vowel
          case Kind.open, Kind.closed: shape == Kind.leading
          case Kind.flag: flags % 2 == 1
          default: false
          }
        if !isJoined, shape != Kind.prepended, !(isConjunct && isLinked && nextKind & Kind.consonant != 0),
          !(shape == Kind.joiner && isJoinedPictograph && nextKind & Kind.pictograph != 0)
        {
          return position
        }
      }
      (scalar, kind, position) = (next, nextKind, after)
    }
    return position
  }
}
