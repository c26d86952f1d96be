#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What figures are taken on.
package enum Machine {
  /// The processor, how many threads compute, with what instructions, and the system, for people.
  package static var description: String {
    let level = KernelLevel.active.rawValue
    let count = Workers.count
    return "\(processor), \(count) \(count == 1 ? "thread" : "threads") (\(level)), \(system)"
  }

  private static var system: String {
    #if os(Linux)
      "Linux"
    #elseif os(macOS)
      "macOS"
    #else
      "another system"
    #endif
  }

  private static var processor: String {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      for line in text.split(separator: "\n") where line.hasPrefix("model name") {
        if let name = line.split(separator: ":", maxSplits: 1).last {
          return String(name).split(separator: " ").joined(separator: " ")
        }
      }
    #endif
    #if arch(x86_64)
      return "x86-64"
    #elseif arch(arm64)
      return "arm64"
    #else
      return "another processor"
    #endif
  }
}
