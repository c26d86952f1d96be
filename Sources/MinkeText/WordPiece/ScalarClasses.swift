import MinkeCore

/// What normalization and the cut into words do with each Unicode scalar, as one table look-up.
struct ScalarClasses: Sendable {
  /// The class of one scalar in 32 bits: the kind, a combining class, and a scalar or the place of a sequence.
  struct Entry: BitwiseCopyable, Sendable, Equatable {
    enum Kind: UInt32 {
      /// Part of a word.
      case word
      /// A token of its own.
      case isolated
      /// White space between words.
      case space
      /// Removed.
      case dropped
      /// Replaced by several scalars, or by none.
      case sequence
      /// A Hangul syllable, replaced by its letters.
      case hangul
      /// Part of a word, to be put in canonical order with the nonstarters around it.
      case nonstarter
    }
    private let bits: UInt32

    /// - Parameter value: the scalar that stands for the classified one, 0 for itself; or a sequence's place.
    init(_ kind: Kind, value: UInt32 = 0, combiningClass: UInt32 = 0) {
      bits = kind.rawValue << 29 | combiningClass << 21 | value
    }

    var kind: Kind { Kind(rawValue: bits >> 29) ?? .word }
    var value: UInt32 { bits & 0x1f_ffff }
    var combiningClass: UInt32 { bits >> 21 & 0xff }
  }

  /// The table's memory without its owner, valid as long as the table.
  // SAFETY of @unchecked: what the pointers lead to is never written after the table is made.
  struct Lookup: @unchecked Sendable {
    /// The number of the block that holds the entries of 256 scalars.
    fileprivate let blockNumbers: UnsafePointer<UInt16>
    fileprivate let entries: UnsafePointer<Entry>

    subscript(scalar: UInt32) -> Entry {
      entries[Int(blockNumbers[Int(scalar >> 8)]) << 8 | Int(scalar & 0xff)]
    }
  }

  private static let blockSize = 256
  let lookup: Lookup
  private let owners: (SharedBuffer<UInt16>, SharedBuffer<Entry>)
  private let sequences: [[Entry]]

  func sequence(_ entry: Entry) -> [Entry] { sequences[Int(entry.value)] }

  /// The class of every scalar under `normalization`.
  init(_ normalization: BertNormalization) {
    var painter = Painter()
    painter.paint(BertUnicodeData.punctuation, Entry(.isolated))
    painter.paint(BertUnicodeData.whiteSpace, Entry(.space))
    if normalization.stripsAccents {
      let nothing = painter.sequence([])
      painter.paint(BertUnicodeData.strippedNonstarters, Entry(.dropped))
      painter.paint(BertUnicodeData.strippedStarters, nothing)
      painter.paint(0xac00...0xd7a3, Entry(.hangul))
      BertUnicodeData.keptNonstarters.forEachUnicodeItem { range, _, images in
        painter.paint(range, Entry(.nonstarter, combiningClass: images.first ?? 0))
      }
    }
    if normalization.lowercases {
      BertUnicodeData.lowercase.forEachUnicodeItem { range, step, images in
        guard let image = images.first else { return }
        for scalar in stride(from: range.lowerBound, through: range.upperBound, by: step) {
          painter[scalar] = painter.image(image &+ scalar &- range.lowerBound)
        }
      }
      // The one scalar whose lower case is two: a letter and a combining dot above.
      if !normalization.stripsAccents {
        painter[0x130] = painter.sequence([Entry(.word, value: 0x69), Entry(.word, value: 0x307)])
      }
    }
    if normalization.stripsAccents {
      BertUnicodeData.stripped.forEachUnicodeItem { range, _, images in
        let parts = images.map { painter.image($0) }
        painter[range.lowerBound] = parts.count == 1 ? parts[0] : painter.sequence(parts)
      }
    }
    if normalization.separatesChinese {
      BertUnicodeData.chinese.forEachUnicodeItem { range, _, _ in painter.isolate(range) }
    }
    if normalization.cleansText {
      painter.paint(BertUnicodeData.dropped, Entry(.dropped))
    }
    let blockNumbers = AlignedBuffer<UInt16>(uninitialized: painter.blockNumbers.count)
    _ = blockNumbers.mutablePointer.initialize(fromContentsOf: painter.blockNumbers)
    let entries = AlignedBuffer<Entry>(uninitialized: painter.entries.count)
    _ = entries.mutablePointer.initialize(fromContentsOf: painter.entries)
    lookup = Lookup(blockNumbers: blockNumbers.baseAddress, entries: entries.baseAddress)
    owners = (SharedBuffer(blockNumbers), SharedBuffer(entries))
    sequences = painter.sequences
  }

