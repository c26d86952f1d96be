import MinkeCore

/// Clusters of directions: each vector belongs to the center that its cosine is greatest to, and each center is the mean
/// of its vectors, scaled to length 1 (Dhillon and Modha 2001).
///
/// Vectors come in batches, so that not all need be in memory. All sums are made in one order, whatever the number of
/// threads, and so is every choice: the same vectors and seed give the same clusters.
struct SphericalKMeans {
  /// `[clusters, dimension]`, each of length 1.
  private(set) var centers: Embeddings

  /// Centers at vectors of `sample` that are far from each other by k-means++ (Arthur and Vassilvitskii 2007), with
  /// `1 - cosine` for the square of the distance, each the best of a few that are drawn; fewer than `k` where the vectors
  /// have fewer directions.
  ///
  /// - Parameter sample: of length 1, at least one.
  init(_ k: Int, sample: Embeddings, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let first = random.below(sample.count)
    centers = sample.rows(first..<first + 1)
    // Greedy choice needs few candidates; as many as the bits of k, and two.
    let draws = 2 + Int.bitWidth - k.leadingZeroBitCount
    var distances = try Self.distances(of: sample, to: first)
    while centers.count < k {
      let total = distances.reduce(0, +)
      guard total > 0 else { break }
      var best: (index: Int, distances: [Double], total: Double)?
      for _ in 0..<draws {
        let index = Self.draw(from: distances, total: total, &random)
        let nearer = zip(distances, try Self.distances(of: sample, to: index)).map { min($0, $1) }
        let left = nearer.reduce(0, +)
        if left < best?.total ?? .infinity { best = (index, nearer, left) }
      }
      guard let best else { break }
      try centers.append(sample.rows(best.index..<best.index + 1))
      distances = best.distances
    }
  }

  private static func distances(of sample: Embeddings, to index: Int) throws -> [Double] {
    // Below that it is the rounding of floats.
    try sample.similarities(to: sample.rows(index..<index + 1)).map { 1 - $0 < 1e-5 ? 0 : Double(1 - $0) }
  }

  /// A place, each as likely as its share of `weights`.
  private static func draw(from weights: [Double], total: Double, _ random: inout SplitMix64) -> Int {
    var mark = random.unit() * total
    for (index, weight) in weights.enumerated() {
      mark -= weight
      if mark < 0, weight > 0 { return index }
    }
    // Rounding may leave something at the end.
    return weights.lastIndex { $0 > 0 } ?? 0
  }

  /// What one look at all vectors gives.
  struct Pass {
    /// The cluster of each vector, in the order in which they came.
    var clusters: [Int32] = []
    /// The cosine of each vector and the center of its cluster.
    var similarities: [Float] = []
    /// Vectors of each cluster.
    var sizes: [Int]
    /// The sums of the vectors of each cluster, `[clusters, dimension]`.
    fileprivate let sums: AlignedBuffer<Double>

    init(_ means: SphericalKMeans) {
      sizes = [Int](repeating: 0, count: means.centers.count)
      sums = AlignedBuffer(zeroed: means.centers.count * means.centers.dimension)
    }
  }

  /// Takes in vectors of length 1.
  func add(_ vectors: Embeddings, to pass: inout Pass) throws {
    let (count, dimension) = (centers.count, centers.dimension)
    let all = try vectors.similarities(to: centers)
    let nearest = try Workers.map(count: vectors.count, grain: 256) { row in
      all.withUnsafeBufferPointer { all in
        var best = 0
        for center in 1..<max(1, count) where all[row * count + center] > all[row * count + best] { best = center }
        return (cluster: Int32(best), similarity: all[row * count + best])
      }
    }
    for (cluster, similarity) in nearest {
      pass.clusters.append(cluster)
      pass.similarities.append(similarity)
      pass.sizes[Int(cluster)] += 1
    }
    guard let floats = vectors.floats else { return }
    let sums = pass.sums
    // By columns: each sum is then made by one thread, vector by vector.
    try Workers.forEachPiece(of: dimension, grain: 64) { columns, _ in
      floats.withUnsafeBufferPointer { floats in
        nearest.withUnsafeBufferPointer { nearest in
          for row in 0..<nearest.count {
            let sum = sums.baseAddress + Int(nearest[row].cluster) * dimension
            for column in columns { sum[column] += Double(floats[row * dimension + column]) }
          }
        }
      }
    }
  }

  /// Moves the centers to the means of what `pass` gave them.
  ///
  /// - Parameter vector: gives a vector of length 1 by its number. A center that nothing belongs to moves to the vector
  ///   that is furthest from its own.
  mutating func update(_ pass: Pass, vector: (Int) throws -> [Float]) throws {
    let dimension = centers.dimension
    var floats = withExtendedLifetime(pass.sums) { pass.sums.pointer.map { Float($0) } }
    let empty = pass.sizes.indices.filter { pass.sizes[$0] == 0 }
    if !empty.isEmpty {
      let furthest = pass.similarities.indices.sorted {
        (pass.similarities[$0], $0) < (pass.similarities[$1], $1)
      }
      for (center, index) in zip(empty, furthest) {
        floats.replaceSubrange(center * dimension..<(center + 1) * dimension, with: try vector(index))
      }
    }
    centers = try Embeddings(floats: floats, dimension: dimension).normalized()
  }
}
