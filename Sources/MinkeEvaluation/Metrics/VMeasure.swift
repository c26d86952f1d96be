import Foundation

/// How well clusters go with classes: the harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg
/// 2007), as scikit-learn's `v_measure_score`.
public enum VMeasure {
  /// 1 where every class is one cluster, 0 where clusters say nothing of classes. The numbers themselves mean nothing.
  ///
  /// - Parameters:
  ///   - classes: the true class of each item.
  ///   - clusters: the cluster that each item was put into.
  public static func value(classes: [Int], clusters: [Int]) -> Double {
    precondition(classes.count == clusters.count, "\(classes.count) classes of \(clusters.count) items")
    guard !classes.isEmpty else { return 1 }
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
    // Summed in a fixed order: that of a dictionary changes from run to run.
    func entropy(_ sizes: [Int: Int]) -> Double {
      if sizes.count == 1 { return 0 }
      return sizes.values.sorted().reduce(0) { $0 - Double($1) / count * log(Double($1) / count) }
    }
    let shares = cells.map { cell, size -> Double in
      let (row, column) = (Double(rows[cell.row] ?? 1), Double(columns[cell.column] ?? 1))
      return Double(size) / count * log(Double(size) / row * count / column)
    }
    let information: Double = shares.sorted().reduce(0, +)
    let (ofClasses, ofClusters) = (entropy(rows), entropy(columns))
    let homogeneity = ofClasses == 0 ? 1 : max(0, information) / ofClasses
    let completeness = ofClusters == 0 ? 1 : max(0, information) / ofClusters
    guard homogeneity + completeness > 0 else { return 0 }
    return 2 * homogeneity * completeness / (homogeneity + completeness)
  }
}
