/// Numbers in rows, `[rows, columns]`, in memory that someone else owns and keeps alive.
///
/// Fenced here: what is taken out of a view lies within it.
// SAFETY of @unchecked: whoever makes a view says that nobody writes there while it is read.
package struct MatrixView: @unchecked Sendable {
  package let start: UnsafePointer<Float>
  package let rows: Int
  package let columns: Int
  /// Numbers from one row to the next.
  package let stride: Int

  /// - Parameter stride: numbers from one row to the next; nil where rows stand one right after the other.
  @inlinable package init(_ start: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    precondition(rows >= 0 && columns >= 0 && stride ?? columns >= columns)
    self.start = start
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// The rows `range`.
  @inlinable package func rows(_ range: Range<Int>) -> MatrixView {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return MatrixView(start + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// The columns `range` of every row.
  @inlinable package func columns(_ range: Range<Int>) -> MatrixView {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
    return MatrixView(start + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// One row.
  @inlinable package func row(_ index: Int) -> MatrixView { rows(index..<index + 1) }

  @inlinable package subscript(row: Int, column: Int) -> Float {
    precondition(
      row >= 0 && row < rows && column >= 0 && column < columns, "[\(row), \(column)] of [\(rows), \(columns)]")
    return start[row * stride + column]
  }

  /// A copy of the numbers, row by row.
  package func copied() -> [Float] {
    (0..<rows).flatMap { UnsafeBufferPointer(start: start + $0 * stride, count: columns) }
  }

  /// The sum of the products of every number and that of `other`, which has this shape, in order.
  package func dot(_ other: MatrixView) -> Float {
    precondition(other.rows == rows && other.columns == columns)
    var sum: Float = 0
    for row in 0..<rows {
      let (row, other) = (start + row * stride, other.start + row * other.stride)
      for column in 0..<columns { sum += row[column] * other[column] }
    }
    return sum
  }
}

/// Like ``MatrixView``, to be written.
// SAFETY of @unchecked: whoever makes a view says that nobody else uses what is written through it.
package struct MutableMatrixView: @unchecked Sendable {
  package let start: UnsafeMutablePointer<Float>
  package let rows: Int
  package let columns: Int
  /// Numbers from one row to the next.
  package let stride: Int

  /// - Parameter stride: numbers from one row to the next; nil where rows stand one right after the other.
  @inlinable package init(_ start: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    precondition(rows >= 0 && columns >= 0 && stride ?? columns >= columns)
    self.start = start
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// The same numbers, to be read.
  @inlinable package var read: MatrixView { MatrixView(start, rows: rows, columns: columns, stride: stride) }

  /// The rows `range`.
  @inlinable package func rows(_ range: Range<Int>) -> MutableMatrixView {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return MutableMatrixView(start + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// The columns `range` of every row.
  @inlinable package func columns(_ range: Range<Int>) -> MutableMatrixView {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
    return MutableMatrixView(start + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// One row.
  @inlinable package func row(_ index: Int) -> MutableMatrixView { rows(index..<index + 1) }

  /// The same numbers with every row cut into `parts` of equal length; rows must stand one right after the other.
  @inlinable package func cut(into parts: Int) -> MutableMatrixView {
    precondition(
      stride == columns && columns.isMultiple(of: parts), "\(columns) of \(stride) columns in \(parts) parts")
    return MutableMatrixView(start, rows: rows * parts, columns: columns / parts)
  }

  @inlinable package subscript(row: Int, column: Int) -> Float {
    get { read[row, column] }
    nonmutating set {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns, "[\(row), \(column)] of [\(rows), \(columns)]")
      start[row * stride + column] = newValue
    }
  }
}

// MARK: Arithmetic on rows

extension MutableMatrixView {
  /// Writes `value` everywhere.
  @inlinable @inline(__always) package func fill(_ value: Float) {
    for row in 0..<rows { (start + row * stride).update(repeating: value, count: columns) }
  }

  /// Copies `other`, which has this shape.
  @inlinable package func copy(_ other: MatrixView) {
    precondition(other.rows == rows && other.columns == columns)
    for row in 0..<rows { (start + row * stride).update(from: other.start + row * other.stride, count: columns) }
  }

  /// `self = weight * x`, where `x` has this shape.
  package func set(_ x: MatrixView, times weight: Float) { combine(x) { weight * $1 } }

  /// `self += weight * x`, where `x` has this shape.
  package func add(_ x: MatrixView, times weight: Float = 1) { combine(x) { $0 + weight * $1 } }

  /// `self *= x`, number by number, where `x` has this shape.
  package func multiply(by x: MatrixView) { combine(x) { $0 * $1 } }

  /// The larger of each number and that of `x`, which has this shape.
  package func takeMaximum(of x: MatrixView) { combine(x) { $1 > $0 ? $1 : $0 } }

  /// `self *= factor`.
  package func scale(by factor: Float) { apply { $0 * factor } }

  /// `self /= divisor`.
  package func divide(by divisor: Float) { apply { $0 / divisor } }

  // Not called from other modules, where closures might stay calls.

  @inline(__always)
  private func apply(_ transform: (Float) -> Float) {
    for row in 0..<rows {
      let row = start + row * stride
      for column in 0..<columns { row[column] = transform(row[column]) }
    }
  }

  @inline(__always)
  private func combine(_ other: MatrixView, _ combine: (Float, Float) -> Float) {
    precondition(other.rows == rows && other.columns == columns)
    for row in 0..<rows {
      let (row, other) = (start + row * stride, other.start + row * other.stride)
      for column in 0..<columns { row[column] = combine(row[column], other[column]) }
    }
  }
}

extension MatrixView {
  /// Whether no number is NaN or infinite.
  @inlinable package var isFinite: Bool {
    (0..<rows).allSatisfy { row in
      let row = start + row * stride
      // One NaN or infinity makes the sum of the zeros NaN.
      return (0..<columns).reduce(Float(0)) { $0 + row[$1] * 0 } == 0
    }
  }
}

/// Numbers of our own in rows, `[rows, columns]`.
package final class Matrix: Sendable {
  package let rows: Int
  package let columns: Int
  private let memory: AlignedBuffer<Float>

  /// A matrix whose content is arbitrary until it is written.
  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    memory = AlignedBuffer(uninitialized: rows * columns)
  }

  /// A copy of `numbers`, whole rows of `columns`.
  package convenience init(_ numbers: [Float], columns: Int) {
    precondition(columns > 0 && numbers.count.isMultiple(of: columns))
    self.init(rows: numbers.count / columns, columns: columns)
    _ = memory.mutablePointer.initialize(fromContentsOf: numbers)
  }

  /// All of it; valid as long as the matrix lives, and for one writer at a time.
  package var view: MutableMatrixView { MutableMatrixView(memory.baseAddress, rows: rows, columns: columns) }

  /// The beginning of its memory as a matrix of another shape.
  package func view(rows: Int, columns: Int) -> MutableMatrixView {
    precondition(rows * columns <= memory.count, "\(rows) x \(columns) in \(memory.count) numbers")
    return MutableMatrixView(memory.baseAddress, rows: rows, columns: columns)
  }

  /// A copy of the numbers, row by row; all must have been written.
  package func copied() -> [Float] { memory.copied() }
}
