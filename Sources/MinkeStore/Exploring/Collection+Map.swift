import GRDB
import Minke
import MinkeCore
import MinkeSearch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// All passages of a collection as points of a plane: what is near in meaning is near on the map.
package struct PassageMap: Sendable {
  /// The numbers of the passages.
  package let ids: [Int64]
  /// `[count, 2]`, from -1 to 1.
  package let points: [Float]
  /// Of each passage, its document's place in ``names``.
  package let documents: [Int32]
  /// The names of the documents.
  package let names: [String]
}

extension Collection {
  /// Lays out all passages on a plane.
  ///
  /// Some passages, chosen at random, are laid out so that their neighbors in meaning are their neighbors on the plane
  /// (t-SNE, van der Maaten and Hinton 2008, begun from the principal axes); every other one comes to stand among those
  /// that it is most alike to. The same collection gives the same map, whatever the number of threads. The time grows
  /// with the number of passages.
  /// - Parameter progress: hears how many of the steps are done.
  /// - Throws: `MinkeError` when the file is damaged; `CancellationError`.
  package func map(progress: ProgressHandler? = nil) throws -> PassageMap {
    try withState { db, state in
      let source = PassageVectors(collection: self, db: db, state: state)
      let (documents, names) = try documentsOfPassages(source.ids, db)
      guard source.ids.count > 2 else {
        let points: [Float] = source.ids.count == 2 ? [-1, 0, 1, 0] : source.ids.isEmpty ? [] : [0, 0]
        return PassageMap(ids: source.ids, points: points, documents: documents, names: names)
      }
      let landmarks = try source.sample(min(Self.landmarks, source.ids.count), seed: 0)
      let similarities = try landmarks.similarities(to: landmarks)
      let steps = NeighborLayout.rounds + state.vectors.count
      var layout = NeighborLayout(similarities, count: landmarks.count)
      for round in 0..<NeighborLayout.rounds {
        try Task.checkCancellation()
        try layout.step(round)
        progress?(round + 1, steps)
      }
      let places = layout.scaledPlaces()
      var points: [Float] = []
      points.reserveCapacity(2 * source.ids.count)
      var part = 0
      try source.forEachBatch { vectors in
        points += try Self.place(vectors, ids: source.ids[(points.count / 2)...], among: landmarks, at: places)
        part += 1
        progress?(NeighborLayout.rounds + part, steps)
      }
      return PassageMap(ids: source.ids, points: points, documents: documents, names: names)
    }
  }

  /// Passages that are laid out by their neighbors.
  private static let landmarks = 1000

  /// Where vectors stand: the mean of the places of the landmarks most like each, weighted by how alike they are, and a
  /// little aside, so that equal ones do not cover each other.
  private static func place(
    _ vectors: Embeddings, ids: ArraySlice<Int64>, among landmarks: Embeddings, at places: [Float]
  ) throws -> [Float] {
    let count = landmarks.count
    let spread = 1 / Float(max(1, count)).squareRoot()
    let similarities = try vectors.similarities(to: landmarks)
    let points = try Workers.map(count: vectors.count, grain: 64) { row in
      similarities.withUnsafeBufferPointer { similarities in
        let mine = UnsafeBufferPointer(rebasing: similarities[row * count..<(row + 1) * count])
        var best: [Int] = []
        for index in 0..<count where best.count < 5 || mine[index] > mine[best[4]] {
          if best.count == 5 { best.removeLast() }
          best.insert(index, at: best.firstIndex { mine[$0] < mine[index] } ?? best.endIndex)
        }
        var (x, y, sum): (Float, Float, Float) = (0, 0, 0)
        for index in best {
          let weight = exp(20 * (mine[index] - mine[best[0]]))
          x += weight * places[2 * index]
          y += weight * places[2 * index + 1]
          sum += weight
        }
        var random = SplitMix64(seed: UInt64(bitPattern: ids[ids.startIndex + row]))
        let aside = spread * (1 - min(1, max(0, mine[best[0]])))
        return (
          max(-1, min(1, x / sum + aside * Float(random.unit() - 0.5))),
          max(-1, min(1, y / sum + aside * Float(random.unit() - 0.5)))
        )
      }
    }
    return points.flatMap { [$0.0, $0.1] }
  }

  /// The document of each passage, as its place among all names.
  private func documentsOfPassages(_ ids: [Int64], _ db: Database) throws -> ([Int32], [String]) {
    var names: [String] = []
    var places: [Int64: Int32] = [:]
    try db.forEachRow("SELECT id, name FROM documents ORDER BY id", of: "\(path): documents") { row in
      places[try row.integer(0)] = Int32(names.count)
      names.append(try row.text(1))
    }
    var documents: [Int32] = []
    documents.reserveCapacity(ids.count)
    // Both ascend.
    try db.forEachRow("SELECT id, document FROM passages ORDER BY id", of: "\(path): passages") { row in
      guard documents.count < ids.count, try row.integer(0) == ids[documents.count] else { return }
      let document = try row.integer(1)
      documents.append(
        try places[document].unwrapped {
          MinkeError(
            .malformedFile, path, expected: "document \(document)", found: "none; minke collection verify says more")
        })
    }
    guard documents.count == ids.count else {
      throw MinkeError(
        .malformedFile, path, expected: "a passage for each vector", found: "none; minke collection verify says more")
    }
    return (documents, names)
  }
}
