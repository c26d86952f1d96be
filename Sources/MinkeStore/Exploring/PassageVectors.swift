import GRDB
import MinkeCore
import MinkeSearch

/// The vectors of a collection's passages, scaled to length 1, in the order of their ids.
struct PassageVectors {
  let collection: Collection
  let db: Database
  let state: CollectionState
  let ids: [Int64]

  init(collection: Collection, db: Database, state: CollectionState) {
    (self.collection, self.db, self.state) = (collection, db, state)
    ids = state.vectors.flatMap { Self.living($0).map { $1 } }
  }

  private static func living(_ part: VectorPart) -> [(position: Int, id: Int64)] {
    part.allIDs.enumerated().filter { !part.range.gone.contains(Int($1 - part.range.first)) }
      .map { (position: $0, id: $1) }
  }

  /// Calls `body` with the vectors of one part after the other.
  func forEachBatch(_ body: (Embeddings) throws -> Void) throws {
    for part in state.vectors {
      try Task.checkCancellation()
      try body(vectors(of: part, Self.living(part).map(\.position)))
    }
  }

  /// The vectors at some positions of a part.
  private func vectors(of part: VectorPart, _ positions: [Int]) throws -> Embeddings {
    let format = try state.settings.vectorFormat()
    let block = try collection.vectorBlock(of: part, format, db)
    let numbers = try collection.numbers(of: part, block, db)
    let dimension = format.dimension
    // Mostly nothing was removed.
    let chosen =
      positions.count == block.count
      ? numbers : positions.flatMap { numbers[$0 * dimension..<($0 + 1) * dimension] }
    return try Embeddings(floats: chosen, dimension: dimension).normalized()
  }

  /// `count` vectors chosen at random, or all.
  func sample(_ count: Int, seed: UInt64) throws -> Embeddings {
    var random = SplitMix64(seed: seed)
    var sample = try Embeddings(floats: [], dimension: state.settings.dimension)
    var (left, wanted) = (ids.count, min(count, ids.count))
    for part in state.vectors {
      try Task.checkCancellation()
      let positions = Self.living(part).compactMap { position, _ in
        // Each is chosen with the same probability (Knuth's algorithm S).
        defer { left -= 1 }
        guard random.below(left) < wanted else { return nil as Int? }
        wanted -= 1
        return position
      }
      if !positions.isEmpty { try sample.append(vectors(of: part, positions)) }
    }
    return sample
  }

  /// One vector by its number.
  func vector(_ index: Int) throws -> [Float] {
    guard let part = state.vectorPart(of: ids[index]), let position = part.position(of: ids[index]) else {
      throw Collection.missing(ids[index], collection.path)
    }
    return try vectors(of: part, [position])[0]
  }
}
