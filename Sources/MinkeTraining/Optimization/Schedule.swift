#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the learning rate changes from step to step, as in the schedules of the package transformers.
///
/// During the warm-up it rises in a straight line from 0, which is the rate of step 0.
public enum Schedule: String, CaseIterable, Sendable {
  /// The highest rate to the end.
  case constant
  /// A straight line down to 0.
  case linear
  /// Half a wave of the cosine down to 0.
  case cosine

  /// What the highest rate is multiplied with in a step, counted from 0.
  public func factor(at step: Int, of steps: Int, warmUp: Int) -> Double {
    if step < warmUp { return Double(step) / Double(max(1, warmUp)) }
    let done = Double(step - warmUp) / Double(max(1, steps - warmUp))
    return switch self {
    case .constant: 1
    case .linear: max(0, 1 - done)
    case .cosine: max(0, 0.5 * (1 + cos(.pi * done)))
    }
  }
}
