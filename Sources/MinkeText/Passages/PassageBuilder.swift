/// Packs the units of a document into passages, each a run of units.
struct PassageBuilder: Sendable {
  private let length: Int
  private let overlap: Int
  private let isWhole: Bool
  /// The units of finished passages that were not yet given, and of the passage being filled.
  private var units: [PassageUnit] = []
  private var ids: [TokenID] = []
  private var finished: [Range<Int>] = []
  /// The first unit of the passage being filled, its size, and whether it holds more than is repeated.
  private var first = 0
  private var size = 0
  private var hasNew = false
  private var hasOnlyHeadings = true

  init(_ splitter: PassageSplitter) {
    length = splitter.length
    overlap = splitter.overlap
    isWhole = splitter.isWhole
  }

  /// Where in the document the passage being filled begins; nil when nothing is in it.
  var start: Int? { first < units.count ? units[first].range.lowerBound : nil }

  /// Takes in the blocks of a part of the document that begins at `offset`.
  mutating func append(_ part: PassageUnits, offset: Int) {
    let firstID = ids.count
    ids += part.ids
    var start = 0
    for (end, marks) in part.blocks {
      let block = part.units[start..<end].map { unit in
        var unit = unit
        unit.range = unit.range.lowerBound + offset..<unit.range.upperBound + offset
        unit.ids = unit.ids.map { $0.lowerBound + firstID..<$0.upperBound + firstID }
        return unit
      }
      append(block, marks)
      start = end
    }
  }

  private mutating func append(_ block: [PassageUnit], _ marks: TextBlocks.Marks) {
    guard !isWhole else {
      units += block
      hasNew = hasNew || !block.isEmpty
      return
    }
    // A heading stays with the heading above it.
    if marks.startsPassage || (marks.isHeading && !hasOnlyHeadings) { close(repeating: false) }
    defer { hasOnlyHeadings = hasOnlyHeadings && marks.isHeading }
    let total = block.reduce(0) { $0 + $1.size }
    if marks.isDeclaration {
      makeRoom(forDeclaration: total, together: marks.together)
    } else if size + total > length, total <= length, size >= length / 2 {
      // A paragraph that would be torn apart begins a passage of its own, unless that leaves the last one half empty.
      close(repeating: true)
    }
    for unit in block {
      if size + unit.size > length {
        close(repeating: true)
        if size + unit.size > length { forgetRepeated() }
      }
      units.append(unit)
      size += unit.size
      hasNew = true
    }
  }

  /// A declaration that would be torn apart begins a passage of its own; so does a type whose parts would be, and one
  /// too long for a passage, unless that leaves the last one nearly empty.
  private mutating func makeRoom(forDeclaration total: Int, together: Int) {
    let room = length - size
    let isTorn = total <= length ? total > room : size >= length / 2
    let isDivided = together <= length && together > room && size >= length / 4
    if isTorn || isDivided { close(repeating: false) }
  }

  private mutating func close(repeating: Bool) {
    guard hasNew else { return forgetRepeated() }
    finished.append(first..<units.count)
    var start = units.count
    size = 0
    while repeating, start > first + 1, size + units[start - 1].size <= overlap {
      start -= 1
      size += units[start].size
    }
    first = start
    hasNew = false
    hasOnlyHeadings = true
  }

  private mutating func forgetRepeated() {
    guard !hasNew else { return }
    first = units.count
    size = 0
  }

  /// A finished passage: where it stands in the document, and where its tokens stand among those given with it.
  struct Run {
    let range: Range<Int>
    /// Nil when the tokens are not those of its units one after the other.
    let ids: Range<Int>?
    /// The names around all of it.
    let context: ContextTree.Place
  }

  /// The passages finished since the last call, and their tokens.
  ///
  /// - Parameters:
  ///   - isLast: whether the passage being filled is finished too.
  ///   - contexts: the names around the units.
  mutating func take(isLast: Bool, contexts: ContextTree? = nil) -> (runs: [Run], ids: [TokenID]) {
    if isLast { close(repeating: false) }
    var runs: [Run] = []
    var taken: [TokenID] = []
    runs.reserveCapacity(finished.count)
    taken.reserveCapacity(ids.count + ids.count / 8)
    for run in finished {
      let parts = units[run]
      let start = taken.count
      let isJoined = parts.allSatisfy { $0.ids != nil } && parts.dropFirst().allSatisfy(\.followsSpace)
      if isJoined { for part in parts { if let range = part.ids { taken += ids[range] } } }
      runs.append(
        Run(
          range: units[run.lowerBound].range.lowerBound..<units[run.upperBound - 1].range.upperBound,
          ids: isJoined ? start..<taken.count : nil,
          context: contexts.map { contexts in
            parts.dropFirst().reduce(units[run.lowerBound].context) { contexts.common($0, $1.context) }
          } ?? 0))
    }
    forgetGiven()
    return (runs, taken)
  }

  private mutating func forgetGiven() {
    finished = []
    var kept: [TokenID] = []
    for index in first..<units.count {
      guard let range = units[index].ids else { continue }
      let start = kept.count
      kept += ids[range]
      units[index].ids = start..<kept.count
    }
    ids = kept
    units.removeSubrange(..<first)
    first = 0
  }
}
