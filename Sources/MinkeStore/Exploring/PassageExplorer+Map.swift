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

/// Passages that are laid out by their neighbors.
private let landmarkCount = 1000

extension PassageExplorer {
  /// Lays out all passages on a plane; see ``Collection/map(progress:)``.
  package func map(progress: ProgressHandler?) throws -> PassageMap {
    let source = PassageVectors(self)
    let (documents, names) = try documentsOfPassages(source.ids)
    guard source.ids.count > 2 else {
      let points: [Float] = source.ids.count == 2 ? [-1, 0, 1, 0] : source.ids.isEmpty ? [] : [0, 0]
      return PassageMap(ids: source.ids, points: points, documents: documents, names: names)
    }
    let landmarks = try source.sample(min(landmarkCount, source.ids.count), seed: 0)
    let similarities = try landmarks.similarities(to: landmarks)
    let steps = NeighborLayout.rounds + partCount
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
  private func documentsOfPassages(_ ids: [Int64]) throws -> ([Int32], [String]) {
    var names: [String] = []
    var places: [Int64: Int32] = [:]
    try forEachDocument { id, name in
      places[id] = Int32(names.count)
      names.append(name)
    }
    var documents: [Int32] = []
    documents.reserveCapacity(ids.count)
    // Both ascend.
    try forEachPassage { id, document in
      guard documents.count < ids.count, id == ids[documents.count] else { return }
      documents.append(
        try places[document].unwrapped {
          MinkeError(
            .malformedFile, location, expected: "document \(document)", found: "none; minke collection verify says more"
          )
        })
    }
    guard documents.count == ids.count else {
      throw MinkeError(
        .malformedFile, location, expected: "a passage for each vector",
        found: "none; minke collection verify says more")
    }
    return (documents, names)
  }
}
