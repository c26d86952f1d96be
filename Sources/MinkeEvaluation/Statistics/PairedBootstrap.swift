import MinkeCore

/// How sure it is that two runs differ: their values on the same items, the items drawn again and again.
///
/// Each resample draws as many items as there are, with replacement, and takes the mean of the differences of their
/// values (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16).
public struct PairedBootstrap: Sendable, Equatable {
  /// The mean of the second run's values less that of the first's.
  public let difference: Double
  /// The middle 95% of the resamples' differences.
  public let interval: ClosedRange<Double>
  /// How probable so large a difference either way would be if there were none: the share of resamples that lie at
  /// least as far from the difference as it lies from zero, the observed one counted among them.
  public let p: Double
  /// How many items both runs have.
  public let count: Int

  /// The resamples that are drawn unless told otherwise.
  public static let defaultResamples = 10_000

  /// Draws resamples of the items; the result depends on the values, `resamples` and `seed` alone.
  ///
  /// - Parameters:
  ///   - first: a run's value of each item.
  ///   - second: the other run's values of the same items.
  /// - Throws: `MinkeError` when the counts differ, there are fewer than two items, a value is not finite or there are
  ///   no resamples; `CancellationError` when the calling task is cancelled.
  public init(
    _ first: [Double], _ second: [Double], resamples: Int = Self.defaultResamples, seed: UInt64 = 0
  ) throws {
    guard first.count == second.count else {
      throw MinkeError(.shapeMismatch, "second run", expected: "\(first.count) values", found: "\(second.count)")
    }
    guard first.count >= 2 else {
      throw MinkeError(.invalidArgument, "items", expected: "two or more", found: "\(first.count)")
    }
    guard (first + second).allSatisfy(\.isFinite) else {
      throw MinkeError(.notFinite, "items", expected: "finite values", found: "one that is not")
    }
    guard (1...10_000_000).contains(resamples) else {
      throw MinkeError(.invalidArgument, "resamples", expected: "1 to 10,000,000", found: "\(resamples)")
    }
    let differences = zip(first, second).map { $1 - $0 }
    let sum = differences.reduce(0, +)
    // A generator for each resample, so that none depends on which thread draws it.
    var generator = SplitMix64(seed: seed)
    let seeds = (0..<resamples).map { _ in generator.next() }
    var sums = try Workers.map(count: resamples, grain: 64) { index in
      var generator = SplitMix64(seed: seeds[index])
      return generator.resampledSum(of: differences)
    }
    sums.sort()
    count = first.count
    difference = sum / Double(count)
    let lower = Self.quantile(0.025, of: sums) / Double(count)
    interval = lower...max(lower, Self.quantile(0.975, of: sums) / Double(count))
    p = Double(1 + sums.count { abs($0 - sum) >= abs(sum) }) / Double(1 + resamples)
  }

  /// The quantile of sorted values, between two of them by their distance.
  private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    let place = share * Double(sorted.count - 1)
    let (below, part) = (Int(place), place - place.rounded(.down))
    return sorted[below] + part * (sorted[min(below + 1, sorted.count - 1)] - sorted[below])
  }
}
