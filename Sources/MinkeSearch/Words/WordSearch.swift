import MinkeCore
import Synchronization

/// Finds the passages of some segments whose words are those of a query, ranked by BM25.
///
/// What is read of the segments is read by the calling thread before the search begins; after that any number of
/// threads work on memory. The result does not depend on how passages are spread over segments, on the number of threads
/// or on which queries are searched for together.
package struct WordSearch: Sendable {
  let core: Core

  /// - Parameters:
  ///   - segments: each with the passages that are not to be found; no id is in two of them, but for dead ones.
  ///   - analyzer: the one that the segments were built with.
  package init(
    _ segments: [(segment: WordSegment, dead: OrdinalSet)], analyzer: WordAnalyzer, bm25: BM25 = .standard
  ) {
    core = Core(segments, analyzer, bm25)
  }

  /// Passages that can be found.
  package var count: Int { core.count }

  /// How many passages have a word of the query language, analyzed like a text; those of its rarest part, if it has
  /// several.
  package func documentFrequency(of word: String) throws -> Int {
    let words = core.analyzer.words(of: word)
    return try words.map { try core.frequency(of: $0.bytes) }.min() ?? 0
  }

  /// How many passages have a word as the index holds it.
  package func documentFrequency(of word: [UInt8]) throws -> Int { try core.frequency(of: word) }

  /// Finds the `k` passages with the highest scores for each query, on all cores; fewer where fewer have any of its words.
  ///
  /// - Parameter filter: which passages may be found; nil for all.
  /// - Throws: `MinkeError` when `k` is below 1 or a segment is damaged; what reading blocks throws; `CancellationError`.
  package func search(_ queries: [WordQuery], k: Int, among filter: IDFilter? = nil) throws -> [[Match]] {
    try Self.check(k)
    var found: [[Match]] = []
    for start in stride(from: 0, to: queries.count, by: Self.turn) {
      found += try prepare(Array(queries[start..<min(queries.count, start + Self.turn)]), k: k, among: filter)()
    }
    return found
  }

  /// Queries searched for together: what they need of the segments is kept meanwhile.
  private static let turn = 64

  private static func check(_ k: Int) throws(MinkeError) {
    guard k > 0 else { throw MinkeError(.invalidArgument, "k", expected: "1 or more", found: "\(k)") }
  }

  /// The same in two steps: what this gives finds the passages without reading anything.
  ///
  /// - Throws: as ``search(_:k:among:)``.
  package func prepare(
    _ queries: [WordQuery], k: Int, among filter: IDFilter? = nil
  ) throws -> @Sendable () throws -> [[Match]] {
    try Self.check(k)
    guard core.count > 0 else {
      let nothing = queries.map { _ in [Match]() }
      return { nothing }
    }
    if queries.count > Self.turn {
      let found = try search(queries, k: k, among: filter)
      return { found }
    }
    let core = core
    let masks = try filter.map { try PassageMasks($0, core.segments.map(\.segment)) }
    let plans = try queries.map { try core.plan($0) }
    return {
      try Workers.map(count: plans.count) { try plans[$0].search(core, k: min(k, core.count), masks: masks) }
    }
  }

  /// Which passages have the phrases of the query and nothing that must not occur; nil when it asks for neither.
  package func constraint(of query: WordQuery) throws -> IDFilter? {
    let phrases = try core.phrases(query)
    guard !phrases.isEmpty else { return nil }
    let segments = core.segments.map(\.segment)
    let masks = try PassageMasks(phrases, segments)
    return IDFilter { id in
      for (index, segment) in segments.enumerated() {
        if let ordinal = segment.ordinal(of: id), masks.contains(ordinal, segment: index) { return true }
      }
      return false
    }
  }

  /// The segments, and what was found out about them.
  final class Core: Sendable {
    let segments: [(segment: WordSegment, dead: OrdinalSet)]
    let analyzer: WordAnalyzer
    let bm25: BM25
    let count: Int
    private let statistics = Mutex<Statistics?>(nil)
    /// How many dead passages of each segment have a word.
    private let deadFrequencies = Mutex<[DeadWord: Int]>([:])

    private struct DeadWord: Hashable {
      let segment: Int
      let word: [UInt8]
    }

    /// What the scores need to know of all passages.
    struct Statistics: Sendable {
      let lengths: [PassageLengths]
      let scale: WordScale
    }

    init(_ segments: [(segment: WordSegment, dead: OrdinalSet)], _ analyzer: WordAnalyzer, _ bm25: BM25) {
      (self.segments, self.analyzer, self.bm25) = (segments, analyzer, bm25)
      count = segments.reduce(0) { $0 + $1.segment.count - $1.dead.count }
    }

    /// Read once, when it is first needed.
    func readStatistics() throws -> Statistics {
      if let known = statistics.withLock({ $0 }) { return known }
      var total = 0
      var lengths: [PassageLengths] = []
      for (segment, dead) in segments {
        if let last = dead.last, last >= segment.count {
          throw WordReader.malformed("dead passages among \(segment.count)", found: "\(last)")
        }
        let all = try segment.lengths()
        total += segment.totalLength
        dead.forEach { total -= all[$0] }
        lengths.append(all)
      }
      let longest = segments.map(\.segment.header.longest).max() ?? 0
      let mean = Double(max(0, total)) / Double(max(1, count))
      let new = Statistics(lengths: lengths, scale: WordScale(bm25, longest: longest, mean: mean))
      statistics.withLock { $0 = new }
      return new
    }

    /// How many living passages have a word.
    func frequency(of word: [UInt8]) throws -> Int {
      try segments.indices.reduce(0) { sum, index in
        guard let entry = try segments[index].segment.entry(of: word) else { return sum }
        return try sum + frequency(of: word, entry, segment: index)
      }
    }

    /// How many living passages of a segment have a word that it holds at `entry`.
    func frequency(of word: [UInt8], _ entry: DictionaryEntry, segment index: Int) throws -> Int {
      let (segment, dead) = segments[index]
      if dead.isEmpty { return entry.count }
      let key = DeadWord(segment: index, word: word)
      if let known = deadFrequencies.withLock({ $0[key] }) { return entry.count - known }
      var cursor = try PostingCursor(segment.postings(entry))
      var count = 0
      try dead.forEach { ordinal in if try cursor.seek(UInt32(ordinal)) { count += 1 } }
      deadFrequencies.withLock { $0[key] = count }
      return entry.count - count
    }
  }
}
