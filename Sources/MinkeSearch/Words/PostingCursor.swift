import MinkeCore
import MinkeKernels

/// Walks through the postings of a word, passing over groups that are not asked for.
struct PostingCursor {
  private let list: PostingList
  private let kernels = minke_words(KernelLevel.active.rawLevel).pointee
  private let lasts: AlignedBuffer<UInt32>
  private let offsets: AlignedBuffer<UInt32>
  private let ordinals = AlignedBuffer<UInt32>(uninitialized: PostingList.group)
  private let frequencies = AlignedBuffer<UInt32>(uninitialized: PostingList.group)
  /// The group that is unpacked, -1 before the first.
  private(set) var group = -1
  /// The posting of the group that was found last.
  private(set) var index = 0
  private var hasFrequencies = false

  init(_ list: PostingList) throws {
    self.list = list
    lasts = AlignedBuffer(uninitialized: list.groups)
    offsets = AlignedBuffer(uninitialized: list.groups)
    if list.isShort {
      try list.unpackShort(ordinals: ordinals.baseAddress, frequencies: frequencies.baseAddress)
      lasts.baseAddress[0] = ordinals.baseAddress[list.count - 1]
      (group, hasFrequencies) = (0, true)
    } else {
      try list.readGroups(lasts: lasts.baseAddress, offsets: offsets.baseAddress)
    }
  }

  /// Moves to the posting of a passage, no smaller than the one before; whether there is one.
  mutating func seek(_ ordinal: UInt32) throws(MinkeError) -> Bool {
    guard let next = try next(from: ordinal) else { return false }
    return next == ordinal
  }

  /// Moves to the first posting whose passage is `ordinal` or a later one, no smaller than asked for before.
  mutating func next(from ordinal: UInt32) throws(MinkeError) -> UInt32? {
    var wanted = max(0, group)
    while wanted < list.groups, lasts.baseAddress[wanted] < ordinal { wanted += 1 }
    guard wanted < list.groups else { return nil }
    if wanted != group { try unpack(wanted) }
    let size = list.size(ofGroup: group)
    index = kernels.find(ordinals.baseAddress, index, ordinal)
    guard index < size, ordinals.baseAddress[index] <= lasts.baseAddress[group] else {
      throw WordReader.malformed("postings in ascending order")
    }
    return ordinals.baseAddress[index]
  }

  private mutating func unpack(_ wanted: Int) throws(MinkeError) {
    (group, index, hasFrequencies) = (wanted, 0, false)
    try list.unpackOrdinals(
      group: wanted, offset: Int(offsets.baseAddress[wanted]),
      gapWidth: Int(list.notes[wanted * PostingList.noteBytes]),
      before: wanted == 0 ? PostingList.start : lasts.baseAddress[wanted - 1], last: lasts.baseAddress[wanted],
      into: ordinals.baseAddress)
  }

  /// The places of the posting that was found last, ascending, put into `places`.
  mutating func readPositions(_ positions: PositionList, into places: inout [UInt32]) throws(MinkeError) {
    if !hasFrequencies {
      let note = list.notes + group * PostingList.noteBytes
      list.unpackFrequencies(
        group: group, offset: Int(offsets.baseAddress[group]), gapWidth: Int(note[0]), width: Int(note[1]),
        into: frequencies.baseAddress)
      hasFrequencies = true
    }
    let size = list.size(ofGroup: group)
    var (total, first) = (0, 0)
    for posting in 0..<size {
      if posting == index { first = total }
      total += Int(frequencies.baseAddress[posting])
    }
    let steps = try positions.steps(group: group, count: size, total: total)
    places.removeAll(keepingCapacity: true)
    var place: UInt32 = 0
    for step in first..<first + Int(frequencies.baseAddress[index]) {
      place = place &+ steps[step]
      places.append(place)
    }
  }
}
