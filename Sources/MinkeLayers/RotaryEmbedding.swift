import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The turn of the last dimensions of queries and keys by their position, half-split (RoPE, Su et al. 2021).
package struct RotaryEmbedding: Sendable {
  /// `[positions, half]`
  package let cosines: SharedBuffer<Float>
  package let sines: SharedBuffer<Float>
  private let half: Int

  /// The stored tables `[positions, half]`.
  package init(cosines: SharedBuffer<Float>, sines: SharedBuffer<Float>, half: Int) {
    precondition(cosines.count == sines.count && (half == 0 || cosines.count.isMultiple(of: half)))
    self.cosines = cosines
    self.sines = sines
    self.half = half
  }

  /// `theta^(-j / half)` for each of `half` dimensions.
  package static func frequencies(half: Int, theta: Double) -> [Float] {
    (0..<half).map { Float(pow(theta, -Double($0) / Double(half))) }
  }

  /// Tables by their formula: dimension `j` of `half` turns by `position * theta^(-j / half)`.
  package init(positions: Int, half: Int, theta: Double) {
    let cosines = AlignedBuffer<Float>(uninitialized: positions * half)
    let sines = AlignedBuffer<Float>(uninitialized: positions * half)
    for (j, frequency) in Self.frequencies(half: half, theta: theta).enumerated() {
      for position in 0..<positions {
        let angle = Float(position) * frequency
        cosines.baseAddress[position * half + j] = cosf(angle)
        sines.baseAddress[position * half + j] = sinf(angle)
      }
    }
    self.init(cosines: SharedBuffer(cosines), sines: SharedBuffer(sines), half: half)
  }

  /// `(x1 cos - x2 sin, x1 sin + x2 cos)` for the two halves of the last dimensions of each row.
  ///
  /// - Parameter isBack: whether to turn back instead.
  package func callAsFunction(_ x: MutableMatrixView, at position: Int, back isBack: Bool = false) {
    guard half > 0 else { return }
    let cosines = cosines.rows(of: half).row(position)
    let sines = sines.rows(of: half).row(position)
    let width = x.columns
    for row in 0..<x.rows {
      let x1 = x.row(row).columns(width - 2 * half..<width - half).start
      let x2 = x.row(row).columns(width - half..<width).start
      for j in 0..<half {
        let (cosine, sine, a, b) = (cosines.start[j], isBack ? -sines.start[j] : sines.start[j], x1[j], x2[j])
        x1[j] = a * cosine - b * sine
        x2[j] = a * sine + b * cosine
      }
    }
  }
}
