import MinkeCore
import MinkeKernels

/// How frequencies and lengths count among some passages: the part of BM25 that does not depend on the word.
struct WordScale: Sendable {
  /// A longer passage counts as one of this length.
  static let longest = 1 << 20
  /// Lengths whose values stand in a table.
  private static let tableLengths = 2048

  private let table: AlignedBuffer<Float>
  private let norms: AlignedBuffer<Float>
  /// The frequency and the norm of each code of a bound.
  let codeFrequencies: AlignedBuffer<Float>
  let codeNorms: AlignedBuffer<Float>

  /// - Parameters:
  ///   - longest: the length of the longest passage.
  ///   - mean: of the lengths of all.
  init(_ bm25: BM25, longest: Int, mean: Double) {
    let count = min(longest, Self.longest) + 1
    let tabled = min(count, Self.tableLengths)
    norms = AlignedBuffer(uninitialized: count)
    for length in 0..<count { norms.baseAddress[length] = bm25.norm(length, mean: mean) }
    table = AlignedBuffer(zeroed: 16 * tabled)
    for frequency in 1..<16 {
      for length in 0..<tabled {
        table.baseAddress[frequency * tabled + length] =
          Float(frequency) / (Float(frequency) + norms.baseAddress[length])
      }
    }
    codeFrequencies = AlignedBuffer(uninitialized: 256)
    codeNorms = AlignedBuffer(uninitialized: 256)
    for code in 0..<256 {
      codeFrequencies.baseAddress[code] = BoundCode.frequency(of: UInt8(code))
      codeNorms.baseAddress[code] = bm25.norm(BoundCode.length(of: UInt8(code)), mean: mean)
    }
    kernel = minke_words_scale(
      table: table.baseAddress, table_lengths: tabled, norms: norms.baseAddress, norm_count: count)
  }

  /// The same for the kernels, valid as long as this value.
  // SAFETY: nobody writes to the tables, and this value keeps them.
  nonisolated(unsafe) let kernel: minke_words_scale

  /// What a word counts that occurs `frequency` times in a passage of `length` words, as the kernels have it.
  func score(_ frequency: UInt32, length: Int, weight: Float) -> UInt32 {
    let norm = norms.baseAddress[min(length, norms.count - 1)]
    return UInt32(weight * (Float(frequency) / (Float(frequency) + norm))) + 1
  }
}
