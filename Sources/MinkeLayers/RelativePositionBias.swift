import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What attention adds to the score of a key by its distance from the query, a number for each head and each of some
/// ranges of distances (Raffel et al. 2020, in both directions, as MPNet has them).
package struct RelativePositionBias: Sendable {
  /// `[heads, 2 * positions - 1]`: for the distances from `1 - positions` to `positions - 1`, times ``headSize``'s root,
  /// by which attention divides the scores.
  private let lines: SharedBuffer<Float>
  private let positions: Int

  /// Ranges of distances that have a number of their own.
  package static let bucketCount = 32
  /// The distance from which on all keys have the same number.
  private static let farthest = 128

  /// - Parameters:
  ///   - table: a row for each range of distances, ``bucketCount`` or more, `[ranges, heads]`.
  ///   - heads: the heads of a layer.
  ///   - positions: the tokens of the longest text.
  ///   - headSize: the numbers of a head.
  package init(_ table: SharedBuffer<Float>, heads: Int, positions: Int, headSize: Int) {
    precondition(table.count >= Self.bucketCount * heads && positions > 0)
    self.positions = positions
    let width = 2 * positions - 1
    let lines = AlignedBuffer<Float>(uninitialized: heads * width)
    let scale = Float(headSize).squareRoot()
    for index in 0..<width {
      let bucket = Self.bucket(distance: index - (positions - 1))
      for head in 0..<heads { lines.baseAddress[head * width + index] = scale * table[bucket * heads + head] }
    }
    self.lines = SharedBuffer(lines)
  }

  /// The range that a key lies in that is `distance` tokens behind its query: half of them before the query, half
  /// behind; half of these one token wide, the others ever wider, so that each is a fixed ratio farther.
  static func bucket(distance: Int) -> Int {
    let half = bucketCount / 2, exact = half / 2
    let start = distance > 0 ? half : 0
    let magnitude = min(farthest, abs(distance))
    if magnitude < exact { return start + magnitude }
    // In the precision of the original, which decides for distances at the borders.
    let ratio = logf(Float(magnitude) / Float(exact)) / Float(log(Double(farthest) / Double(exact)))
    return start + min(half - 1, exact + Int(ratio * Float(half - exact)))
  }

  /// The numbers of one head; valid as long as the whole is.
  package func head(_ index: Int) -> Head {
    Head(line: lines.rows(of: 2 * positions - 1).row(index), positions: positions)
  }

  /// The numbers of one head.
  package struct Head: Sendable {
    fileprivate let line: MatrixView
    fileprivate let positions: Int

    /// Adds to the scores of the keys `seen` what the query at `place` gives them.
    func add(to scores: MutableMatrixView, from place: Int, seeing seen: Range<Int>) {
      let first = positions - 1 - place + seen.lowerBound
      scores.add(line.columns(first..<first + seen.count))
    }
  }
}
