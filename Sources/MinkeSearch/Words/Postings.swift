import MinkeCore
import MinkeKernels

/// How frequencies and lengths are rounded into the bytes of a bound, so that the bound stays one.
enum BoundCode {
  /// The code of the least frequency with one that is no less; 255 stands for any.
  static func frequency(_ value: UInt32) -> UInt8 {
    if value < 16 { return UInt8(value) }
    let shift = 27 - value.leadingZeroBitCount
    let isExact = value & ((1 << UInt32(shift)) - 1) == 0
    return UInt8(clamping: 16 * shift + Int(value >> UInt32(shift)) + (isExact ? 0 : 1))
  }

  /// The code of the greatest length with one that is no more.
  static func length(_ value: UInt32) -> UInt8 {
    if value < 32 { return UInt8(value) }
    let shift = 26 - value.leadingZeroBitCount
    return UInt8(clamping: 32 * shift + Int(value >> UInt32(shift)))
  }

  static func frequency(of code: UInt8) -> Float {
    if code < 16 { return Float(code) }
    if code == 255 { return 1e30 }
    return Float(16 + code % 16) * Float(1 << (code / 16 - 1))
  }

  static func length(of code: UInt8) -> Int {
    code < 32 ? Int(code) : Int(32 + code % 32) << (Int(code) / 32 - 1)
  }
}

/// The passages that have a word, and how often: in groups of 128, packed in as few bits as the group needs.
struct PostingList: Sendable {
  /// Postings of a whole group.
  static let group = Int(MINKE_WORDS_BLOCK)
  /// Bytes that stand behind the last posting of a block, so that numbers may be read eight bytes at a time.
  static let padding = 8
  /// Bytes of what is known of a group beside its last ordinal: two widths and three bounds.
  static let noteBytes = 8
  /// What comes before the first ordinal.
  static let start = UInt32.max

  /// Passages that have the word.
  let count: Int
  let groups: Int
  private let bytes: SharedBuffer<UInt8>
  private let passages: UInt32

  /// The postings of `entry` in their block, of a segment of so many passages.
  init(_ entry: DictionaryEntry, in block: SharedBuffer<UInt8>, passages: Int) throws(MinkeError) {
    count = entry.count
    groups = (count + Self.group - 1) / Self.group
    self.passages = UInt32(passages)
    bytes = try block.part(entry.postings)
    let head = count < Self.group ? 2 : groups * (4 + Self.noteBytes)
    guard count <= passages, bytes.count >= head, bytes.count < 1 << 32 else {
      throw WordReader.malformed("the postings of \(count) passages", found: "\(bytes.count) bytes")
    }
  }

  /// Whether the list is so short that its groups have no notes.
  @inline(__always)
  var isShort: Bool { count < Self.group }

  @inline(__always)
  var base: UnsafePointer<UInt8> { bytes.pointer.baseAddress ?? Self.nothing }

