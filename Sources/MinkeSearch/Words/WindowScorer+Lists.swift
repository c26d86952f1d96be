import MinkeCore
import MinkeKernels

extension WindowScorer {
  /// Whether a list is unpacked whole: the word is so rare that groups would reach over windows.
  static func isFlat(_ list: PostingList, _ windows: Int) -> Bool {
    list.isShort || list.groups * PostingList.group <= windows * flat
  }

  /// Unpacks and scores all postings of a list.
  func prepareFlat(_ term: Term, _ part: borrowing Part) throws {
    let list = term.list
    if list.isShort {
      try list.unpackShort(ordinals: term.lasts, frequencies: frequencies.baseAddress)
      score(term, 0..<list.count, part)
    } else {
      let lasts = AlignedBuffer<UInt32>(uninitialized: list.groups)
      let offsets = AlignedBuffer<UInt32>(uninitialized: list.groups)
      try list.readGroups(lasts: lasts.baseAddress, offsets: offsets.baseAddress)
      for group in 0..<list.groups {
        let note = list.notes + group * PostingList.noteBytes
        let (offset, start) = (Int(offsets.baseAddress[group]), group * PostingList.group)
        try list.unpackOrdinals(
          group: group, offset: offset, gapWidth: Int(note[0]),
          before: group == 0 ? PostingList.start : lasts.baseAddress[group - 1], last: lasts.baseAddress[group],
          into: term.lasts + start)
        list.unpackFrequencies(
          group: group, offset: offset, gapWidth: Int(note[0]), width: Int(note[1]), into: frequencies.baseAddress)
        score(term, start..<start + list.size(ofGroup: group), part)
      }
    }
    term.windowBounds.update(repeating: 0, count: part.windows)
    var window = 0
    var before: UInt32 = 0
    for index in 0..<list.count {
      let ordinal = term.lasts[index]
      guard ordinal >= before, ordinal < part.segment.count else {
        throw WordReader.malformed("postings in ascending order")
      }
      before = ordinal + 1
      let own = Int(ordinal) / Self.window
      while window <= own {
        term.firsts[window] = UInt32(index)
        window += 1
      }
      term.windowBounds[own] = max(term.windowBounds[own], term.bounds[index])
    }
    while window <= part.windows {
      term.firsts[window] = UInt32(list.count)
      window += 1
    }
  }

  /// Scores the postings of a flat list at `range`, whose frequencies are in scratch memory.
  private func score(_ term: Term, _ range: Range<Int>, _ part: borrowing Part) {
    let lengths = part.lengths
    let ordinals = term.lasts + range.lowerBound
    let first = Int(ordinals[0]) / PassageLengths.blockLengths * PassageLengths.blockLengths
    let size = min(PassageLengths.blockLengths, part.segment.count - first)
    if first < part.segment.count, Int(ordinals[range.count - 1]) - first < size,
      let base = lengths.pointer(from: first)
    {
      withUnsafePointer(to: scale.kernel) { kernel in
        minke_words_scores(
          ordinals, frequencies.baseAddress, range.count, UInt32(first), UInt32(size), base, UInt32(lengths.width),
          kernel, term.weight, term.bounds + range.lowerBound)
      }
      return
    }
    for index in range {
      let ordinal = min(Int(term.lasts[index]), part.segment.count - 1)
      term.bounds[index] = scale.score(
        frequencies.baseAddress[index - range.lowerBound], length: lengths[ordinal], weight: term.weight)
    }
  }

  /// Finds the bounds of the groups and windows of a list.
  func prepare(_ term: Term, _ part: borrowing Part) throws {
    let groups = term.list.groups
    try term.list.readGroups(lasts: term.lasts, offsets: term.offsets)
    minke_words_bounds(
      term.list.notes, groups, scale.codeFrequencies.baseAddress, scale.codeNorms.baseAddress, term.weight,
      term.bounds)
    term.windowBounds.update(repeating: 0, count: part.windows)
    var window = 0
    var first = 0
    for group in 0..<groups {
      let last = Int(term.lasts[group])
      let bound = term.bounds[group]
      while window <= last / Self.window {
        term.firsts[window] = UInt32(group)
        window += 1
      }
      for reached in first / Self.window...last / Self.window where term.windowBounds[reached] < bound {
        term.windowBounds[reached] = bound
      }
      first = last + 1
    }
    while window <= part.windows {
      term.firsts[window] = UInt32(groups)
      window += 1
    }
  }
}
