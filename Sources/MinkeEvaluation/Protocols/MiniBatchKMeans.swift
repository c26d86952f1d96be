import Foundation
import MinkeCore

/// Clusters vectors by k-means on small random batches (Sculley 2010), started by greedy k-means++: scikit-learn's
/// `MiniBatchKMeans`, with its rules for stopping and for clusters that stay small, and its draws.
struct MiniBatchKMeans {
  let clusters: Int
  let batch: Int
  let seed: UInt32

  /// The cluster of each of the items, which are `rows` of `vectors`; a row may be several items.
  func clusters(of rows: [Int], in vectors: TaskVectors) -> [Int] {
    let count = rows.count
    precondition(count >= clusters && clusters > 0, "\(clusters) clusters of \(count) items")
    var random = MersenneTwister(numpy: seed)
    let batch = min(batch, count)
    let wanted = 3 * batch < clusters ? 3 * clusters : 3 * batch
    let initial = min(wanted, count)
    // Drawn for a comparison of several beginnings, of which there is one.
    _ = random.integers(initial, below: count)
    let drawn = initial < count ? random.integers(initial, below: count).map { rows[$0] } : rows
    var centers = Centers(Self.begin(vectors.matrix(drawn), clusters, &random))
    var weights = [Double](repeating: 0, count: clusters)
    var sinceReassignment = 0
    var (smoothed, lowest): (Double?, Double?) = (nil, nil)
    var idle = 0
    for step in 0..<max(1, 100 * count / batch) {
      let points = vectors.matrix(random.choices(batch, below: count).map { rows[$0] })
      sinceReassignment += batch
      let reassigns = weights.contains(0) || sinceReassignment >= 10 * clusters
      if reassigns { sinceReassignment = 0 }
      let (nearest, inertia) = centers.nearest(points)
      centers.move(to: points, nearest, &weights)
      if reassigns { Self.reassign(&centers, &weights, points, &random) }
      if step == 0 { continue }
      let share = min(1, Double(batch) * 2 / Double(count + 1))
      let mean = inertia / Double(batch)
      let value = smoothed.map { $0 * (1 - share) + mean * share } ?? mean
      smoothed = value
      if lowest.map({ value < $0 }) ?? true {
        (idle, lowest) = (0, value)
      } else {
        idle += 1
        if idle >= 10 { break }
      }
    }
    // Rows that stand several times are looked at once.
    let different = Set(rows).sorted()
    var places: [Int: Int] = [:]
    for first in stride(from: 0, to: different.count, by: 1024) {
      let part = Array(different[first..<min(different.count, first + 1024)])
      for (row, nearest) in zip(part, centers.nearest(vectors.matrix(part)).clusters) { places[row] = nearest }
    }
    return rows.map { places[$0] ?? 0 }
  }

  /// Points far from each other: each is the best of some drawn with chances by the squared distance to the nearest
  /// before (Arthur and Vassilvitskii 2007).
  private static func begin(_ points: Matrix, _ clusters: Int, _ random: inout MersenneTwister) -> Matrix {
    let (count, dimension) = (points.rows, points.columns)
    let trials = 2 + Int(log(Double(clusters)))
    let product = MatrixProduct(.active)
    let panels = AlignedBuffer<Float>(uninitialized: MatrixProduct.packedCount(columns: count, depth: dimension))
    let (candidates, products) = (
      Matrix(rows: trials, columns: dimension), Matrix(rows: trials, columns: count)
    )
    let centers = Matrix(rows: clusters, columns: dimension)
    return withExtendedLifetime((points, panels, candidates, products, centers)) {
      let all = points.view.read
      product.pack(all, into: panels.baseAddress)
      let lengths = all.squaredLengths
      /// The squared distances of the points at `chosen` to all.
      func distances(_ chosen: [Int]) -> [[Double]] {
        for (trial, point) in chosen.enumerated() { candidates.view.row(trial).copy(all.row(point)) }
        product(
          candidates.view.rows(0..<chosen.count).read, panels.baseAddress,
          into: products.view.rows(0..<chosen.count))
        return chosen.enumerated().map { trial, point in
          let row = products.view.start + trial * count
          return (0..<count).map {
            $0 == point ? 0 : max(0, lengths[point] + lengths[$0] - 2 * Double(row[$0]))
          }
        }
      }
      let first = random.choices(1, below: count)[0]
      centers.view.row(0).copy(all.row(first))
      var closest = distances([first])[0]
      var potential = closest.reduce(0, +)
      for cluster in 1..<max(1, clusters) {
        var sum = 0.0
        let sums = closest.map { distance in
          sum += distance
          return sum
        }
        let chosen = (0..<trials).map { _ in
          min(count - 1, sums.firstIndex(notBelow: random.unit() * potential))
        }
        var best: (point: Int, closest: [Double], potential: Double)?
        for (point, distances) in zip(chosen, distances(chosen)) {
          let nearer = zip(distances, closest).map { min($0, $1) }
          let potential = nearer.reduce(0, +)
          if best.map({ potential < $0.potential }) ?? true { best = (point, nearer, potential) }
        }
        guard let best else { break }
        (closest, potential) = (best.closest, best.potential)
        centers.view.row(cluster).copy(all.row(best.point))
      }
      return centers
    }
  }

