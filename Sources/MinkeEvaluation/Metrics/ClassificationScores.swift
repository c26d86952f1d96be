/// How often predicted classes are the true ones, as scikit-learn's `accuracy_score`, `precision_score`,
/// `recall_score` and `f1_score` count it. What is divided by nothing is 0.
public struct ClassificationScores: Sendable, Equatable {
  /// The share of items with the right class.
  public let accuracy: Double
  /// The mean over classes of the share of right predictions among all of that class.
  public let precision: Double
  /// The mean over classes of the share of a class's items that were predicted so.
  public let recall: Double
  /// The mean over classes of the harmonic mean of precision and recall.
  public let f1: Double
  /// The same with each class weighing as much as it has items.
  public let f1Weighted: Double

  /// Of items of the classes `truth` for which `predicted` was said. The means are over the classes that occur in
  /// either.
  public init(truth: [Int], predicted: [Int]) {
    precondition(truth.count == predicted.count, "\(predicted.count) predictions of \(truth.count) items")
    var (right, items, said): ([Int: Int], [Int: Int], [Int: Int]) = ([:], [:], [:])
    for (truth, predicted) in zip(truth, predicted) {
      items[truth, default: 0] += 1
      said[predicted, default: 0] += 1
      if truth == predicted { right[truth, default: 0] += 1 }
    }
    func ratio(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
    let classes = Set(items.keys).union(said.keys).sorted()
    var (precision, recall, f1, weighted) = (0.0, 0.0, 0.0, 0.0)
    for each in classes {
      let (hits, items, said) = (right[each] ?? 0, items[each] ?? 0, said[each] ?? 0)
      precision += ratio(hits, said)
      recall += ratio(hits, items)
      f1 += ratio(2 * hits, items + said)
      weighted += ratio(2 * hits, items + said) * Double(items)
    }
    let count = Double(max(1, classes.count))
    accuracy = ratio(right.values.reduce(0, +), truth.count)
    (self.precision, self.recall, self.f1) = (precision / count, recall / count, f1 / count)
    f1Weighted = weighted / Double(max(1, truth.count))
  }
}
