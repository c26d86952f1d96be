/// How closely two series of numbers go together, -1 to 1.
public enum Correlation {
  /// Pearson's correlation; NaN where a series is constant or shorter than 2.
  public static func pearson(_ x: [Double], _ y: [Double]) -> Double {
    precondition(x.count == y.count, "\(x.count) and \(y.count) numbers")
    guard x.count > 1 else { return .nan }
    let count = Double(x.count)
    let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      let (dx, dy) = (a - meanX, b - meanY)
      xy += dx * dy
      xx += dx * dx
      yy += dy * dy
    }
    guard xx > 0, yy > 0 else { return .nan }
    return max(-1, min(1, xy / (xx.squareRoot() * yy.squareRoot())))
  }

  /// Spearman's correlation: Pearson's of the ranks, equal numbers sharing the mean of theirs.
  public static func spearman(_ x: [Double], _ y: [Double]) -> Double { pearson(ranks(x), ranks(y)) }

  /// The rank of each number from 1 on, equal ones sharing the mean of theirs.
  public static func ranks(_ values: [Double]) -> [Double] {
    // Numbers and their places are sorted together: sorting places by looking numbers up takes three times as long.
    var sorted = values.enumerated().map { (value: $1, place: UInt32($0)) }
    sorted.sort { $0.value < $1.value }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < sorted.count {
      var end = start + 1
      while end < sorted.count, sorted[end].value == sorted[start].value { end += 1 }
      let rank = Double(start + end + 1) / 2
      for index in start..<end { ranks[Int(sorted[index].place)] = rank }
      start = end
    }
    return ranks
  }
}
