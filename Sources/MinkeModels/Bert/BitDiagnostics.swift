import MinkeCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How well the bits of binary vectors are used, over a batch of texts: the diagnostics of the BNE model card.
public struct BitDiagnostics: Sendable, Equatable {
  /// Vectors looked at.
  public let count: Int
  /// The share of vectors in which each bit is 1.
  public let balances: [Double]
  /// The mean over bits of the entropy of a bit, 0 to 1.
  public let meanEntropy: Double
  /// The mean |Pearson correlation| over pairs of bits. A bit that never changes correlates with none and is left out;
  /// 0 where no pair is left.
  public let meanCorrelation: Double
  /// The greatest |Pearson correlation| of two bits.
  public let maximumCorrelation: Double

  /// The mean over bits of the share of ones; 0.5 is balanced.
  public var meanBalance: Double { balances.reduce(0, +) / Double(max(1, balances.count)) }
  /// Bits that are 1 in less than 5% or in more than 95% of the vectors.
  public var deadBits: Int { balances.count { $0 < 0.05 || $0 > 0.95 } }

  /// Looks at `vectors`, packed bits. Takes time proportional to the vectors and to the square of the bits.
  ///
  /// - Throws: `MinkeError` when they are numbers or there are none; `CancellationError`.
  public init(_ vectors: Embeddings) throws {
    guard let packed = vectors.packedBits, vectors.count > 0 else {
      throw MinkeError(
        .invalidArgument, "bit diagnostics", expected: "one vector of bits or more",
        found: vectors.packedBits == nil ? "vectors of numbers" : "none")
    }
    let bits = vectors.dimension, count = vectors.count
    self.count = count

    // One row of 64-bit words for each bit, so that two bits are compared 64 vectors at a time.
    let words = (count + 63) / 64
    var columns = [UInt64](repeating: 0, count: bits * words)
    for vector in 0..<count {
      for byte in 0..<bits / 8 {
        var rest = packed[vector * (bits / 8) + byte]
        while rest != 0 {
          let bit = rest.leadingZeroBitCount
          columns[(byte * 8 + bit) * words + vector / 64] |= 1 << UInt64(vector % 64)
          rest &= ~(0x80 >> UInt8(bit))
        }
      }
    }
    let ones = (0..<bits).map { bit in columns[bit * words..<(bit + 1) * words].reduce(0) { $0 + $1.nonzeroBitCount } }
    balances = ones.map { Double($0) / Double(count) }
    meanEntropy =
      balances.reduce(0) { $0 + ($1 > 0 && $1 < 1 ? -$1 * log2($1) - (1 - $1) * log2(1 - $1) : 0) } / Double(bits)

    let spread = ones.map { (Double($0) * Double(count - $0)).squareRoot() }
    // One sum a bit, added up in order, so that the result does not depend on the threads.
    let sums = Mutex([(sum: Double, greatest: Double)](repeating: (0, 0), count: bits))
    try columns.withUnsafeBufferPointer { columns in
      nonisolated(unsafe) let columns = columns
      try Workers.forEachPiece(of: bits, grain: 16) { piece, _ in
        for first in piece where ones[first] > 0 && ones[first] < count {
          var (sum, greatest) = (0.0, 0.0)
          for second in first + 1..<max(first + 1, bits) where ones[second] > 0 && ones[second] < count {
            var both = 0
            for word in 0..<words {
              both += (columns[first * words + word] & columns[second * words + word]).nonzeroBitCount
            }
            let covariance = Double(count) * Double(both) - Double(ones[first]) * Double(ones[second])
            let correlation = abs(covariance) / (spread[first] * spread[second])
            sum += correlation
            greatest = max(greatest, correlation)
          }
          let result = (sum, greatest)
          sums.withLock { $0[first] = result }
        }
      }
    }
    let totals = sums.withLock { $0 }
    let changing = ones.count { $0 > 0 && $0 < count }
    let pairs = changing * (changing - 1) / 2
    meanCorrelation = pairs == 0 ? 0 : totals.reduce(0) { $0 + $1.sum } / Double(pairs)
    maximumCorrelation = totals.map(\.greatest).max() ?? 0
  }
}
