import Foundation

/// `value` with a fixed number of digits after the point.
func fixed(_ value: some BinaryFloatingPoint, digits: Int) -> String {
  String(format: "%.\(digits)f", Double(value))
}

/// A count of bytes for people, such as `7.9 MB`.
func byteSize(_ count: Int) -> String {
  let units = ["bytes", "kB", "MB", "GB", "TB"]
  var value = Double(count)
  var unit = 0
  while value >= 1000, unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  return unit == 0 ? "\(count) bytes" : "\(fixed(value, digits: 1)) \(units[unit])"
}

/// The middle one of `values`, or the mean of the middle two; 0 for none.
func middle(of values: [Double]) -> Double {
  guard !values.isEmpty else { return 0 }
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
