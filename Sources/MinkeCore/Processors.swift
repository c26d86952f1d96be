#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How many threads this process should compute with.
enum Processors {
  /// `MINKE_THREADS` where it is a number, else the processors that this process may use.
  static var count: Int {
    if let wanted = try? wanted() { return wanted }
    let allowed = max(1, ProcessInfo.processInfo.activeProcessorCount)
    return min(allowed, quota(below: "/") ?? allowed, Workers.maximum)
  }

  /// The number in `MINKE_THREADS`; nil where it is not set.
  ///
  /// - Throws: ``MinkeError`` when it is no number from 1 to 1024.
  static func wanted(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(MinkeError) -> Int? {
    guard let text = environment["MINKE_THREADS"], !text.isEmpty else { return nil }
    guard let number = Int(text), number >= 1, number <= Workers.maximum else {
      throw MinkeError(
        .invalidArgument, "MINKE_THREADS", expected: "a number from 1 to \(Workers.maximum)", found: text)
    }
    return number
  }

  /// The processors that the control groups of this process grant it, rounded up; nil where they set no quota.
  ///
  /// A container's quota is a share of time and not seen in the affinity; more threads than that are only stopped
  /// half-way. The strictest of a group and those around it holds.
  ///
  /// - Parameter root: where `proc` and `sys` are looked for.
  static func quota(below root: String) -> Int? {
    guard let groups = text(root + "/proc/self/cgroup") else { return nil }
    var least: Double?
    for line in groups.split(separator: "\n") {
      // hierarchy:controllers:path
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      let isUnified = controllers.isEmpty
      guard isUnified || controllers.contains("cpu") else { continue }
      var path = parts[2].split(separator: "/").filter { $0 != ".." }
      while true {
        let place = path.map { "/" + $0 }.joined()
        let processors =
          isUnified ? unified(root + "/sys/fs/cgroup" + place) : legacy(root + "/sys/fs/cgroup/\(parts[1])" + place)
        if let processors { least = min(least ?? processors, processors) }
        if path.popLast() == nil { break }
      }
    }
    return least.map { max(1, Int(min($0, Double(Workers.maximum)).rounded(.up))) }
  }

  /// `cpu.max` holds microseconds of quota, or `max`, and of the period.
  private static func unified(_ group: String) -> Double? {
    guard let numbers = text(group + "/cpu.max")?.split(whereSeparator: \.isWhitespace), numbers.count == 2,
      let quota = Double(numbers[0]), let period = Double(numbers[1]), quota > 0, period > 0
    else { return nil }
    return quota / period
  }

  private static func legacy(_ group: String) -> Double? {
    func number(_ name: String) -> Double? {
      text(group + "/" + name).flatMap { $0.split(whereSeparator: \.isWhitespace).first }.flatMap { Double($0) }
    }
    guard let quota = number("cpu.cfs_quota_us"), let period = number("cpu.cfs_period_us"), quota > 0, period > 0
    else { return nil }
    return quota / period
  }

  private static func text(_ path: String) -> String? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try? String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
  }
}
