import GRDB
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

extension Collection {
  /// Finds all pairs of passages that are alike by `threshold` or more: every pair is looked at, on all cores.
  ///
  /// With vectors of floats the similarity is their cosine; with 8-bit numbers, that of the rounded vectors, which is off
  /// by about 0.002; in two-stage and binary storage that of the signs, which is 1 less twice the share of bits that
  /// differ, and spreads less: what has a cosine of 0.95 has about 0.8 there.
  ///
  /// The time grows with the square of the number of passages; what is in memory does not grow. One state of the
  /// collection is looked at, whatever others add meanwhile.
  /// - Parameters:
  ///   - includesNeighbors: whether passages of one document that share some of its text are pairs as well.
  ///   - progress: hears how many pairs of blocks were looked at.
  ///   - body: takes each pair, in an order that is the same each time; it must not use the collection.
  /// - Throws: `MinkeError` when the threshold is not a number from -1 to 1 or the file is damaged, and what `body` throws;
  ///   `CancellationError`.
  public func duplicates(
    threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
    _ body: (SimilarPassages) throws -> Void
  ) throws {
    try withState { db, state in
      try forEachPair(threshold, includesNeighbors, progress, state, db) { pair in
        let stored = try db.passages([pair.first, pair.second], of: path)
        let first = try stored[pair.first].unwrapped { Self.missing(pair.first, path) }
        let second = try stored[pair.second].unwrapped { Self.missing(pair.second, path) }
        try body(
          SimilarPassages(
            first: FoundPassage(first, score: pair.similarity), second: FoundPassage(second, score: pair.similarity),
            similarity: pair.similarity))
      }
    }
  }

  /// Finds groups of passages in which each is alike to another one of the group by `threshold` or more.
  ///
  /// Similarity, order and errors are those of ``duplicates(threshold:includesNeighbors:progress:_:)``. The passages that
  /// belong to a group are held in memory, as two numbers each.
  /// - Parameter body: takes each group, the largest first: its passages in the order in which they were added, the score
  ///   of each being its similarity to the one it is most alike to. It must not use the collection.
  public func duplicateGroups(
    threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
    _ body: ([FoundPassage]) throws -> Void
  ) throws {
    try withState { db, state in
      var union = PassageUnion()
      try forEachPair(threshold, includesNeighbors, progress, state, db) { union.join($0) }
      for group in union.groups() {
        try Task.checkCancellation()
        let stored = try db.passages(group.map(\.id), of: path)
        try body(
          group.map { id, similarity in
            FoundPassage(try stored[id].unwrapped { Self.missing(id, path) }, score: similarity)
          })
      }
    }
  }

  /// Parts that are ready to be compared at a time, with those that they are compared with.
  private static let partsAtOnce = 16

  private func forEachPair(
    _ threshold: Float, _ includesNeighbors: Bool, _ progress: ProgressHandler?, _ state: CollectionState,
    _ db: Database, _ body: (VectorPair) throws -> Void
  ) throws {
    guard (-1...1).contains(threshold) else {
      throw MinkeError(.invalidArgument, "threshold", expected: "-1 to 1", found: "\(threshold)")
    }
    let format = try state.settings.vectorFormat()
    let scan = PairScan(format, threshold: threshold)
    let parts = state.vectors
    let meter = ProgressMeter(total: parts.count * (parts.count + 1) / 2, handler: progress)
    func ready(_ range: Range<Int>) throws -> [PairBlock] {
      let blocks = try range.map { (try vectorBlock(of: parts[$0], format, db), parts[$0].removed) }
      return try Workers.map(count: blocks.count) {
        PairBlock(blocks[$0].0, lanes: blocks[$0].0.lanes(without: blocks[$0].1))
      }
    }
    for start in stride(from: 0, to: parts.count, by: Self.partsAtOnce) {
      let group = start..<min(parts.count, start + Self.partsAtOnce)
      let blocks = try ready(group)
      for next in stride(from: start, to: parts.count, by: Self.partsAtOnce) {
        let others = next == start ? blocks : try ready(next..<min(parts.count, next + Self.partsAtOnce))
        for index in blocks.indices {
          try Task.checkCancellation()
          let compared = next == start ? Array(others[index...]) : others
          try scan.forEachPair(of: blocks[index], and: compared) { pair in
            if try includesNeighbors || !db.overlap(pair.first, pair.second, of: path) { try body(pair) }
          }
          meter.advance(by: compared.count)
        }
      }
    }
  }
}

extension Database {
  /// Whether two passages are of one document and share some of its bytes.
  fileprivate func overlap(_ first: Int64, _ second: Int64, of path: String) throws -> Bool {
    try firstRow(
      """
      SELECT 1 FROM passages a JOIN passages b ON b.document = a.document
      WHERE a.id = ? AND b.id = ? AND a.first_byte < b.last_byte AND b.first_byte < a.last_byte
      """, [first, second], of: "\(path): passages"
    ) { _ in true } ?? false
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
