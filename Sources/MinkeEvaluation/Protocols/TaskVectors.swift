import MinkeCore
import MinkeModels

/// The vectors of a task as rows of numbers; bits are -1 and +1.
struct TaskVectors: Sendable {
  let count: Int
  let dimension: Int
  private let numbers: [Float]
  /// Whether the rows stand for bits.
  let areBits: Bool

  /// - Throws: `MinkeError` of kind `notFinite` when a number is NaN or infinite.
  init(_ vectors: Embeddings, of texts: String) throws {
    (count, dimension, areBits) = (vectors.count, vectors.dimension, vectors.packedBits != nil)
    numbers = vectors.floats ?? (0..<vectors.count).flatMap { vectors[$0] }
    for row in 0..<count {
      // One NaN or infinity makes the sum of the zeros NaN.
      let zero = numbers[row * dimension..<(row + 1) * dimension].reduce(Float(0)) { $0 + $1 * 0 }
      guard zero == 0 else {
        throw MinkeError(
          .notFinite, "vectors of \(texts), row \(row)", expected: "finite numbers", found: "NaN or infinity")
      }
    }
  }

  /// Asks for the vectors of `texts`, or of those at `rows` alone where an encoder makes them.
  ///
  /// Vectors made elsewhere are those of all texts, whatever a task draws of them.
  init(
    _ rows: [Int]? = nil, among texts: [String], called name: String, from source: any TextVectors,
    role: TextRole? = nil, progress: ProgressHandler?
  ) throws {
    let drawn = rows.map { rows in source is FileVectors ? texts : rows.map { texts[$0] } } ?? texts
    var vectors = try source.vectors(of: drawn, role: role, progress: progress)
    guard vectors.count == drawn.count else {
      throw MinkeError(
        .shapeMismatch, "vectors of \(name)", expected: "a vector for each of \(drawn.count) texts",
        found: "\(vectors.count)")
    }
    if let rows, source is FileVectors { vectors = try vectors.choosing(rows) }
    try self.init(vectors, of: name)
  }

  /// - Throws: `MinkeError` of kind `shapeMismatch` when `other` has vectors of another length.
  func requireDimension(of other: TaskVectors, called name: String) throws {
    guard dimension == other.dimension else {
      throw MinkeError(
        .shapeMismatch, "vectors of \(name)", expected: "\(dimension) dimensions", found: "\(other.dimension)")
    }
  }

  subscript(row: Int) -> ArraySlice<Float> { numbers[row * dimension..<(row + 1) * dimension] }

  /// A matrix of the rows at `rows`, in that order.
  func matrix(_ rows: [Int]) -> Matrix {
    let matrix = Matrix(rows: rows.count, columns: dimension)
    withExtendedLifetime(matrix) {
      let start = matrix.view.start
      numbers.withUnsafeBufferPointer { numbers in
        guard let source = numbers.baseAddress else { return }
        for (place, row) in rows.enumerated() {
          precondition(row >= 0 && row < count, "row \(row) of \(count)")
          (start + place * dimension).update(from: source + row * dimension, count: dimension)
        }
      }
    }
    return matrix
  }

  /// Calls `body` with all rows.
  func withView<Result>(_ body: (MatrixView) throws -> Result) rethrows -> Result {
    try numbers.withUnsafeBufferPointer { numbers in
      guard let start = numbers.baseAddress else {
        return try withExtendedLifetime(Matrix(rows: 0, columns: dimension)) { try body($0.view.read) }
      }
      return try body(MatrixView(start, rows: count, columns: dimension))
    }
  }
}
