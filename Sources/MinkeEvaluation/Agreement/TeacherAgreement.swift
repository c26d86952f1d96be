import Foundation
import MinkeCore

/// How closely a model's vectors of some texts follow those of the model that it learnt from: by themselves, where both
/// are as long, and by which texts are near which.
public struct TeacherAgreement: Sendable {
  /// Texts that are compared with each other, at most: their similarities are all in memory.
  public var limit = 8000
  /// The cosine from which on a text counts as followed.
  public var threshold = 0.9
  /// Neighbors that are compared.
  public var neighbors = 10

  /// Ten neighbors, and the other defaults.
  public init() {}

  /// Compares the vectors of the same texts, row by row.
  ///
  /// The figures: `cosine` (mean, `_median`, `_p10`) of each text's two vectors and `within`, the share at ``threshold`` or
  /// above; `structure_pearson` and `structure_spearman` of the similarities of all pairs of texts; `neighbor_ranking`, the
  /// mean over texts of Spearman's correlation of their similarities to the others; `top1`, how often the nearest is the
  /// same; `recall@10`, what share of the nearest is.
  /// - Throws: `MinkeError` when there are not as many vectors of both, or fewer than 3.
  public func run(name: String, student: Embeddings, teacher: Embeddings) throws -> TaskResult {
    guard student.count == teacher.count, student.count > 2 else {
      throw MinkeError(
        .shapeMismatch, "vectors", expected: "as many of both, 3 or more",
        found: "\(student.count) and \(teacher.count)")
    }
    var metrics: [TaskResult.Metric] = []
    var warnings: [String] = []
    if student.dimension == teacher.dimension, student.packedBits == nil, teacher.packedBits == nil {
      let cosines = try PairSimilarities(student, teacher).all[0].values.sorted()
      metrics.append(TaskResult.Metric("cosine", cosines.reduce(0, +) / Double(cosines.count)))
      metrics.append(TaskResult.Metric("cosine_median", Self.quantile(0.5, of: cosines)))
      metrics.append(TaskResult.Metric("cosine_p10", Self.quantile(0.1, of: cosines)))
      metrics.append(
        TaskResult.Metric(
          "within_\(threshold)", Double(cosines.count { $0 >= threshold }) / Double(cosines.count)))
    } else {
      func form(_ vectors: Embeddings) -> String {
        "\(vectors.dimension) \(vectors.packedBits == nil ? "numbers" : "bits")"
      }
      warnings.append(
        "cosines to the teacher's vectors, of \(form(teacher)), are left out: those judged have \(form(student))")
    }
    var (a, b) = (student, teacher)
    if student.count > limit {
      warnings.append("similarities of the first \(limit) of \(student.count) texts")
      (a, b) = (student.rows(0..<limit), teacher.rows(0..<limit))
    }
    metrics += try structure(a, b)
    return TaskResult(
      name: name, kind: .agreement, metrics: metrics, mainMetric: metrics[0].name, warnings: warnings)
  }

  private func structure(_ student: Embeddings, _ teacher: Embeddings) throws -> [TaskResult.Metric] {
    let count = student.count
    let ours = try student.normalized().similarities(to: student.normalized())
    let theirs = try teacher.normalized().similarities(to: teacher.normalized())
    let neighbors = min(neighbors, count - 1)
    // Each text: the correlation of its similarities, whether the nearest is the same, how many of the nearest are.
    let anchors = try Workers.map(count: count) { row -> (ranking: Double, first: Bool, shared: Int) in
      let others = (0..<count).filter { $0 != row }
      let x = others.map { Double(ours[row * count + $0]) }
      let y = others.map { Double(theirs[row * count + $0]) }
      let (near, nearTeacher) = (Self.largest(neighbors, x), Self.largest(neighbors, y))
      return (
        Correlation.spearman(x, y), near[0] == nearTeacher[0], Set(near).intersection(nearTeacher).count
      )
    }
    var (x, y): ([Double], [Double]) = ([], [])
    x.reserveCapacity(count * (count - 1) / 2)
    y.reserveCapacity(count * (count - 1) / 2)
    for row in 0..<count {
      for other in row + 1..<count {
        x.append(Double(ours[row * count + other]))
        y.append(Double(theirs[row * count + other]))
      }
    }
    let rankings = anchors.map(\.ranking).filter { !$0.isNaN }
    return [
      TaskResult.Metric("structure_pearson", Correlation.pearson(x, y)),
      TaskResult.Metric("structure_spearman", Correlation.spearman(x, y)),
      TaskResult.Metric("neighbor_ranking", rankings.reduce(0, +) / Double(rankings.count)),
      TaskResult.Metric("top1", Double(anchors.count { $0.first }) / Double(count)),
      TaskResult.Metric(
        "recall@\(neighbors)", Double(anchors.reduce(0) { $0 + $1.shared }) / Double(count * neighbors)),
    ]
  }

  /// The places of the largest values, largest first; of equal ones the first.
  private static func largest(_ count: Int, _ values: [Double]) -> [Int] {
    var best: [Int] = []
    for (place, value) in values.enumerated() {
      if best.count == count, value <= values[best[count - 1]] { continue }
      let index = best.firstIndex { values[$0] < value } ?? best.count
      best.insert(place, at: index)
      if best.count > count { best.removeLast() }
    }
    return best
  }

  /// The value below which a share of the sorted values lies, between two of them in proportion.
  private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    let place = share * Double(sorted.count - 1)
    let (low, high) = (Int(place), min(sorted.count - 1, Int(place) + 1))
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
}
