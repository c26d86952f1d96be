import MinkeCore
import MinkeKernels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A matrix of 4-bit numbers with one scale a row: the `embedding.q4_k_m.bin` of Stable Static Embedding.
///
/// With q the 4-bit number and s the row's scale, an element is `(q / 7.5 - 1) * s`. The file holds the packed rows,
/// then the float32 scales, and nothing else. The recipe is that of RikkaBotan's model cards; despite the file's name
/// it is not GGUF's Q4_K.
package struct FourBitTable: Sendable {
  package let rows: Int
  /// Elements of a row, always even.
  package let columns: Int
  /// `[rows, columns / 2]` bytes, row-major: an even column in the high four bits, the next one in the low four.
  package let packed: SharedBuffer<UInt8>
  /// `[rows]`, all finite.
  package let scales: SharedBuffer<Float>

  /// Maps the table of `columns` columns at `url`; the file's size tells the number of rows.
  ///
  /// - Throws: `MinkeError` when the file does not hold whole rows or a scale is not finite.
  package init(contentsOf url: URL, columns: Int) throws(MinkeError) {
    let file = try MappedFile(url)
    try self.init(SharedBuffer(file.bytes, of: file), columns: columns, path: file.path)
  }

  /// Reads a table of `columns` columns from memory; `name` stands for the file in error texts.
  ///
  /// - Throws: `MinkeError` when the bytes do not hold whole rows or a scale is not finite.
  package init(bytes: UnsafeRawBufferPointer, columns: Int, named name: String) throws(MinkeError) {
    try self.init(SharedBuffer(copying: bytes.bindMemory(to: UInt8.self)), columns: columns, path: name)
  }

  private init(_ bytes: SharedBuffer<UInt8>, columns: Int, path: String) throws(MinkeError) {
    try Self.checkColumns(columns)
    let rowSize = columns / 2 + MemoryLayout<Float>.stride
    guard bytes.count.isMultiple(of: rowSize) else {
      throw MinkeError(
        .shapeMismatch, path, expected: "whole rows of \(columns) 4-bit columns and a scale, \(rowSize) bytes each",
        found: "\(bytes.count) bytes")
    }
    rows = bytes.count / rowSize
    self.columns = columns
    let file = UnsafeRawBufferPointer(bytes.pointer)
    let packedCount = rows * (columns / 2)
    packed = SharedBuffer(UnsafeRawBufferPointer(rebasing: file[..<packedCount]), within: bytes)
    // The packed rows need not end where a float may begin, so the few scales are copied there.
    let scales = try Tensor(
      name: "scales", elementType: .float32, shape: [rows],
      bytes: SharedBuffer(UnsafeRawBufferPointer(rebasing: file[packedCount...]), within: bytes), file: path)
    self.scales = try scales.floats(requiringFinite: true)
  }

  /// What the scale of a row is.
  package enum RowScale: Sendable {
    /// The largest number, as the published recipe has it: `max |w| + 1e-8`.
    case largest
    /// The share of it whose 16 numbers are nearest to the row, so that a few large numbers do not spoil the others.
    case nearest
  }

  /// A table of 4-bit numbers for `floats`, `[rows, columns]` row-major, by the published recipe in float32 arithmetic:
  /// `q = round((w / s + 1) * 7.5)`, halves to even, kept within 0...15.
  ///
  /// - Throws: `MinkeError` when the numbers do not fill the matrix, one is not finite, or `columns` is odd.
  package static func quantize(
    _ floats: UnsafeBufferPointer<Float>, rows: Int, columns: Int, scale kind: RowScale = .largest
  ) throws(MinkeError) -> FourBitTable {
    try checkColumns(columns)
    guard rows >= 0, case (let count, false) = rows.multipliedReportingOverflow(by: columns), count == floats.count
    else {
      throw MinkeError(
        .shapeMismatch, "matrix to quantize", expected: "[\(rows), \(columns)]", found: "\(floats.count) numbers")
    }
    let packed = AlignedBuffer<UInt8>(uninitialized: count / 2)
    let scales = AlignedBuffer<Float>(uninitialized: rows)
    for row in 0..<rows {
      let source = UnsafeBufferPointer(rebasing: floats[row * columns..<(row + 1) * columns])
      var largest: Float = 0
      for (column, value) in source.enumerated() {
        guard value.isFinite else {
          throw MinkeError(
            .notFinite, "matrix to quantize", expected: "finite numbers", found: "\(value) at [\(row), \(column)]")
        }
        largest = max(largest, abs(value))
      }
      let scale = kind == .largest ? largest + 1e-8 : nearestScale(of: source)
      scales.baseAddress[row] = scale
      let target = packed.baseAddress + row * (columns / 2)
      for pair in 0..<columns / 2 {
        target[pair] = level(source[2 * pair], scale) << 4 | level(source[2 * pair + 1], scale)
      }
    }
    return FourBitTable(rows: rows, columns: columns, packed: SharedBuffer(packed), scales: SharedBuffer(scales))
  }

  /// The shares of the largest number of a row that its scale is chosen among.
  private static let shares: [Float] = [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 1]

  /// The scale by which `row` loses least, as the sum of squares.
  package static func nearestScale(of row: UnsafeBufferPointer<Float>) -> Float {
    let largest = row.reduce(1e-8) { max($0, abs($1)) }
    var best = (scale: largest, loss: Float.infinity)
    for share in shares {
      let loss = round(row.baseAddress, scale: share * largest, count: row.count, into: nil)
      if loss < best.loss { best = (share * largest, loss) }
    }
    return best.scale
  }

  /// Writes the numbers that a row of 4-bit numbers with `scale` has in place of `row`; returns the sum of the squared
  /// differences.
  @discardableResult
  package static func round(
    _ row: UnsafePointer<Float>?, scale: Float, count: Int, into rounded: UnsafeMutablePointer<Float>?
  ) -> Float {
    minke_training(KernelLevel.active.rawLevel).pointee.round_to_nibbles(row, scale, count, rounded)
  }

  /// Row `index` as float32 numbers, `[columns]`.
  package func row(_ index: Int) -> [Float] {
    precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
    let scale = scales[index]
    let start = index * (columns / 2)
    return (0..<columns).map { column in
      let byte = packed[start + column / 2]
      let level = column.isMultiple(of: 2) ? byte >> 4 : byte & 15
      return (Float(level) / 7.5 - 1) * scale
    }
  }

  /// Writes the table as an `embedding.q4_k_m.bin`, which takes its place at `url` only when it is whole.
  ///
  /// - Throws: `MinkeError` when writing fails.
  package func write(to url: URL) throws(MinkeError) {
    var file = try FileWriter(url)
    try file.write(packed)
    try file.write(UnsafeRawBufferPointer(scales.pointer))
    try file.finish()
  }

  private init(rows: Int, columns: Int, packed: SharedBuffer<UInt8>, scales: SharedBuffer<Float>) {
    self.rows = rows
    self.columns = columns
    self.packed = packed
    self.scales = scales
  }

  private static func checkColumns(_ columns: Int) throws(MinkeError) {
    // Far more than any embedding has, and small enough that no size computed from it overflows.
    guard columns > 0, columns.isMultiple(of: 2), columns <= 1 << 30 else {
      throw MinkeError(.invalidArgument, "columns", expected: "an even number from 2", found: "\(columns)")
    }
  }

  private static func level(_ value: Float, _ scale: Float) -> UInt8 {
    UInt8(min(15, max(0, ((value / scale + 1) * 7.5).rounded(.toNearestOrEven))))
  }
}
