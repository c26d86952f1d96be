import Foundation

/// How many items each class and each cluster has, and what the one says of the other; entropies are in nats.
struct ClusterCounts {
  let count: Int
  /// The sizes of the classes and of the clusters, the smallest first.
  let classSizes, clusterSizes: [Int]
  /// What the clusters say of the classes.
  let mutualInformation: Double

  init(classes: [Int], clusters: [Int]) {
    precondition(classes.count == clusters.count, "\(classes.count) classes of \(clusters.count) items")
    struct Cell: Hashable {
      let row: Int
      let column: Int
    }
    var (rows, columns, cells): ([Int: Int], [Int: Int], [Cell: Int]) = ([:], [:], [:])
    for (row, column) in zip(classes, clusters) {
      rows[row, default: 0] += 1
      columns[column, default: 0] += 1
      cells[Cell(row: row, column: column), default: 0] += 1
    }
    let count = Double(classes.count)
    let shares = cells.map { cell, size -> Double in
      let (row, column) = (Double(rows[cell.row] ?? 1), Double(columns[cell.column] ?? 1))
      return Double(size) / count * log(Double(size) / row * count / column)
    }
    self.count = classes.count
    // In a fixed order: that of a dictionary changes from run to run, and a sum with it.
    (classSizes, clusterSizes) = (rows.values.sorted(), columns.values.sorted())
    mutualInformation = max(0, shares.sorted().reduce(0, +))
  }

  var classEntropy: Double { entropy(classSizes) }
  var clusterEntropy: Double { entropy(clusterSizes) }

  private func entropy(_ sizes: [Int]) -> Double {
    guard sizes.count > 1 else { return 0 }
    return sizes.reduce(0) { $0 - Double($1) / Double(count) * log(Double($1) / Double(count)) }
  }

  /// The mutual information of classes and clusters of the same sizes whose items were dealt at random: the mean over the
  /// hypergeometric distribution of how many items a class and a cluster share (Vinh, Epps and Bailey 2010).
  var expectedMutualInformation: Double {
    guard classSizes.count > 1, clusterSizes.count > 1 else { return 0 }
    let logFactorials = (0...count).map { lgamma(Double($0) + 1).0 }
    // Pairs of the same two sizes have the same share.
    func runs(_ sizes: [Int]) -> [(size: Int, times: Int)] {
      sizes.reduce(into: []) { runs, size in
        if runs.last?.size == size { runs[runs.count - 1].times += 1 } else { runs.append((size, 1)) }
      }
    }
    let (rows, columns) = (runs(classSizes), runs(clusterSizes))
    return logFactorials.withUnsafeBufferPointer { logFactorials in
      var sum = 0.0
      for (a, timesA) in rows {
        for (b, timesB) in columns {
          let fixed =
            logFactorials[a] + logFactorials[b] + logFactorials[count - a] + logFactorials[count - b]
            - logFactorials[count]
          var share = 0.0
          for shared in max(1, a + b - count)...max(1, min(a, b)) {
            let probability = exp(
              fixed - logFactorials[shared] - logFactorials[a - shared] - logFactorials[b - shared]
                - logFactorials[count - a - b + shared])
            let ratio = log(Double(count) * Double(shared)) - log(Double(a)) - log(Double(b))
            share += Double(shared) / Double(count) * ratio * probability
          }
          sum += share * Double(timesA * timesB)
        }
      }
      return sum
    }
  }
}
