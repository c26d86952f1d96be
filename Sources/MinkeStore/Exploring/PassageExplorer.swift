import Minke
import MinkeCore
import MinkeSearch

/// A searcher that can also go through all passages: what duplicates, clusters, maps and likeness to a passage need,
/// wherever passages lie.
package protocol PassageExplorer: PassageSearcher {
  var settings: CollectionSettings { get }
  /// The parts of the index of words.
  var wordParts: [WordPart] { get }
  /// Parts of the passages, in the order of their ids, small enough that the vectors of some dozens fit into memory.
  var partCount: Int { get }
  /// The ids of a part's passages, which ascend.
  func ids(ofPart part: Int) -> [Int64]
  /// The vectors of a part's passages, scaled to length 1.
  ///
  /// - Parameter positions: of which of them; nil for all.
  func vectors(ofPart part: Int, at positions: [Int]?) throws -> Embeddings

  /// How vectors are compared with each other, and lie in blocks.
  func pairFormat() throws -> VectorBlockFormat
  /// The vectors of a part as they are compared, and the positions of those that do not count; nil where there are none.
  func pairs(ofPart part: Int) throws -> (block: VectorBlock, removed: [Int])?
  /// Whether two passages are of one document and share some of its bytes.
  func overlap(_ first: Int64, _ second: Int64) throws -> Bool

  /// The passages of a document, which is known by its id or its path, with their lines; nil where there is none.
  func places(of document: String) throws -> [PassagePlace]?
  /// The mean of the vectors of passages, as a query of the collection.
  func mean(of ids: [Int64]) throws -> Embeddings
  /// Lets through what `condition` does, but for these passages.
  func filter(_ condition: DocumentFilter?, excluding ids: [Int64]) throws -> Filter

  /// The ids and names of all documents, in the order of their ids.
  func forEachDocument(_ body: (_ id: Int64, _ name: String) throws -> Void) throws
  /// The ids of all passages in ascending order, with those of their documents.
  func forEachPassage(_ body: (_ id: Int64, _ document: Int64) throws -> Void) throws
}

/// Where a passage is in its document.
package struct PassagePlace: Sendable {
  package let id: Int64
  package let lines: ClosedRange<Int>

  package init(id: Int64, lines: ClosedRange<Int>) { (self.id, self.lines) = (id, lines) }
}

/// The vectors of all passages, scaled to length 1, by numbers in the order of their ids.
struct PassageVectors<Explorer: PassageExplorer> {
  let explorer: Explorer
  let ids: [Int64]
  /// The number of the first passage of each part, and behind them that of all passages.
  private let starts: [Int]

  init(_ explorer: Explorer) {
    var (ids, starts): ([Int64], [Int]) = ([], [0])
    for part in 0..<explorer.partCount {
      ids += explorer.ids(ofPart: part)
      starts.append(ids.count)
    }
    (self.explorer, self.ids, self.starts) = (explorer, ids, starts)
  }

  /// Calls `body` with the vectors of one part after the other.
  func forEachBatch(_ body: (Embeddings) throws -> Void) throws {
    for part in 0..<explorer.partCount {
      try Task.checkCancellation()
      try body(explorer.vectors(ofPart: part, at: nil))
    }
  }

  /// `count` vectors chosen at random, or all.
  func sample(_ count: Int, seed: UInt64) throws -> Embeddings {
    var random = SplitMix64(seed: seed)
    var sample = try Embeddings(floats: [], dimension: explorer.settings.dimension)
    var (left, wanted) = (ids.count, min(count, ids.count))
    for part in 0..<explorer.partCount {
      try Task.checkCancellation()
      let positions = (0..<starts[part + 1] - starts[part]).filter { _ in
        // Each is chosen with the same probability (Knuth's algorithm S).
        defer { left -= 1 }
        guard random.below(left) < wanted else { return false }
        wanted -= 1
        return true
      }
      if !positions.isEmpty { try sample.append(explorer.vectors(ofPart: part, at: positions)) }
    }
    return sample
  }

  /// One vector by its number.
  func vector(_ number: Int) throws -> [Float] {
    // The last part that begins at it or before; parts may be empty.
    var (part, end) = (0, starts.count - 1)
    while end - part > 1 {
      let middle = (part + end) / 2
      if starts[middle] <= number { part = middle } else { end = middle }
    }
    return try explorer.vectors(ofPart: part, at: [number - starts[part]])[0]
  }
}
