import Minke
import MinkeCore
import MinkeSearch

/// Two passages that are alike.
public struct SimilarPassages: Sendable, Equatable {
  /// The passage that was added first.
  public let first: FoundPassage
  /// The passage that was added later.
  public let second: FoundPassage
  /// How alike they are, at most 1.
  public let similarity: Float
}

/// Parts that are ready to be compared at a time, with those that they are compared with.
private let partsAtOnce = 16

extension PassageExplorer {
  /// The pairs of passages that are alike; see ``Collection/duplicates(threshold:includesNeighbors:progress:_:)``.
  package func duplicates(
    threshold: Float, includesNeighbors: Bool, progress: ProgressHandler?, _ body: (SimilarPassages) throws -> Void
  ) throws {
    try forEachPair(threshold, includesNeighbors, progress) { pair in
      let stored = try stored([pair.first, pair.second])
      try body(
        SimilarPassages(
          first: FoundPassage(passage(pair.first, of: stored), score: pair.similarity),
          second: FoundPassage(passage(pair.second, of: stored), score: pair.similarity),
          similarity: pair.similarity))
    }
  }

  /// The groups of passages that are alike; see
  /// ``Collection/duplicateGroups(threshold:includesNeighbors:progress:_:)``.
  package func duplicateGroups(
    threshold: Float, includesNeighbors: Bool, progress: ProgressHandler?, _ body: ([FoundPassage]) throws -> Void
  ) throws {
    var union = PassageUnion()
    try forEachPair(threshold, includesNeighbors, progress) { union.join($0) }
    for group in union.groups() {
      try Task.checkCancellation()
      let stored = try stored(group.map(\.id))
      try body(group.map { id, similarity in try FoundPassage(passage(id, of: stored), score: similarity) })
    }
  }

  private func forEachPair(
    _ threshold: Float, _ includesNeighbors: Bool, _ progress: ProgressHandler?, _ body: (VectorPair) throws -> Void
  ) throws {
    guard (-1...1).contains(threshold) else {
      throw MinkeError(.invalidArgument, "threshold", expected: "-1 to 1", found: "\(threshold)")
    }
    let scan = PairScan(try pairFormat(), threshold: threshold)
    let meter = ProgressMeter(total: partCount * (partCount + 1) / 2, handler: progress)
    func ready(_ range: Range<Int>) throws -> [PairBlock] {
      let blocks = try range.compactMap { try pairs(ofPart: $0) }
      return try Workers.map(count: blocks.count) {
        PairBlock(blocks[$0].block, lanes: blocks[$0].block.lanes(without: blocks[$0].removed))
      }
    }
    for start in stride(from: 0, to: partCount, by: partsAtOnce) {
      let group = start..<min(partCount, start + partsAtOnce)
      let blocks = try ready(group)
      for next in stride(from: start, to: partCount, by: partsAtOnce) {
        let others = next == start ? blocks : try ready(next..<min(partCount, next + partsAtOnce))
        for index in blocks.indices {
          try Task.checkCancellation()
          let compared = next == start ? Array(others[index...]) : others
          try scan.forEachPair(of: blocks[index], and: compared) { pair in
            if try includesNeighbors || !overlap(pair.first, pair.second) { try body(pair) }
          }
          meter.advance(by: compared.count)
        }
      }
    }
  }
}

/// Passages put together by pairs.
private struct PassageUnion {
  private var parents: [Int64: Int64] = [:]
  private var best: [Int64: Float] = [:]

  mutating func join(_ pair: VectorPair) {
    for id in [pair.first, pair.second] { best[id] = max(best[id] ?? -1, pair.similarity) }
    let (one, other) = (root(of: pair.first), root(of: pair.second))
    // The lower one leads, so that the order of pairs does not matter.
    if one != other { parents[max(one, other)] = min(one, other) }
  }

  private mutating func root(of id: Int64) -> Int64 {
    var (root, next) = (id, id)
    while let parent = parents[root] { root = parent }
    while next != root, let parent = parents[next] {
      parents[next] = root
      next = parent
    }
    return root
  }

  /// The groups, the largest first, of equal ones that with the lowest id.
  mutating func groups() -> [[(id: Int64, similarity: Float)]] {
    var groups: [Int64: [(id: Int64, similarity: Float)]] = [:]
    for (id, similarity) in best.sorted(by: { $0.key < $1.key }) {
      groups[root(of: id), default: []].append((id, similarity))
    }
    return groups.values.sorted { $0.count == $1.count ? $0[0].id < $1[0].id : $0.count > $1.count }
  }
}
