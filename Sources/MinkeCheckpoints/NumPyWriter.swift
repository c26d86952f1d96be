import MinkeCore

/// Writes a two-dimensional `.npy` array row by row, without holding its rows in memory.
///
/// The number of rows stands in the header. Where it is not known before, room is left for it and it is filled in at the
/// end; standard output and pipes cannot be gone back in, so that the rows are then held until ``finish()``.
package struct NumPyWriter: ~Copyable {
  private var file: FileWriter
  private let elementType: ElementType
  private let columns: Int
  private let expected: Int?
  private let isHeld: Bool
  private var held: [[UInt8]] = []
  /// Rows written so far.
  package private(set) var rows = 0

  /// A writer of `columns` elements a row to `file`, which nothing has been written to yet.
  ///
  /// - Parameter rows: how many rows will come, where that is known.
  /// - Throws: `MinkeError` when the element type has no NumPy counterpart or writing fails.
  package init(
    _ file: consuming FileWriter, elementType: ElementType, columns: Int, rows: Int? = nil
  ) throws(MinkeError) {
    self.elementType = elementType
    self.columns = columns
    expected = rows
    isHeld = rows == nil && !file.canOverwrite
    self.file = file
    let header = try NumPyHeader.bytes(
      elementType, shape: [rows ?? 0, columns], growing: rows == nil, subject: "array")
    if !isHeld { try self.file.write(header) }
  }

  /// A writer of vectors of the kind and width of `vectors`, which are not written themselves.
  package init(
    _ file: consuming FileWriter, like vectors: Embeddings, rows: Int? = nil
  ) throws(MinkeError) {
    try self.init(
      file, elementType: vectors.elementType, columns: vectors.dimension / vectors.numbersPerElement, rows: rows)
  }

  /// Appends whole rows, as they lie in memory.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch` when they are not whole, else when writing fails.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) throws(MinkeError) {
    let width = columns * elementType.byteCount
    guard width > 0, bytes.count.isMultiple(of: width) else {
      throw MinkeError(
        .shapeMismatch, "array", expected: "whole rows of \(width) bytes", found: "\(bytes.count) bytes")
    }
    rows += bytes.count / width
    if isHeld { held.append(Array(bytes)) } else { try file.write(bytes) }
  }

  /// Appends vectors, numbers as float32 and bits as bytes.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch` when they are of another kind or width, else when writing fails.
  package mutating func append(_ vectors: Embeddings) throws(MinkeError) {
    guard vectors.elementType == elementType, vectors.dimension == columns * vectors.numbersPerElement else {
      throw MinkeError(
        .shapeMismatch, "array", expected: "rows of \(columns) \(elementType.rawValue)",
        found: "\(vectors.dimension / vectors.numbersPerElement) \(vectors.elementType.rawValue)")
    }
    var failure: MinkeError?
    vectors.withElements { bytes in
      do throws(MinkeError) { try append(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Completes the header and hands over the file, which is now whole.
  ///
  /// - Throws: `MinkeError` when there are not as many rows as were promised, or writing fails.
  package mutating func finish() throws(MinkeError) {
    guard expected == nil || expected == rows else {
      throw MinkeError(.shapeMismatch, "array", expected: "\(expected ?? 0) rows", found: "\(rows)")
    }
    if expected == nil {
      let header = try NumPyHeader.bytes(elementType, shape: [rows, columns], growing: true, subject: "array")
      if isHeld {
        try file.write(header)
        for bytes in held { try file.write(bytes) }
      } else {
        try file.overwrite(header, at: 0)
      }
    }
    try file.finish()
  }
}
