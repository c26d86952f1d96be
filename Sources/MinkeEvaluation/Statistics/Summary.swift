import MinkeCore

/// The mean of some values and how much they scatter.
public struct Summary: Sendable, Equatable {
  /// How many values there are.
  public let count: Int
  /// Their mean; NaN of none.
  public let mean: Double
  /// The standard deviation of the sample, over `count - 1`; NaN of fewer than two.
  public let standardDeviation: Double

  /// What `values` come to.
  public init(_ values: [Double]) {
    count = values.count
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.mean = mean
    standardDeviation = values.count < 2 ? .nan : (squares / Double(values.count - 1)).squareRoot()
  }

  /// The standard error of the mean: the standard deviation over the root of the count.
  public var standardError: Double { standardDeviation / Double(count).squareRoot() }
}
