import MinkeCore
import MinkeKernels

/// A linear layer `y = activation(x W^T + b)`, its weights `W` `[outputs, inputs]` packed once for the kernels.
///
/// The packed weights are the only copy that it holds. Every number of `y` is summed in one fixed order, so it depends
/// on its own row of `x` alone, not on how many rows come with it nor on how many threads work.
package struct Linear: Sendable {
  package let outputs: Int
  package let inputs: Int
  package var precision: Precision { if case .float32 = weights { .float32 } else { .int8 } }

  private enum Weights: Sendable {
    case float32(SharedBuffer<Float>)
    case int8(RoundedWeights)
  }

  private struct RoundedWeights: Sendable {
    let panels: SharedBuffer<Int8>
    let scales: SharedBuffer<Float>
    let sums: SharedBuffer<Int32>
    /// What each input is multiplied by before it is rounded.
    let factors: SharedBuffer<Float>?
  }

  private let weights: Weights
  private let bias: SharedBuffer<Float>?
  private let level: KernelLevel

  /// Packs `weights`, matrices `[_, inputs]` in row-major order that stand one under the other, with their `biases`,
  /// if there are any, likewise.
  ///
  /// - Parameter balance: for int8, a positive number for each input, by which it is divided before it is rounded while
  ///   its weights are multiplied by it. What comes out is the same; less is lost where inputs differ much in size.
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` when the sizes do not fit together or, in int8, `inputs` is above
  ///   65,536, where 32-bit sums could overflow.
  package init(
    weights: [SharedBuffer<Float>], biases: [SharedBuffer<Float>] = [], inputs: Int, precision: Precision = .float32,
    balance: [Float]? = nil, kernels level: KernelLevel = .active
  ) throws(MinkeError) {
    let count = weights.reduce(0) { $0 + $1.count }
    guard inputs > 0, weights.allSatisfy({ $0.count.isMultiple(of: inputs) }) else {
      throw MinkeError(
        .shapeMismatch, "linear layer", expected: "weights in whole rows of \(inputs)", found: "\(count) numbers")
    }
    guard balance.map({ $0.count == inputs }) ?? true else {
      throw MinkeError(
        .shapeMismatch, "linear layer", expected: "\(inputs) balancing numbers", found: "\(balance?.count ?? 0)")
    }
    guard precision == .float32 || inputs <= 65_536 else {
      throw MinkeError(.shapeMismatch, "linear layer in int8", expected: "at most 65536 inputs", found: "\(inputs)")
    }
    outputs = count / inputs
    self.inputs = inputs
    self.level = level
    guard biases.isEmpty || biases.reduce(0, { $0 + $1.count }) == outputs else {
      throw MinkeError(
        .shapeMismatch, "linear layer", expected: "\(outputs) biases",
        found: "\(biases.reduce(0) { $0 + $1.count })")
    }
    bias = biases.isEmpty ? nil : Self.joined(biases)
    let matrix = Self.joined(weights)
    defer { extendLifetime(matrix) }
    guard let start = matrix.baseAddress, outputs > 0 else {
      throw MinkeError(.shapeMismatch, "linear layer", expected: "one output or more", found: "none")
    }
    let plain = MatrixView(start, rows: outputs, columns: inputs)
    switch precision {
    case .float32:
      let panels = AlignedBuffer<Float>(uninitialized: MatrixProduct.packedCount(columns: outputs, depth: inputs))
      MatrixProduct(level).pack(plain, into: panels.baseAddress)
      self.weights = .float32(SharedBuffer(panels))
    case .int8: self.weights = .int8(Self.rounded(plain, balance: balance, level))
    }
  }

  private static func rounded(_ plain: MatrixView, balance: [Float]?, _ level: KernelLevel) -> RoundedWeights {
    let (outputs, inputs) = (plain.rows, plain.columns)
    let balanced = Matrix(rows: balance == nil ? 0 : outputs, columns: inputs)
    defer { extendLifetime(balanced) }
    if let balance {
      balanced.view.copy(plain)
      balance.withUnsafeBufferPointer { balance in
        guard let start = balance.baseAddress else { return }
        let factors = MatrixView(start, rows: 1, columns: inputs)
        for row in 0..<outputs { balanced.view.row(row).combine(factors) { $0 * $1 } }
      }
    }
    let panels = AlignedBuffer<Int8>(uninitialized: minke_gemm_panel_count(outputs, minke_gemm_int8_depth(inputs)))
    let scales = AlignedBuffer<Float>(uninitialized: outputs)
    let sums = AlignedBuffer<Int32>(uninitialized: outputs)
    minke_gemm_int8(level.rawLevel).pointee.pack(
      balance == nil ? plain.start : balanced.view.read.start, inputs, outputs, inputs, panels.baseAddress,
      scales.baseAddress, sums.baseAddress)
    return RoundedWeights(
      panels: SharedBuffer(panels), scales: SharedBuffer(scales), sums: SharedBuffer(sums),
      factors: balance.map { $0.map { 1 / $0 }.withUnsafeBufferPointer { SharedBuffer(copying: $0) } })
  }

  private static func joined(_ parts: [SharedBuffer<Float>]) -> SharedBuffer<Float> {
    if parts.count == 1 { return parts[0] }
    let whole = AlignedBuffer<Float>(uninitialized: parts.reduce(0) { $0 + $1.count })
    var end = whole.baseAddress
    for part in parts {
      if let start = part.baseAddress { end.update(from: start, count: part.count) }
      end += part.count
    }
    return SharedBuffer(whole)
  }

  /// Bytes that the layer holds.
  package var byteCount: Int {
    let held =
      switch weights {
      case .float32(let panels): panels.count * 4
      case .int8(let rounded): rounded.panels.count + outputs * 8 + (rounded.factors?.count ?? 0) * 4
      }
    return held + (bias?.count ?? 0) * 4
  }
}

// MARK: Plain form

extension Linear {
  /// The weights of one output, `[inputs]`, as the layer multiplies by them: in int8, rounded.
  package func row(_ output: Int) -> [Float] {
    precondition(output >= 0 && output < outputs, "output \(output) of \(outputs)")
    let panel = MatrixProduct.panel
    let (first, lane) = (output / panel * panel, output % panel)
    switch weights {
    case .float32(let panels): return (0..<inputs).map { panels[first * inputs + $0 * panel + lane] }
    case .int8(let rounded):
      let depth = minke_gemm_int8_depth(inputs)
      return (0..<inputs).map { k in
        let q = rounded.panels[first * depth + 4 * (panel * (k / 4) + lane) + k % 4]
        return Float(q) * rounded.scales[output] * (rounded.factors?[k] ?? 1)
      }
    }
  }

  /// The biases, `[outputs]`; nil where there are none.
  package var biases: [Float]? { bias?.copied() }
}

// MARK: Product

extension Linear {
  /// Memory that a product in int8 uses in between: rows of `x`, rounded. Nothing in float32.
  package final class Scratch: Sendable {
    fileprivate let bytes: AlignedBuffer<UInt8>
    fileprivate let scales: AlignedBuffer<Float>
    fileprivate let zeros: AlignedBuffer<Int32>

    /// Room for `rows` rows of `inputs` numbers.
    package init(rows: Int, inputs: Int, precision: Precision) {
      let rows = precision == .int8 ? rows : 0
      bytes = AlignedBuffer(uninitialized: rows * minke_gemm_int8_depth(inputs))
      scales = AlignedBuffer(uninitialized: rows)
      zeros = AlignedBuffer(uninitialized: rows)
    }
  }

  /// Writes `activation(x W^T + b)` to `y`: `x` `[rows, inputs]`, `y` `[rows, outputs]`; on all cores.
  ///
  /// - Parameter scratch: room for at least these rows and inputs, in use by no one else; nil makes it anew in int8.
  package func callAsFunction(
    _ x: MatrixView, _ activation: Activation = .identity, into y: MutableMatrixView, _ scratch: Scratch? = nil
  ) {
    precondition(x.columns == inputs && y.columns == outputs && x.rows == y.rows)
    guard x.rows > 0 else { return }
    switch weights {
    case .float32(let panels):
      let product = MatrixProduct(level)
      forEachPiece(x.rows) { columns in
        let y = y.columns(columns)
        guard let panels = panels.baseAddress else { return }
        product.multiply(
          x, panels + columns.lowerBound * inputs, bias: bias?.baseAddress.map { $0 + columns.lowerBound },
          activation.fused ?? MINKE_IDENTITY, into: y)
        if activation.fused == nil { y.apply { activation($0) } }
      }
    case .int8(let rounded):
      let scratch = scratch ?? Scratch(rows: x.rows, inputs: inputs, precision: .int8)
      precondition(scratch.scales.count >= x.rows && scratch.bytes.count >= x.rows * minke_gemm_int8_depth(inputs))
      let kernels = minke_gemm_int8(level.rawLevel).pointee
      kernels.quantize(
        x.start, x.stride, rounded.factors?.baseAddress, x.rows, inputs, scratch.bytes.baseAddress,
        scratch.scales.baseAddress, scratch.zeros.baseAddress)
      forEachPiece(x.rows) { columns in
        let y = y.columns(columns)
        let first = columns.lowerBound
        var call = minke_gemm_int8_call(
          rows: x.rows, columns: columns.count, depth: inputs, x: scratch.bytes.baseAddress,
          x_scales: scratch.scales.baseAddress, x_zeros: scratch.zeros.baseAddress,
          panels: rounded.panels.baseAddress.map { $0 + first * minke_gemm_int8_depth(inputs) },
          w_scales: rounded.scales.baseAddress.map { $0 + first }, w_sums: rounded.sums.baseAddress.map { $0 + first },
          bias: bias?.baseAddress.map { $0 + first }, y: y.start, y_stride: y.stride,
          activation: activation.fused ?? MINKE_IDENTITY)
        kernels.multiply(&call)
        if activation.fused == nil { y.apply { activation($0) } }
      }
    }
  }

  /// Calls `body` for ranges of outputs, on all cores. Each writes columns of its own.
  private func forEachPiece(_ rows: Int, _ body: @Sendable (_ columns: Range<Int>) -> Void) {
    let panel = MatrixProduct.panel
    // Pieces of some tens of microseconds; two panels at once are faster than one where there are few rows.
    let grain = max(2, (1 << 20) / (2 * panel * rows * inputs))
    Workers.forEachPieceUninterrupted(of: (outputs + panel - 1) / panel, grain: grain) { piece, _ in
      body(piece.lowerBound * panel..<min(outputs, piece.upperBound * panel))
    }
  }
}
