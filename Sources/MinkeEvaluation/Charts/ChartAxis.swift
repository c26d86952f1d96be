import Foundation

/// Values along one side of a chart, with marks at round numbers.
struct ChartAxis {
  struct Tick: Equatable {
    let value: Double
    let label: String
  }

  let range: ClosedRange<Double>
  let ticks: [Tick]
  private let isLogarithmic: Bool

  /// An axis from a round number to another around `values`, with about `count` marks.
  init(around values: [Double], ticks count: Int = 6) {
    var (least, most) = (values.min() ?? 0, values.max() ?? 1)
    if most - least <= 1e-9 * max(abs(least), abs(most)) {
      let room = least == 0 ? 1 : 0.1 * abs(least)
      (least, most) = (least - room, most + room)
    }
    let step = Self.roundStep((most - least) / Double(max(1, count)))
    let (first, last) = ((least / step).rounded(.down), (most / step).rounded(.up))
    let digits = max(0, Int(-log10(step).rounded(.down)))
    ticks = (0...Int(last - first)).map { index in
      // The product of whole numbers and the step, so that no error adds up; and no minus zero.
      let value = (first + Double(index)) * step + 0
      return Tick(value: value, label: String(format: "%.\(digits)f", value))
    }
    range = first * step...last * step
    isLogarithmic = false
  }

  /// A logarithmic axis over `values`, which are above 0, with marks at those of them that have room.
  ///
  /// - Parameter gap: the share of the axis that two marks are at least apart.
  init(logarithmic values: [Double], gap: Double) {
    let sorted = Set(values).sorted()
    let (least, most) = (sorted.first ?? 1, sorted.last ?? 1)
    range = least < most ? least...most : least / 2...most * 2
    isLogarithmic = true
    let (low, high) = (log(range.lowerBound), log(range.upperBound))
    var ticks: [Tick] = []
    for value in sorted {
      if let last = ticks.last, (log(value) - log(last.value)) / (high - low) < gap { continue }
      let isWhole = value == value.rounded()
      ticks.append(Tick(value: value, label: isWhole ? String(Int(value)) : String(format: "%.3g", value)))
    }
    self.ticks = ticks
  }

  /// Where `value` lies, from 0 at the axis's begin to 1 at its end.
  func place(_ value: Double) -> Double {
    let (low, high) = (range.lowerBound, range.upperBound)
    return isLogarithmic ? (log(value) - log(low)) / (log(high) - log(low)) : (value - low) / (high - low)
  }

  /// The least of 1, 2 and 5 times a power of ten that is not below `step`.
  private static func roundStep(_ step: Double) -> Double {
    let power = pow(10, log10(step).rounded(.down))
    return ([1, 2, 5].first { $0 * power >= step * (1 - 1e-9) } ?? 10) * power
  }
}
