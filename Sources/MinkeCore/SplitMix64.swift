#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The splitmix64 generator (Steele, Lea and Flood 2014): from one seed the same numbers on every machine.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number from 0 up to 1.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number from 0 to below `bound`, nearly uniform, in a few instructions.
  package mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(max(1, bound))).high)
  }

  /// A number of the normal distribution with mean 0 and deviation 1 (Box and Muller 1958).
  package mutating func normal() -> Double {
    // Not 0, of which there is no logarithm.
    (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit())
  }

  /// The sum of as many of `values` as there are, each drawn anew: one resample of a bootstrap.
  package mutating func resampledSum(of values: [Double]) -> Double {
    var sum = 0.0
    for _ in values.indices { sum += values[below(values.count)] }
    return sum
  }
}
