import MinkeCore

/// Some of the passages of each segment, a bit each.
struct PassageMasks: Sendable {
  private let masks: [AlignedBuffer<UInt64>]

  /// The passages that `filter` lets through, which is asked once for each, on all cores.
  init(_ filter: IDFilter, _ segments: [WordSegment]) throws {
    masks = try segments.map { segment in
      let mask = AlignedBuffer<UInt64>(zeroed: (segment.count + 63) / 64)
      try Workers.forEachPiece(of: mask.count, grain: 1024) { piece, _ in
        for word in piece {
          var bits: UInt64 = 0
          for ordinal in word * 64..<min(segment.count, word * 64 + 64) where filter.contains(segment.id(of: ordinal)) {
            bits |= 1 << UInt64(ordinal % 64)
          }
          mask.baseAddress[word] = bits
        }
      }
      return mask
    }
  }

  /// The passages that have all of `phrases` and none of those that are excluded.
  init(_ phrases: [ResolvedPhrase], _ segments: [WordSegment]) throws {
    masks = try segments.indices.map { index in
      let count = segments[index].count
      let mask = AlignedBuffer<UInt64>(uninitialized: (count + 63) / 64)
      for word in 0..<mask.count { mask.baseAddress[word] = .max }
      if count % 64 > 0 { mask.baseAddress[count / 64] = 1 << UInt64(count % 64) - 1 }
      for phrase in phrases {
        let matches = AlignedBuffer<UInt64>(zeroed: mask.count)
        try phrase.forEachMatch(in: index) { matches.baseAddress[$0 / 64] |= 1 << UInt64($0 % 64) }
        for word in 0..<mask.count {
          mask.baseAddress[word] &= phrase.isExcluded ? ~matches.baseAddress[word] : matches.baseAddress[word]
        }
      }
      return mask
    }
  }

  /// The passages of `masks`, or all, without the dead ones of each segment; nil where that is all of a segment.
  static func living(
    _ segments: [(segment: WordSegment, dead: OrdinalSet)], among masks: [PassageMasks]
  ) -> [AlignedBuffer<UInt64>?] {
    segments.indices.map { index in
      let (segment, dead) = segments[index]
      if masks.isEmpty, dead.isEmpty { return nil }
      if masks.count == 1, dead.isEmpty { return masks[0].masks[index] }
      let living = AlignedBuffer<UInt64>(uninitialized: (segment.count + 63) / 64)
      for word in 0..<living.count {
        var bits = word < dead.words.count ? ~dead.words[word] : .max
        for mask in masks { bits &= mask.masks[index].baseAddress[word] }
        living.baseAddress[word] = bits
      }
      return living
    }
  }

  func contains(_ ordinal: Int, segment: Int) -> Bool {
    masks[segment].baseAddress[ordinal / 64] >> UInt64(ordinal % 64) & 1 == 1
  }
}

/// Words that must, or must not, occur one after the other, and where their postings are.
struct ResolvedPhrase: Sendable {
  struct Word: Sendable {
    let postings: PostingList
    /// nil where the phrase is of one word.
    let positions: PositionList?
  }

  let isExcluded: Bool
  /// The words in each segment; nil where a segment does not have all of them.
  let words: [[Word]?]

  /// Calls `body` with the ordinals of a segment's passages that have the phrase, ascending.
  func forEachMatch(in segment: Int, _ body: (Int) -> Void) throws {
    guard let words = words[segment] else { return }
    var cursors = try words.map { try PostingCursor($0.postings) }
    let rarestFirst = words.indices.sorted { words[$0].postings.count < words[$1].postings.count }
    let rarest = rarestFirst[0]
    var places = words.map { _ in [UInt32]() }
    var wanted: UInt32 = 0
    passages: while let ordinal = try cursors[rarest].next(from: wanted) {
      wanted = ordinal + 1
      for index in rarestFirst.dropFirst() {
        if try !cursors[index].seek(ordinal) { continue passages }
      }
      for index in words.indices {
        if let positions = words[index].positions { try cursors[index].readPositions(positions, into: &places[index]) }
      }
      if words.count == 1 || Self.follow(places) { body(Int(ordinal)) }
    }
  }

  /// Whether there is a place of the first word behind which the others stand in order.
  private static func follow(_ places: [[UInt32]]) -> Bool {
    var next = places.map { _ in 0 }
    starts: for start in places[0] {
      for word in 1..<places.count {
        while next[word] < places[word].count, places[word][next[word]] < start &+ UInt32(word) { next[word] += 1 }
        guard next[word] < places[word].count else { return false }
        if places[word][next[word]] != start &+ UInt32(word) { continue starts }
      }
      return true
    }
    return false
  }
}

extension WordSearch.Core {
  /// The phrases of a query and what must not occur, with their postings.
  func phrases(_ query: WordQuery) throws -> [ResolvedPhrase] {
    try query.phrases.compactMap { try phrase($0, isExcluded: false) }
      + query.excluded.compactMap { try phrase($0, isExcluded: true) }
  }

  /// nil where there is no word in the text.
  private func phrase(_ text: String, isExcluded: Bool) throws -> ResolvedPhrase? {
    let words = analyzer.words(of: text).filter { !$0.isExtra }
    guard !words.isEmpty else { return nil }
    return ResolvedPhrase(
      isExcluded: isExcluded,
      words: try segments.map { segment, _ in
        var resolved: [ResolvedPhrase.Word] = []
        for word in words {
          guard let entry = try segment.entry(of: word.bytes) else { return nil }
          resolved.append(
            ResolvedPhrase.Word(
              postings: try segment.postings(entry), positions: words.count > 1 ? try segment.positions(entry) : nil))
        }
        return resolved
      })
  }
}