  /// Puts clusters with next to no items on points of the batch instead, at most half as many as it has.
  private static func reassign(
    _ centers: inout Centers, _ weights: inout [Double], _ points: Matrix, _ random: inout MersenneTwister
  ) {
    let limit = 0.01 * (weights.max() ?? 0)
    var small = weights.indices.filter { weights[$0] < limit }
    let most = points.rows / 2
    if Double(small.count) > 0.5 * Double(points.rows) {
      let lightest = Set(weights.indices.sorted { (weights[$0], $0) < (weights[$1], $1) }.prefix(most))
      small = small.filter(lightest.contains)
    }
    guard !small.isEmpty else { return }
    var order = Array(0..<points.rows)
    random.shuffle(&order)
    let kept = Set(small)
    let least = weights.indices.filter { !kept.contains($0) }.map { weights[$0] }.min() ?? 0
    for (cluster, point) in zip(small, order) {
      centers.put(cluster, points, point)
      weights[cluster] = least
    }
  }
}

/// The centers of clusters, `[clusters, dimension]`.
private struct Centers {
  private let rows: Matrix
  private let panels: AlignedBuffer<Float>
  private let product = MatrixProduct(.active)

  init(_ rows: Matrix) {
    self.rows = rows
    panels = AlignedBuffer(uninitialized: MatrixProduct.packedCount(columns: rows.rows, depth: rows.columns))
  }

  /// The nearest center of each point, and the sum of the squared distances to them.
  func nearest(_ points: Matrix) -> (clusters: [Int], inertia: Double) {
    let products = Matrix(rows: points.rows, columns: rows.rows)
    return withExtendedLifetime((points, products, rows, panels)) {
      product.pack(rows.view.read, into: panels.baseAddress)
      product(points.view.read, panels.baseAddress, into: products.view)
      let (lengths, ofPoints) = (rows.view.read.squaredLengths, points.view.read.squaredLengths)
      var inertia = 0.0
      let nearest = (0..<points.rows).map { point in
        let row = products.view.start + point * lengths.count
        var best = (cluster: 0, distance: Double.infinity)
        for cluster in lengths.indices {
          let distance = lengths[cluster] - 2 * Double(row[cluster])
          if distance < best.distance { best = (cluster, distance) }
        }
        inertia += max(0, ofPoints[point] + best.distance)
        return best.cluster
      }
      return (nearest, inertia)
    }
  }

  /// Moves each center to the mean of all points that it ever had; `weights` counts them.
  func move(to points: Matrix, _ nearest: [Int], _ weights: inout [Double]) {
    withExtendedLifetime((points, rows)) {
      var added = [Int](repeating: 0, count: weights.count)
      for cluster in nearest { added[cluster] += 1 }
      for cluster in added.indices where added[cluster] > 0 {
        rows.view.row(cluster).scale(by: Float(weights[cluster]))
      }
      for (point, cluster) in nearest.enumerated() { rows.view.row(cluster).add(points.view.row(point).read) }
      for cluster in added.indices where added[cluster] > 0 {
        weights[cluster] += Double(added[cluster])
        rows.view.row(cluster).scale(by: Float(1 / weights[cluster]))
      }
    }
  }

  func put(_ cluster: Int, _ points: Matrix, _ point: Int) {
    withExtendedLifetime((points, rows)) { rows.view.row(cluster).copy(points.view.row(point).read) }
  }
}

extension MatrixView {
  /// The squared Euclidean length of each row.
  fileprivate var squaredLengths: [Double] {
    (0..<rows).map { row in
      let row = start + row * stride
      return (0..<columns).reduce(0) { $0 + Double(row[$1]) * Double(row[$1]) }
    }
  }
}

extension [Double] {
  /// Of numbers in rising order, the place of the first that is not below `value`.
  fileprivate func firstIndex(notBelow value: Double) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