  static func isChinese(_ scalar: UInt32) -> Bool {
    var found = false
    BertUnicodeData.chinese.forEachUnicodeItem { range, _, _ in found = found || range.contains(scalar) }
    return found
  }

  /// Fills the two-stage table; blocks whose entries are all alike are shared.
  private struct Painter {
    var blockNumbers = [UInt16](repeating: 0, count: 0x11_0000 / blockSize)
    var entries = [Entry](repeating: Entry(.word), count: blockSize)
    var sequences: [[Entry]] = []
    private var shared: Set<UInt16> = [0]

    subscript(scalar: UInt32) -> Entry {
      get { entries[Int(blockNumbers[Int(scalar >> 8)]) << 8 | Int(scalar & 0xff)] }
      set {
        let index = Int(scalar >> 8)
        var block = blockNumbers[index]
        if shared.contains(block) {
          let first = Int(block) << 8
          block = append(Array(entries[first..<first + blockSize]))
          blockNumbers[index] = block
        }
        entries[Int(block) << 8 | Int(scalar & 0xff)] = newValue
      }
    }

    /// The entry of a scalar that becomes `scalar`: the class is that of the image.
    func image(_ scalar: UInt32) -> Entry {
      let entry = self[scalar]
      guard entry.value == 0, entry.kind != .sequence else { return entry }
      return Entry(entry.kind, value: scalar, combiningClass: entry.combiningClass)
    }

    mutating func sequence(_ parts: [Entry]) -> Entry {
      sequences.append(parts)
      return Entry(.sequence, value: UInt32(sequences.count - 1))
    }

    mutating func paint(_ ranges: StaticString, _ entry: Entry) {
      ranges.forEachUnicodeItem { range, _, _ in paint(range, entry) }
    }

    mutating func paint(_ range: ClosedRange<UInt32>, _ entry: Entry) {
      replace(range) { _ in entry }
    }

    /// Makes tokens of their own of what are parts of words in `range`.
    mutating func isolate(_ range: ClosedRange<UInt32>) {
      replace(range) { $0.kind == .word ? Entry(.isolated, value: $0.value) : $0 }
    }

    private mutating func replace(_ range: ClosedRange<UInt32>, with change: (Entry) -> Entry) {
      var scalar = range.lowerBound
      var changed: [UInt16: UInt16] = [:]
      while scalar <= range.upperBound {
        let block = blockNumbers[Int(scalar >> 8)]
        if scalar & 0xff == 0, scalar + 255 <= range.upperBound, shared.contains(block) {
          let number: UInt16
          if let known = changed[block] {
            number = known
          } else {
            let first = Int(block) << 8
            number = append(entries[first..<first + blockSize].map(change))
            shared.insert(number)
            changed[block] = number
          }
          blockNumbers[Int(scalar >> 8)] = number
          scalar += 256
        } else {
          self[scalar] = change(self[scalar])
          scalar += 1
        }
      }
    }

    private mutating func append(_ block: [Entry]) -> UInt16 {
      entries += block
      return UInt16(entries.count / blockSize - 1)
    }
  }
}
