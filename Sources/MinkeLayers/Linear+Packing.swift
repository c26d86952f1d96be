import MinkeCore
import MinkeKernels

extension Linear {
  /// Packs `weights`, matrices `[_, inputs]` in row-major order that stand one under the other, with their `biases`,
  /// if there are any, likewise; in 4 bits they stay rows.
  ///
  /// - Parameter balance: for int8, a positive number for each input, by which it is divided before it is rounded while
  ///   its weights are multiplied by it. What comes out is the same; less is lost where inputs differ much in size.
  /// - Throws: `MinkeError` of kind `shapeMismatch` when the sizes do not fit together or, in int8, `inputs` is above
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
    guard precision != .int8 || inputs <= 65_536 else {
      throw MinkeError(.shapeMismatch, "linear layer in int8", expected: "at most 65536 inputs", found: "\(inputs)")
    }
    let outputs = count / inputs
    let biasCount = biases.reduce(0) { $0 + $1.count }
    guard biases.isEmpty || biasCount == outputs else {
      throw MinkeError(.shapeMismatch, "linear layer", expected: "\(outputs) biases", found: "\(biasCount)")
    }
    guard outputs > 0 else {
      throw MinkeError(.shapeMismatch, "linear layer", expected: "one output or more", found: "none")
    }
    let matrix = Self.joined(weights)
    defer { extendLifetime(matrix) }
    let plain = matrix.rows(of: inputs)
    let storage: Storage =
      switch precision {
      case .float32: .packedFloat32(Self.packed(plain, level))
      case .int8: .packedInt8(Self.rounded(plain, balance: balance, level))
      case .fourBit: .fourBit(Self.fourBitRows(plain))
      }
    self.init(
      outputs: outputs, inputs: inputs, storage, bias: biases.isEmpty ? nil : Self.joined(biases), kernels: level)
  }

  /// The layer for many rows of x, in `precision`: in 8 bits packed, with rows of x rounded as they come; in 4 bits in
  /// rows. A layer that is rounded already stays as it is.
  package func prepared(in precision: Precision) throws(MinkeError) -> Linear {
    guard case .float32(let weights) = storage, precision != .float32 else { return self }
    return try Linear(
      weights: [weights], biases: bias.map { [$0] } ?? [], inputs: inputs, precision: precision, kernels: level)
  }

  private static func packed(_ plain: MatrixView, _ level: KernelLevel) -> SharedBuffer<Float> {
    let panels = AlignedBuffer<Float>(
      uninitialized: MatrixProduct.packedCount(columns: plain.rows, depth: plain.columns))
    MatrixProduct(level).pack(plain, into: panels.baseAddress)
    return SharedBuffer(panels)
  }

  private static func rounded(_ plain: MatrixView, balance: [Float]?, _ level: KernelLevel) -> PackedInt8 {
    let (outputs, inputs) = (plain.rows, plain.columns)
    let balanced = Matrix(rows: balance == nil ? 0 : outputs, columns: inputs)
    defer { extendLifetime(balanced) }
    if let balance {
      balanced.view.copy(plain)
      let factors = Matrix(balance, columns: inputs)
      for row in 0..<outputs { balanced.view.row(row).multiply(by: factors.view.read) }
    }
    let panels = AlignedBuffer<Int8>(uninitialized: minke_gemm_panel_count(outputs, minke_gemm_int8_depth(inputs)))
    let scales = AlignedBuffer<Float>(uninitialized: outputs)
    let sums = AlignedBuffer<Int32>(uninitialized: outputs)
    minke_gemm_int8(level.rawLevel).pointee.pack(
      balance == nil ? plain.start : balanced.view.read.start, inputs, outputs, inputs, panels.baseAddress,
      scales.baseAddress, sums.baseAddress)
    return PackedInt8(
      panels: SharedBuffer(panels), scales: SharedBuffer(scales), sums: SharedBuffer(sums),
      factors: balance.map { SharedBuffer($0.map { 1 / $0 }) })
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
}