  // SAFETY: an address that nobody reads from; a list has bytes.
  private nonisolated(unsafe) static let nothing = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))

  /// Notes of the groups of a list that is not short: widths of ordinals and frequencies, then codes of three pairs of a
  /// frequency and a length, no posting of the group being above all of them.
  @inline(__always)
  var notes: UnsafePointer<UInt8> { base + 4 * groups }

  @inline(__always)
  func size(ofGroup group: Int) -> Int { min(Self.group, count - group * Self.group) }

  /// Reads the last ordinal of each group and where its postings begin; checks that they fill the list.
  func readGroups(
    lasts: UnsafeMutablePointer<UInt32>, offsets: UnsafeMutablePointer<UInt32>
  ) throws(MinkeError) {
    let notes = notes
    var offset = groups * (4 + Self.noteBytes)
    var before = -1
    for group in 0..<groups {
      let last = UnsafeRawPointer(base + 4 * group).loadUnaligned(as: UInt32.self)
      let (gapWidth, width) = (Int(notes[group * Self.noteBytes]), Int(notes[group * Self.noteBytes + 1]))
      let size = size(ofGroup: group)
      guard Int(last) >= before + size, last < passages, gapWidth <= 32, width <= 32 else {
        throw WordReader.malformed("postings in ascending order")
      }
      lasts[group] = last
      offsets[group] = UInt32(truncatingIfNeeded: offset)
      before = Int(last)
      offset +=
        size == Self.group ? 16 * (gapWidth + width) : (size * gapWidth + 7) / 8 + (size * width + 7) / 8
    }
    guard offset == bytes.count else {
      throw WordReader.malformed("\(offset) bytes of postings", found: "\(bytes.count)")
    }
  }

  /// Unpacks the ordinals of a group, which has room for 128.
  ///
  /// - Parameters:
  ///   - before: the last ordinal of the group before, or ``start``.
  ///   - last: the last ordinal of the group, nil where it is not known.
  @inline(__always)
  func unpackOrdinals(
    group: Int, offset: Int, gapWidth: Int, before: UInt32, last: UInt32?, into ordinals: UnsafeMutablePointer<UInt32>
  ) throws(MinkeError) {
    let size = size(ofGroup: group)
    var ordinal = before
    if size == Self.group {
      ordinal = minke_words_unpack_ascending(base + offset, UInt32(gapWidth), before, ordinals)
    } else {
      let gaps = base + offset
      for index in 0..<size {
        ordinal = ordinal &+ gaps.packed(index, width: gapWidth) &+ 1
        ordinals[index] = ordinal
      }
    }
    guard ordinal < passages, last == nil || last == ordinal else {
      throw WordReader.malformed("postings that end with passage \(last ?? passages - 1)", found: "\(ordinal)")
    }
  }

  /// Unpacks the frequencies of a group, which has room for 128.
  @inline(__always)
  func unpackFrequencies(
    group: Int, offset: Int, gapWidth: Int, width: Int, into frequencies: UnsafeMutablePointer<UInt32>
  ) {
    let size = size(ofGroup: group)
    if size == Self.group {
      minke_words_unpack(base + offset + 16 * gapWidth, UInt32(width), frequencies)
      for index in 0..<Self.group { frequencies[index] &+= 1 }
    } else {
      let packed = base + offset + (size * gapWidth + 7) / 8
      for index in 0..<size { frequencies[index] = packed.packed(index, width: width) &+ 1 }
    }
  }

  /// One frequency of a group.
  @inline(__always)
  func frequency(_ index: Int, group: Int, offset: Int, gapWidth: Int, width: Int) -> UInt32 {
    let size = size(ofGroup: group)
    guard size == Self.group else {
      return (base + offset + (size * gapWidth + 7) / 8).packed(index, width: width) &+ 1
    }
    if width == 0 { return 1 }
    let bit = index / 4 * width
    let word = UnsafeRawPointer(base + offset + 16 * (gapWidth + bit / 32) + 4 * (index % 4))
    var value = UInt64(word.loadUnaligned(as: UInt32.self)) >> UInt64(bit % 32)
    if bit % 32 + width > 32 {
      value |= UInt64(word.loadUnaligned(fromByteOffset: 16, as: UInt32.self)) << UInt64(32 - bit % 32)
    }
    return UInt32(truncatingIfNeeded: value & (1 << UInt64(width) - 1)) &+ 1
  }

  /// Unpacks a short list into memory for 128 numbers each.
  func unpackShort(
    ordinals: UnsafeMutablePointer<UInt32>, frequencies: UnsafeMutablePointer<UInt32>
  ) throws(MinkeError) {
    let (gapWidth, width) = (Int(base[0]), Int(base[1]))
    guard gapWidth <= 32, width <= 32, bytes.count == 2 + (count * gapWidth + 7) / 8 + (count * width + 7) / 8 else {
      throw WordReader.malformed("the postings of \(count) passages", found: "\(bytes.count) bytes")
    }
    try unpackOrdinals(
      group: 0, offset: 2, gapWidth: gapWidth, before: Self.start, last: nil, into: ordinals)
    for index in 1..<count where ordinals[index] <= ordinals[index - 1] {
      throw WordReader.malformed("postings in ascending order")
    }
    unpackFrequencies(group: 0, offset: 2, gapWidth: gapWidth, width: width, into: frequencies)
  }

  /// All postings.
  func unpacked() throws(MinkeError) -> (ordinals: [UInt32], frequencies: [UInt32]) {
    let room = groups * Self.group
    let ordinals = AlignedBuffer<UInt32>(uninitialized: room)
    let frequencies = AlignedBuffer<UInt32>(uninitialized: room)
    if isShort {
      try unpackShort(ordinals: ordinals.baseAddress, frequencies: frequencies.baseAddress)
    } else {
      let lasts = AlignedBuffer<UInt32>(uninitialized: groups)
      let offsets = AlignedBuffer<UInt32>(uninitialized: groups)
      try readGroups(lasts: lasts.baseAddress, offsets: offsets.baseAddress)
      for group in 0..<groups {
        let note = notes + group * Self.noteBytes
        let (offset, start) = (Int(offsets.baseAddress[group]), group * Self.group)
        try unpackOrdinals(
          group: group, offset: offset, gapWidth: Int(note[0]),
          before: group == 0 ? Self.start : lasts.baseAddress[group - 1], last: lasts.baseAddress[group],
          into: ordinals.baseAddress + start)
        unpackFrequencies(
          group: group, offset: offset, gapWidth: Int(note[0]), width: Int(note[1]),
          into: frequencies.baseAddress + start)
      }
      for index in 1..<count where ordinals.baseAddress[index] <= ordinals.baseAddress[index - 1] {
        throw WordReader.malformed("postings in ascending order")
      }
    }
    return (Array(ordinals.pointer[..<count]), Array(frequencies.pointer[..<count]))
  }
}

