/// The area under the steps of precision over recall (scikit-learn's `average_precision_score`).
public enum AveragePrecision {
  /// The sum over the thresholds, from the highest score down, of the gain in recall times the precision there; equal
  /// scores share one threshold. 0 where nothing is relevant.
  ///
  /// - Parameters:
  ///   - scores: one an item; larger is more likely relevant.
  ///   - isRelevant: whether each item is.
  public static func value(_ scores: [Double], _ isRelevant: [Bool]) -> Double {
    precondition(scores.count == isRelevant.count, "\(scores.count) scores of \(isRelevant.count) items")
    let relevant = isRelevant.count { $0 }
    guard relevant > 0 else { return 0 }
    var sum = 0.0
    var found = 0
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var place = 0
    while place < order.count {
      let score = scores[order[place]]
      let before = found
      while place < order.count, scores[order[place]] == score {
        if isRelevant[order[place]] { found += 1 }
        place += 1
      }
      sum += Double(found - before) / Double(relevant) * Double(found) / Double(place)
    }
    return sum
  }
}
