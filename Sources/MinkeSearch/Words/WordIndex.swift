import MinkeCore
import Synchronization

/// Finds passages by their words: an inverted index in memory, ranked by ``BM25``.
///
/// ```swift
/// let index = WordIndex()
/// try index.add(passages)                                  // ids 0, 1, 2, ... unless given
/// let found = try index.search(["\"white whale\" -boat"], k: 10)
/// ```
///
/// Queries are what a person types, see ``WordQuery``; conditions on fields are not looked at here. A search works on the
/// passages as they were when it began: it neither waits for changes nor stops them. The result does not depend on the
/// order of additions and removals, nor on the number of threads.
public final class WordIndex: Sendable {
  /// How text becomes words.
  public let analyzer: WordAnalyzer
  /// How words are weighed.
  public let bm25: BM25

  /// The segments as they are now. Only a change that holds `changes` replaces them.
  private let current: Mutex<WordSearch>
  private let changes: Mutex<Changes>

  private struct Changes {
    /// The largest id so far, also of passages that were removed.
    var largestID: Int64 = -1
  }

  /// An empty index.
  public init(analyzer: WordAnalyzer = WordAnalyzer(), bm25: BM25 = .standard) {
    (self.analyzer, self.bm25) = (analyzer, bm25)
    current = Mutex(WordSearch([], analyzer: analyzer, bm25: bm25))
    changes = Mutex(Changes())
  }

  /// Passages in the index.
  public var count: Int { snapshot().count }

  /// Bytes of memory that the index holds.
  public var byteCount: Int {
    snapshot().core.segments.reduce(0) {
      $0 + (($1.segment.blocks as? MemoryWordBlocks)?.byteCount ?? 0) + $1.dead.words.count * 8
    }
  }

  /// Whether a passage has this id.
  public func contains(_ id: Int64) -> Bool { Self.place(of: id, in: snapshot().core.segments) != nil }

  /// The index as it is now, for a search to work on.
  func snapshot() -> WordSearch { current.withLock { $0 } }

  private typealias Segments = [(segment: WordSegment, dead: OrdinalSet)]

  private static func place(of id: Int64, in segments: Segments) -> (segment: Int, ordinal: Int)? {
    for (index, (segment, dead)) in segments.enumerated() {
      if let ordinal = segment.ordinal(of: id), !dead.contains(ordinal) { return (index, ordinal) }
    }
    return nil
  }

  // MARK: Search

  /// Finds the `k` passages with the highest scores for each query, on all cores.
  ///
  /// Larger scores are better, and of equal ones the lower id comes first. A passage without any of the words of a query
  /// is not found, so a query may have fewer than `k` matches, or none.
  /// - Parameters:
  ///   - queries: what a person typed.
  ///   - k: how many passages.
  ///   - filter: which passages may be found; nil for all.
  /// - Throws: `MinkeError` of kind `invalidArgument` when `k` is below 1; `CancellationError` when the calling task was
  ///   cancelled.
  public func search(_ queries: [String], k: Int, among filter: IDFilter? = nil) throws -> [[Match]] {
    try search(queries.map { WordQuery(parsing: $0) }, k: k, among: filter)
  }

  /// The same for queries that were parsed before.
  public func search(_ queries: [WordQuery], k: Int, among filter: IDFilter? = nil) throws -> [[Match]] {
    try snapshot().search(queries, k: k, among: filter)
  }

  /// The search in two steps: what this gives may be called on another thread.
  package func prepare(
    _ queries: [WordQuery], k: Int, among filter: IDFilter? = nil
  ) throws -> @Sendable () throws -> [[Match]] {
    try snapshot().prepare(queries, k: k, among: filter)
  }

  // MARK: Changes

