import MinkeCore
import MinkeKernels

/// A factor of a product: a matrix, or its transpose.
struct Factor: Sendable {
  let view: MatrixView
  let isTransposed: Bool

  /// Rows and columns of the factor as the product sees it.
  var rows: Int { isTransposed ? view.columns : view.rows }
  var columns: Int { isTransposed ? view.rows : view.columns }
}

extension MatrixView {
  /// The matrix as a factor of a product.
  var plain: Factor { Factor(view: self, isTransposed: false) }
  /// Its transpose, which is not made in memory as a whole.
  var transposed: Factor { Factor(view: self, isTransposed: true) }
}

/// Products of whole matrices on all cores, over the kernel that inference uses.
///
/// Every number is summed in one fixed order, over blocks of the depth one after the other.
struct MatrixProducts: Sendable {
  private let product: MatrixProduct
  private let kernels: minke_training_kernels
  // Apart, since a small piece of memory taken for a large one would be made anew again and again.
  private let packing = Spares { ScratchBuffer() }
  private let transposing = Spares { ScratchBuffer() }

  init(_ level: KernelLevel) {
    product = MatrixProduct(level)
    kernels = minke_training(level.rawLevel).pointee
  }

  /// So much of the depth at once that the weights of a panel stay in the nearest cache.
  private static let depthBlock = 256
  private static let rowBlock = 48
  private static let columnBlock = 512

  /// `y = a b + bias`, or with `adding` `y += a b`; `a` `[m, k]`, `b` `[k, n]`, `y` `[m, n]`, `bias` `[1, n]`.
  func callAsFunction(
    _ a: Factor, _ b: Factor, bias: MatrixView? = nil, adding: Bool = false, into y: MutableMatrixView
  ) {
    let depth = a.columns
    precondition(b.rows == depth && y.rows == a.rows && y.columns == b.columns)
    precondition(bias.map { $0.columns == y.columns && !adding } ?? true)
    guard y.rows > 0, y.columns > 0 else { return }
    if depth == 0 {
      if !adding { y.fill(0) }
      return
    }
    let panel = MatrixProduct.panel
    let panelCount = (y.columns + panel - 1) / panel
    packing.use { packed in
      // Depth block after depth block, in each of them panel after panel.
      let panels = packed.memory(panelCount * panel * depth)
      let depths = blocks(of: depth, size: Self.depthBlock)
      // SAFETY: every piece writes panels of its own.
      nonisolated(unsafe) let start = panels
      Workers.forEachPieceUninterrupted(of: panelCount, grain: max(1, (1 << 16) / (panel * depth))) { piece, _ in
        for range in depths {
          pack(b, piece, of: y.columns, range, into: start + panelCount * panel * range.lowerBound)
        }
      }
      let rows = blocks(of: y.rows, size: Self.rowBlock)
      let columns = blocks(of: y.columns, size: Self.columnBlock)
      let work = Self.rowBlock * min(y.columns, Self.columnBlock) * depth
      // SAFETY: every piece writes numbers of y of its own.
      Workers.forEachPieceUninterrupted(of: rows.count * columns.count, grain: max(1, (1 << 18) / work)) { piece, _ in
        for index in piece {
          let (rows, columns) = (rows[index / columns.count], columns[index % columns.count])
          for range in depths {
            let panels = start + panelCount * panel * range.lowerBound + columns.lowerBound * range.count
            multiply(
              a, rows, range, UnsafePointer(panels), bias: range.lowerBound == 0 ? bias?.columns(columns) : nil,
              adding: adding || range.lowerBound > 0, into: y.rows(rows).columns(columns))
          }
        }
      }
    }
  }

  private func blocks(of count: Int, size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
  }

  /// Packs the panels `range` of the rows `depth` of `b` `[k, columns]`.
  private func pack(
    _ b: Factor, _ range: Range<Int>, of columns: Int, _ depth: Range<Int>,
    into panels: UnsafeMutablePointer<Float>
  ) {
    let panel = MatrixProduct.panel
    let outputs = range.lowerBound * panel..<min(columns, range.upperBound * panel)
    let panels = panels + range.lowerBound * panel * depth.count
    if b.isTransposed {
      product.pack(b.view.rows(outputs).columns(depth), into: panels)
    } else {
      product.pack(transposing: b.view.rows(depth).columns(outputs), into: panels)
    }
  }

  private func multiply(
    _ a: Factor, _ rows: Range<Int>, _ depth: Range<Int>, _ panels: UnsafePointer<Float>, bias: MatrixView?,
    adding: Bool, into y: MutableMatrixView
  ) {
    guard a.isTransposed else {
      return product(a.view.rows(rows).columns(depth), panels, bias: bias?.start, adding: adding, into: y)
    }
    transposing.use { scratch in
      let copy = MutableMatrixView(
        scratch.memory(rows.count * depth.count), rows: rows.count, columns: depth.count)
      let part = a.view.rows(depth).columns(rows)
      kernels.transpose(part.start, part.stride, part.rows, part.columns, copy.start, copy.stride)
      product(copy.read, panels, bias: bias?.start, adding: adding, into: y)
    }
  }
}
