import MinkeKernels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An instruction-set level that the inner loops are written for.
public enum KernelLevel: String, CaseIterable, Sendable {
  case portable, avx2, avx512, neon

  /// The value that the C dispatch functions take.
  package var rawLevel: minke_level {
    switch self {
    case .portable: MINKE_PORTABLE
    case .avx2: MINKE_AVX2
    case .avx512: MINKE_AVX512
    case .neon: MINKE_NEON
    }
  }

  public var isAvailable: Bool { minke_level_available(rawLevel) }

  /// Every level that this machine can run, slowest first.
  public static var available: [KernelLevel] { allCases.filter(\.isAvailable) }

  /// The level in use: the fastest one, or the one that the environment variable `MINKE_KERNELS` names.
  ///
  /// A name that this machine cannot run is passed over here; ``checkEnvironment()`` reports it.
  public static let active: KernelLevel = (try? chosen()) ?? available.last ?? .portable

  /// Throws if `MINKE_KERNELS` names no level or one that this machine cannot run.
  public static func checkEnvironment() throws(MinkeError) { _ = try chosen() }

  private static func chosen() throws(MinkeError) -> KernelLevel {
    let best = allCases.first { $0.rawLevel == minke_best_level() } ?? .portable
    guard let name = ProcessInfo.processInfo.environment["MINKE_KERNELS"], !name.isEmpty else { return best }
    guard let level = KernelLevel(rawValue: name.lowercased()), level.isAvailable else {
      let choices = available.map(\.rawValue).joined(separator: ", ")
      throw MinkeError(.invalidArgument, "MINKE_KERNELS", expected: "one of \(choices) on this machine", found: name)
    }
    return level
  }
}
