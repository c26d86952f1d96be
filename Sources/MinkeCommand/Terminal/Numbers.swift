#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `value` with a fixed number of digits after the point.
func fixed(_ value: some BinaryFloatingPoint, digits: Int) -> String {
  withVaList([Int32(digits), Double(value)]) { arguments in
    // The largest double has 309 digits before the point.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
      vsnprintf(buffer.baseAddress, buffer.count, "%.*f", arguments)
      return buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
  }
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

extension [Double] {
  /// The middle one, or the mean of the middle two; 0 for none.
  var median: Double {
    guard !isEmpty else { return 0 }
    let sorted = sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}