  /// Adds texts, all or, when an error is thrown, none, on all cores.
  ///
  /// Many at once are added much faster than one by one.
  /// - Parameters:
  ///   - texts: any texts, such as passages of a document.
  ///   - ids: one id a text, none in the index yet; without it, the ids that follow the largest one so far, from 0 on.
  /// - Returns: the ids, one a text.
  /// - Throws: `MinkeError` of kind `invalidArgument` when an id is taken or given twice; `CancellationError` when the
  ///   calling task was cancelled.
  @discardableResult
  public func add(_ texts: [String], ids: [Int64]? = nil) throws -> [Int64] {
    try changes.withLock { changes in
      let segments = snapshot().core.segments
      let ids = try Self.ids(for: texts.count, wanted: ids, after: changes.largestID, segments)
      guard !texts.isEmpty else { return [] }
      let order = zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 } ? nil : ids.indices.sorted { ids[$0] < ids[$1] }
      var added: Segments = []
      for start in stride(from: 0, to: texts.count, by: Self.largestBuild) {
        let range = start..<min(texts.count, start + Self.largestBuild)
        let blocks = try WordSegmentBuilder.build(
          ids: order.map { order in range.map { ids[order[$0]] } } ?? Array(ids[range]), analyzer: analyzer
        ) { index, read in
          var text = texts[order?[range.lowerBound + index] ?? range.lowerBound + index]
          text.withUTF8 { read($0) }
        }
        added.append((try WordSegment(blocks), OrdinalSet()))
      }
      try replace(by: Self.merged(segments + added))
      changes.largestID = max(changes.largestID, ids.max() ?? changes.largestID)
      return ids
    }
  }

  /// Removes the passages with these ids; returns how many there were. Ids that no passage has are passed over.
  ///
  /// Takes time proportional to the ids, and now and then to the passages: when half of those of a segment are gone, it is
  /// written anew without them.
  @discardableResult
  public func remove(ids: [Int64]) throws -> Int {
    try changes.withLock { _ in
      var segments = snapshot().core.segments
      var removed = 0
      for id in ids {
        guard let place = Self.place(of: id, in: segments) else { continue }
        segments[place.segment].dead.insert(place.ordinal)
        removed += 1
      }
      if removed > 0 { try replace(by: Self.merged(segments)) }
      return removed
    }
  }

  private func replace(by segments: Segments) throws {
    let search = WordSearch(segments, analyzer: analyzer, bm25: bm25)
    current.withLock { $0 = search }
  }

  /// Texts that become one segment at most when they are added together: a bound of the memory that it takes.
  private static let largestBuild = 1 << 17
  /// How many segments of about a size there may be before they become one.
  private static let mergeWidth = 8

  /// The segments with as few of about a size as wanted, each with more passages living than dead.
  private static func merged(_ segments: Segments) throws -> Segments {
    var segments = segments
    segments.removeAll { $0.segment.count == $0.dead.count }
    for index in segments.indices where 2 * segments[index].dead.count > segments[index].segment.count {
      segments[index] = (try WordSegment(WordSegmentBuilder.merge([segments[index]])), OrdinalSet())
    }
    func tier(_ segment: Segments.Element) -> Int {
      (Int.bitWidth - (segment.segment.count - segment.dead.count).leadingZeroBitCount) / 3
    }
    while true {
      let tiers = Dictionary(grouping: segments.indices) { tier(segments[$0]) }
      guard let full = tiers.keys.sorted().first(where: { (tiers[$0]?.count ?? 0) >= mergeWidth }),
        let chosen = tiers[full]
      else { return segments }
      // All smaller ones join in: they would be merged soon.
      let joined = segments.indices.filter { chosen.contains($0) || tier(segments[$0]) < full }
      let merged = try WordSegmentBuilder.merge(joined.map { segments[$0] })
      segments = segments.indices.filter { !joined.contains($0) }.map { segments[$0] }
      segments.append((try WordSegment(merged), OrdinalSet()))
    }
  }

  /// The ids of `count` texts to be added: those `wanted`, which must be new, or the next ones.
  private static func ids(
    for count: Int, wanted: [Int64]?, after largest: Int64, _ segments: Segments
  ) throws(MinkeError) -> [Int64] {
    guard let wanted else { return try Catalog.ids(after: largest, count: count) }
    try Catalog.check(wanted, count: count)
    for id in wanted where place(of: id, in: segments) != nil {
      throw MinkeError(.invalidArgument, "ids", expected: "ids that are not in the index", found: "\(id)")
    }
    return wanted
  }
}

extension WordIndex {
  /// What the phrases and exclusions of a query let through, for a search by meaning; nil when there are none.
  package func constraint(of query: WordQuery) throws -> IDFilter? { try snapshot().constraint(of: query) }
}
