import MinkeKernels

/// `y = x W^T` for weights `W` `[columns, depth]` packed into panels.
///
/// Every number of `y` is summed in one fixed order, so a row's result does not depend on the rows computed with it, nor
/// on how the columns are split.
package struct MatrixProduct: Sendable {
  /// Rows of `W` that stand side by side in one panel.
  package static let panel = Int(MINKE_PANEL)

  private let kernels: minke_gemm_kernels

  package init(_ level: KernelLevel) { kernels = minke_gemm(level.rawLevel).pointee }

  /// Numbers that `columns` x `depth` packed weights take.
  package static func packedCount(columns: Int, depth: Int) -> Int { minke_gemm_panel_count(columns, depth) }

  /// Packs `w` `[columns, depth]`.
  package func pack(_ w: MatrixView, into panels: UnsafeMutablePointer<Float>) {
    kernels.pack(w.start, w.stride, w.rows, w.columns, panels)
  }

  /// Packs the transpose of `w` `[depth, columns]`.
  package func pack(transposing w: MatrixView, into panels: UnsafeMutablePointer<Float>) {
    kernels.pack_transposed(w.start, w.stride, w.columns, w.rows, panels)
  }

  /// Writes `x W^T + bias` to `y`, with `y.columns` rows of `W`.
  package func callAsFunction(
    _ x: MatrixView, _ panels: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil, into y: MutableMatrixView
  ) {
    multiply(x, panels, bias: bias, MINKE_IDENTITY, into: y)
  }

  /// Writes `x W^T + bias` to `y`, or with `adding` adds `x W^T` to it.
  package func callAsFunction(
    _ x: MatrixView, _ panels: UnsafePointer<Float>, bias: UnsafePointer<Float>?, adding: Bool,
    into y: MutableMatrixView
  ) {
    run(x, panels, bias: bias, MINKE_IDENTITY, adding: adding, into: y)
  }

  /// The same with `activation` applied to what comes out.
  package func multiply(
    _ x: MatrixView, _ panels: UnsafePointer<Float>, bias: UnsafePointer<Float>?, _ activation: minke_activation,
    into y: MutableMatrixView
  ) {
    run(x, panels, bias: bias, activation, adding: false, into: y)
  }

  private func run(
    _ x: MatrixView, _ panels: UnsafePointer<Float>, bias: UnsafePointer<Float>?, _ activation: minke_activation,
    adding: Bool, into y: MutableMatrixView
  ) {
    precondition(x.rows == y.rows)
    var call = minke_gemm_call(
      rows: x.rows, columns: y.columns, depth: x.columns, x: x.start, x_stride: x.stride, panels: panels, bias: bias,
      y: y.start, y_stride: y.stride, activation: activation, adding: adding)
    kernels.multiply(&call)
  }
}
