import MinkeCore

extension WordSegmentBuilder {
  /// Words packed in one turn of a merge: as many as have this many postings together.
  private static let turnPostings = 1 << 20

  /// The blocks of one segment with the passages of several that are not dead. The texts are not needed.
  ///
  /// Blocks are read on the calling thread. It is quickest where the ids of each segment lie above those of the one
  /// before.
  /// - Throws: `MinkeError` when an id is in two segments or a segment is damaged; what reading blocks throws;
  ///   `CancellationError`.
  package static func merge(
    _ segments: [(segment: WordSegment, dead: OrdinalSet)]
  ) throws -> [AlignedBuffer<UInt8>] {
    let passages = try MergedPassages(segments)
    let lengths = passages.lengths
    let meanLength = Double(lengths.reduce(0) { $0 + Int($1) }) / Double(max(1, lengths.count))
    var writer = WordSegmentWriter(ids: passages.ids, lengths: lengths)

    func write(_ terms: [MergedTerm]) throws {
      // A few pieces a thread, however few or many words there are.
      let grain = max(1, min(256, terms.count / 16))
      let chunks = try Workers.map(count: (terms.count + grain - 1) / grain) { chunk in
        var encoder = PostingEncoder(meanLength: meanLength)
        let sizes = try terms[chunk * grain..<min(terms.count, (chunk + 1) * grain)].map { term in
          try term.encode(passages, with: &encoder)
        }
        return PackedTerms(encoder, sizes)
      }
      var index = 0
      for chunk in chunks {
        chunk.forEach { count, postings, positions in
          // A word whose passages are all dead is not there any more.
          if count > 0 { writer.append(terms[index].bytes, count: count, postings: postings, positions: positions) }
          index += 1
        }
      }
    }

    var cursors = segments.map { DictionaryCursor($0.segment) }
    var isOpen = try cursors.indices.map { try cursors[$0].next() }
    var terms: [MergedTerm] = []
    var postings = 0
    while true {
      var least: Int?
      for index in cursors.indices where isOpen[index] {
        if let best = least, !cursors[index].term.lexicographicallyPrecedes(cursors[best].term) { continue }
        least = index
      }
      guard let least else { break }
      var term = MergedTerm(bytes: cursors[least].term)
      for index in cursors.indices where isOpen[index] && (index == least || cursors[index].term == term.bytes) {
        let (segment, entry) = (segments[index].segment, cursors[index].entry)
        try term.sources.append((index, segment.postings(entry), segment.positions(entry)))
        postings += entry.count
        isOpen[index] = try cursors[index].next()
      }
      terms.append(term)
      if postings >= turnPostings {
        try write(terms)
        (terms, postings) = ([], 0)
      }
    }
    try write(terms)
    return writer.blocks()
  }
}

/// Which passages a merged segment has.
struct MergedPassages: Sendable {
  private(set) var ids: [Int64] = []
  private(set) var lengths: [UInt32] = []
  /// The new ordinal of each passage of each segment; ``dead`` for those left out.
  private(set) var ordinals: [[UInt32]] = []

  static let dead = UInt32.max

  init(_ segments: [(segment: WordSegment, dead: OrdinalSet)]) throws {
    var passages: [(id: Int64, segment: Int, ordinal: Int)] = []
    var isAscending = true
    for (index, (segment, dead)) in segments.enumerated() {
      var ordinal = 0
      for run in 0..<segment.header.runs.count {
        for id in segment.header.ids(ofRun: run) {
          if !dead.contains(ordinal) {
            if let last = passages.last, last.id >= id { isAscending = false }
            passages.append((id, index, ordinal))
          }
          ordinal += 1
        }
      }
    }
    if !isAscending {
      passages.sort { $0.id < $1.id }
      for (one, next) in zip(passages, passages.dropFirst()) where one.id == next.id {
        throw MinkeError(.invalidArgument, "segments", expected: "an id in one of them", found: "\(one.id) in two")
      }
    }
    guard passages.count < 1 << 31 else {
      throw MinkeError(.invalidArgument, "segments", expected: "fewer than 2^31 passages", found: "\(passages.count)")
    }
    let all = try segments.map { try $0.segment.lengths() }
    ordinals = segments.map { [UInt32](repeating: Self.dead, count: $0.segment.count) }
    ids = passages.map(\.id)
    lengths = passages.map { UInt32(clamping: all[$0.segment][$0.ordinal]) }
    for (ordinal, passage) in passages.enumerated() { ordinals[passage.segment][passage.ordinal] = UInt32(ordinal) }
  }
}

/// A word of a merge, and its postings in each segment that has it.
struct MergedTerm: Sendable {
  let bytes: [UInt8]
  var sources: [(segment: Int, postings: PostingList, positions: PositionList)] = []

  /// Packs the postings of the passages that are there still.
  func encode(_ passages: MergedPassages, with encoder: inout PostingEncoder) throws -> PackedTerms.Size {
    var ordinals: [UInt32] = []
    var frequencies: [UInt32] = []
    var steps: [UInt32] = []
    for source in sources {
      let (old, counts) = try source.postings.unpacked()
      for start in stride(from: 0, to: old.count, by: PostingList.group) {
        let range = start..<min(old.count, start + PostingList.group)
        let total = counts[range].reduce(0) { $0 + Int($1) }
        let positions = try source.positions.steps(
          group: start / PostingList.group, count: range.count, total: total)
        var first = 0
        for index in range {
          let ordinal = passages.ordinals[source.segment][Int(old[index])]
          let count = Int(counts[index])
          if ordinal != MergedPassages.dead {
            ordinals.append(ordinal)
            frequencies.append(counts[index])
            for step in first..<first + count { steps.append(positions[step]) }
          }
          first += count
        }
      }
    }
    if zip(ordinals, ordinals.dropFirst()).contains(where: { $0 >= $1 }) {
      sort(&ordinals, &frequencies, &steps)
    }
    guard !ordinals.isEmpty else { return PackedTerms.Size(count: 0, postings: 0, positions: 0) }
    let sizes = passages.lengths.withUnsafeBufferPointer { lengths in
      lengths.baseAddress.map {
        encoder.append(ordinals: ordinals, frequencies: frequencies, steps: steps, lengths: $0)
      } ?? (0, 0)
    }
    return PackedTerms.Size(count: ordinals.count, postings: sizes.0, positions: sizes.1)
  }

  /// Puts postings that come from segments whose ids interleave in order.
  private func sort(_ ordinals: inout [UInt32], _ frequencies: inout [UInt32], _ steps: inout [UInt32]) {
    var starts: [Int] = []
    var start = 0
    for frequency in frequencies {
      starts.append(start)
      start += Int(frequency)
    }
    let order = ordinals.indices.sorted { ordinals[$0] < ordinals[$1] }
    steps = order.flatMap { steps[starts[$0]..<starts[$0] + Int(frequencies[$0])] }
    frequencies = order.map { frequencies[$0] }
    ordinals = order.map { ordinals[$0] }
  }
}
