import MinkeCheckpoints
import MinkeCore

/// The rows of a table as they will be read in 4 bits, so that what rounding costs is learnt around.
package final class NibbleRounding {
  private let rounded: Matrix

  /// For a table `[rows, columns]`.
  package init(rows: Int, columns: Int) { rounded = Matrix(rows: rows, columns: columns) }

  /// Rounds the rows named, which ascend; the others are what they were.
  func round(_ rows: [Int32], of table: Parameter) -> MutableMatrixView {
    let (source, target) = (table.value, rounded.view)
    // SAFETY: every piece writes rows of its own.
    Workers.forEachPieceUninterrupted(of: rows.count, grain: 32) { piece, _ in
      for row in rows[piece] {
        let (numbers, place) = (source.row(Int(row)), target.row(Int(row)))
        let scale = FourBitTable.nearestScale(of: UnsafeBufferPointer(start: numbers.start, count: numbers.columns))
        FourBitTable.round(numbers.start, scale: scale, count: numbers.columns, into: place.start)
      }
    }
    return target
  }
}
