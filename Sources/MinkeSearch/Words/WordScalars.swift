import MinkeCore

/// What the cut into words does with each Unicode scalar, as one table look-up.
struct WordScalars: Sendable {
  enum Kind: UInt32 {
    /// Ends a word.
    case separator
    case letter
    /// Goes on with a word, such as a vowel sign.
    case mark
    /// Left out, such as an accent.
    case ignored
    /// A letter of a script that is written without spaces.
    case spaceless
  }

  /// The kind of a scalar and what it becomes: a scalar, 0 for itself, or the place of a sequence.
  struct Entry: BitwiseCopyable, Sendable, Equatable {
    private var bits: UInt32

    init(_ kind: Kind, value: UInt32 = 0, isSequence: Bool = false) {
      bits = kind.rawValue << 24 | (isSequence ? 1 << 23 : 0) | value
    }

    var kind: Kind { Kind(rawValue: bits >> 24) ?? .separator }
    var isSequence: Bool { bits >> 23 & 1 == 1 }
    var value: UInt32 { bits & 0x1f_ffff }
  }

  static let all = WordScalars()

  private let blockNumbers: SharedBuffer<UInt8>
  private let entries: SharedBuffer<Entry>
  private let sequences: [[UInt32]]

  @inline(__always)
  subscript(scalar: UInt32) -> Entry {
    entries.pointer[Int(blockNumbers.pointer[Int(scalar >> 8)]) << 8 | Int(scalar & 0xff)]
  }

  /// The scalars that stand for one whose entry is a sequence.
  func sequence(_ entry: Entry) -> [UInt32] { sequences[Int(entry.value)] }

  private init() {
    var painter = Painter()
    WordUnicodeData.letters.forEachUnicodeItem { range, _, _ in painter.paint(range, Entry(.letter)) }
    WordUnicodeData.marks.forEachUnicodeItem { range, _, _ in painter.paint(range, Entry(.mark)) }
    WordUnicodeData.ignored.forEachUnicodeItem { range, _, _ in painter.paint(range, Entry(.ignored)) }
    WordUnicodeData.spaceless.forEachUnicodeItem { range, _, _ in
      painter.replaceLetters(range, with: Entry(.spaceless))
    }
    var sequences: [[UInt32]] = []
    WordUnicodeData.folds.forEachUnicodeItem { range, step, images in
      for scalar in stride(from: range.lowerBound, through: range.upperBound, by: step) {
        let kind = painter[scalar].kind
        if images.count == 1 {
          painter[scalar] = Entry(kind, value: images[0] + scalar - range.lowerBound)
        } else {
          painter[scalar] = Entry(kind, value: UInt32(sequences.count), isSequence: true)
          sequences.append(images)
        }
      }
    }
    WordUnicodeData.foldsToOne.forEachUnicodeItem { range, step, images in
      for scalar in stride(from: range.lowerBound, through: range.upperBound, by: step) {
        painter[scalar] = Entry(painter[scalar].kind, value: images[0])
      }
    }
    blockNumbers = SharedBuffer(painter.blockNumbers)
    entries = SharedBuffer(painter.entries)
    self.sequences = sequences
  }

  /// Fills the two-stage table. Whole blocks of one entry, such as those of Han, are shared.
  private struct Painter {
    var blockNumbers = [UInt8](repeating: 0, count: 0x1100)
    var entries = [Entry](repeating: Entry(.separator), count: 256)
    private var uniform: [(entry: Entry, block: UInt8)] = [(Entry(.separator), 0)]

    subscript(scalar: UInt32) -> Entry {
      get { entries[Int(blockNumbers[Int(scalar >> 8)]) << 8 | Int(scalar & 0xff)] }
      set {
        let block = blockNumbers[Int(scalar >> 8)]
        if let shared = uniform.first(where: { $0.block == block }) {
          if shared.entry == newValue { return }
          blockNumbers[Int(scalar >> 8)] = append(shared.entry)
        }
        entries[Int(blockNumbers[Int(scalar >> 8)]) << 8 | Int(scalar & 0xff)] = newValue
      }
    }

    mutating func paint(_ range: ClosedRange<UInt32>, _ entry: Entry) {
      var scalar = range.lowerBound
      while scalar <= range.upperBound {
        if scalar & 0xff == 0, scalar + 0xff <= range.upperBound {
          blockNumbers[Int(scalar >> 8)] = uniformBlock(entry)
          scalar += 256
        } else {
          self[scalar] = entry
          scalar += 1
        }
      }
    }

    /// The same for the letters of the range alone; marks stay what they are.
    mutating func replaceLetters(_ range: ClosedRange<UInt32>, with entry: Entry) {
      var scalar = range.lowerBound
      while scalar <= range.upperBound {
        if scalar & 0xff == 0, scalar + 0xff <= range.upperBound,
          blockNumbers[Int(scalar >> 8)] == uniformBlock(Entry(.letter))
        {
          blockNumbers[Int(scalar >> 8)] = uniformBlock(entry)
          scalar += 256
        } else {
          if self[scalar].kind == .letter { self[scalar] = entry }
          scalar += 1
        }
      }
    }

    private mutating func uniformBlock(_ entry: Entry) -> UInt8 {
      if let known = uniform.first(where: { $0.entry == entry }) { return known.block }
      let block = append(entry)
      uniform.append((entry, block))
      return block
    }

    private mutating func append(_ entry: Entry) -> UInt8 {
      entries += repeatElement(entry, count: 256)
      return UInt8(entries.count / 256 - 1)
    }
  }
}