/// Where in each passage a word occurs, group by group like the postings; the first place and then the steps to the next.
struct PositionList: Sendable {
  private let bytes: SharedBuffer<UInt8>
  private let groups: Int
  private let isShort: Bool

  /// The positions of `entry` in their block.
  init(_ entry: DictionaryEntry, in block: SharedBuffer<UInt8>) throws(MinkeError) {
    bytes = try block.part(entry.positions)
    groups = (entry.count + PostingList.group - 1) / PostingList.group
    isShort = entry.count < PostingList.group
    guard bytes.count >= (isShort ? 1 : 5 * groups) else {
      throw WordReader.malformed("positions in \(groups) groups", found: "\(bytes.count) bytes")
    }
  }

  /// The steps of all postings of a group, of which there are `count`, `total` positions together.
  func steps(group: Int, count: Int, total: Int) throws(MinkeError) -> Steps {
    guard let base = bytes.pointer.baseAddress else { throw WordReader.malformed("positions", found: "none") }
    let width = Int(isShort ? base[0] : base[4 * groups + group])
    let start =
      isShort ? 1 : 5 * groups + Int(UnsafeRawPointer(base + 4 * group).loadUnaligned(as: UInt32.self))
    // Only passages with one position each can do without bits: no memory would bound the positions otherwise.
    guard width <= 32, width > 0 ? total <= bytes.count * 8 : total == count,
      start + (total * width + 7) / 8 <= bytes.count
    else { throw WordReader.malformed("\(total) positions in \(bytes.count) bytes", found: "fewer") }
    return Steps(bytes: bytes, start: start, width: width)
  }

  struct Steps {
    private let bytes: SharedBuffer<UInt8>
    private let start: Int
    private let width: Int

    fileprivate init(bytes: SharedBuffer<UInt8>, start: Int, width: Int) {
      (self.bytes, self.start, self.width) = (bytes, start, width)
    }

    /// Step `index` of the group.
    @inline(__always)
    subscript(index: Int) -> UInt32 {
      guard let base = bytes.pointer.baseAddress else { return 0 }
      return (base + start).packed(index, width: width)
    }
  }
}

extension SharedBuffer<UInt8> {
  /// What lies at `place`, behind which there must be padding.
  fileprivate func part(_ place: DictionaryEntry.Place) throws(MinkeError) -> SharedBuffer<UInt8> {
    guard place.offset + place.length + PostingList.padding <= count, place.length > 0 else {
      throw WordReader.malformed("\(place.length) bytes at \(place.offset)", found: "a block of \(count)")
    }
    return SharedBuffer(
      UnsafeRawBufferPointer(
        rebasing: UnsafeRawBufferPointer(pointer)[
          place.offset..<place.offset + place.length]), within: self)
  }
}

extension UnsafePointer<UInt8> {
  /// The number of `width` bits, at most 32, at place `index` of numbers that lie close together; eight bytes are read.
  @inline(__always)
  func packed(_ index: Int, width: Int) -> UInt32 {
    let bit = index * width
    let word = UnsafeRawPointer(self + bit >> 3).loadUnaligned(as: UInt64.self)
    return UInt32(truncatingIfNeeded: word >> UInt64(bit & 7) & (1 << UInt64(width) - 1))
  }
}
