import MinkeCore

/// Vectors on their way into an index, one row after the other, in memory that lives and stays as it is meanwhile.
///
/// SAFETY of @unchecked: nobody writes to the memory while an index reads it.
struct VectorRows: @unchecked Sendable {
  enum Values {
    case float32(UnsafeBufferPointer<Float>)
    /// Numbers `scale * q`; without scales, the numbers are the `q` themselves.
    case int8(UnsafeBufferPointer<Int8>, scales: UnsafeBufferPointer<Float>?)
    case bits(UnsafeBufferPointer<UInt8>)
  }

  let values: Values
  let count: Int
  let dimension: Int
  /// Which rows of `values` these are, where they are not all of them in order.
  private var selection: [Int]?

  init(_ values: Values, count: Int, dimension: Int) {
    self.values = values
    self.count = count
    self.dimension = dimension
  }

  /// The rows `chosen` of `rows`, which has not been chosen from yet.
  init(_ rows: VectorRows, choosing chosen: [Int]) {
    self.init(rows.values, count: chosen.count, dimension: rows.dimension)
    selection = chosen
  }

  @inline(__always)
  func source(of row: Int) -> Int { selection?[row] ?? row }

  func floats(_ floats: UnsafeBufferPointer<Float>, row: Int) -> UnsafeBufferPointer<Float> {
    let start = source(of: row) * dimension
    return UnsafeBufferPointer(rebasing: floats[start..<start + dimension])
  }

  func int8s(_ numbers: UnsafeBufferPointer<Int8>, row: Int) -> UnsafeBufferPointer<Int8> {
    let start = source(of: row) * dimension
    return UnsafeBufferPointer(rebasing: numbers[start..<start + dimension])
  }

  func bits(_ bytes: UnsafeBufferPointer<UInt8>, row: Int) -> UnsafeBufferPointer<UInt8> {
    let (start, width) = (source(of: row) * (dimension / 8), dimension / 8)
    return UnsafeBufferPointer(rebasing: bytes[start..<start + width])
  }
}

extension Embeddings {
  /// Calls `body` with the vectors where they lie.
  func withRows<Result>(_ body: (VectorRows) throws -> Result) rethrows -> Result {
    switch values {
    case .float32(let floats):
      try floats.withUnsafeBufferPointer {
        try body(VectorRows(.float32($0), count: count, dimension: dimension))
      }
    case .bits(let bytes):
      try bytes.withUnsafeBufferPointer { try body(VectorRows(.bits($0), count: count, dimension: dimension)) }
    }
  }
}

extension VectorRows {
  /// The length up to which vectors compared by dot product may be: no product or sum of products then overflows.
  static let greatestLength = 1e19

  /// Throws unless all numbers are finite and, for `metric` dot, no vector is so long that products overflow.
  ///
  /// - Parameter rows: those that are looked at; nil for all.
  func check(_ metric: Metric, _ name: String, rows: Range<Int>? = nil) throws {
    let rows = rows ?? 0..<count
    switch values {
    case .bits: return
    case .int8(_, let scales):
      guard let scales else { return }
      for row in rows where !(scales[row].magnitude <= 1e12) {
        throw MinkeError(
          .notFinite, name, expected: "scales of at most 1e12 in magnitude", found: "\(scales[row]) in vector \(row)")
      }
    case .float32(let floats):
      let vectors = max(1, (1 << 18) / dimension)
      nonisolated(unsafe) let unsafeFloats = floats
      let largest = AlignedBuffer<UInt32>(zeroed: (rows.count + vectors - 1) / vectors)
      try Workers.forEachPiece(of: rows.count, grain: vectors) { piece, _ in
        let first = rows.lowerBound + piece.lowerBound
        let part = unsafeFloats[first * dimension..<(first + piece.count) * dimension]
        // The largest magnitude as an integer: infinity and NaN are above every finite float.
        largest.baseAddress[piece.lowerBound / vectors] =
          part.reduce(into: UInt32(0)) { $0 = max($0, $1.bitPattern & 0x7fff_ffff) }
      }
      let limit = metric == .dot ? Self.greatestLength / Double(dimension).squareRoot() : .infinity
      let greatest = Float(bitPattern: largest.pointer.max() ?? 0)
      if greatest.isFinite, Double(greatest) <= limit { return }
      for row in rows {
        let vector = self.floats(floats, row: row)
        if let bad = vector.first(where: { !$0.isFinite }) {
          throw MinkeError(.notFinite, name, expected: "finite numbers", found: "\(bad) in vector \(row)")
        }
        if metric == .dot, vector.euclideanLength > Self.greatestLength {
          throw MinkeError(
            .notFinite, name, expected: "vectors of length \(Self.greatestLength) at most, whose products are finite",
            found: "length \(vector.euclideanLength) in vector \(row)")
        }
      }
    }
  }
}
