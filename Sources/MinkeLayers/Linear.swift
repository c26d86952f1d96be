import MinkeCore
import MinkeKernels

/// A linear layer `y = activation(x W^T + b)` with weights `W` `[outputs, inputs]`.
///
/// Every number of `y` is summed in one fixed order, so it depends on its own row of `x` alone, not on how many threads
/// work; with packed weights also not on how many rows come with it.
package struct Linear: Sendable {
  package let outputs: Int
  package let inputs: Int
  let storage: Storage
  let bias: SharedBuffer<Float>?
  let level: KernelLevel

  /// The weights, the only copy that a layer holds.
  enum Storage: Sendable {
    /// Row after row, where they lie in their file. A single row of x reads every weight once, so it would gain nothing
    /// by another order; more rows pack 32 rows of weights at a time, which costs little beside their product.
    case float32(SharedBuffer<Float>)
    case int8(SharedBuffer<Int8>, scales: SharedBuffer<Float>)
    case fourBit(FourBitRows)
    /// Packed once into panels, for many rows of x.
    case packedFloat32(SharedBuffer<Float>)
    /// Packed once, multiplied by rows of x that are rounded to 8 bits as they come: the fastest, and less exact.
    case packedInt8(PackedInt8)
  }

  /// Rows of 4 bits a weight, with a float16 scale and minimum for each 32.
  struct FourBitRows: Sendable {
    let q: SharedBuffer<UInt8>
    let scales: SharedBuffer<UInt16>
    let minimums: SharedBuffer<UInt16>

    /// The rows as the kernels take them.
    var raw: minke_four_bit_rows {
      minke_four_bit_rows(q: q.baseAddress, scales: scales.baseAddress, minimums: minimums.baseAddress)
    }
  }

  /// Panels of 8 bits a weight, with a scale and a sum for each output.
  struct PackedInt8: Sendable {
    let panels: SharedBuffer<Int8>
    let scales: SharedBuffer<Float>
    let sums: SharedBuffer<Int32>
    /// What each input is multiplied by before it is rounded.
    let factors: SharedBuffer<Float>?

    /// The weight of one output and input, of so many inputs.
    subscript(output: Int, input: Int, of inputs: Int) -> Int8 {
      let (panel, depth) = (MatrixProduct.panel, minke_gemm_int8_depth(inputs))
      let (first, lane) = (output / panel * panel, output % panel)
      return panels[first * depth + 4 * (panel * (input / 4) + lane) + input % 4]
    }
  }

  init(
    outputs: Int, inputs: Int, _ storage: Storage, bias: SharedBuffer<Float>? = nil, kernels level: KernelLevel
  ) {
    self.outputs = outputs
    self.inputs = inputs
    self.storage = storage
    self.bias = bias
    self.level = level
  }

  package var precision: Precision {
    switch storage {
    case .float32, .packedFloat32: .float32
    case .int8, .packedInt8: .int8
    case .fourBit: .fourBit
    }
  }

  /// Whether the weights lie in panels.
  var isPacked: Bool {
    switch storage {
    case .packedFloat32, .packedInt8: true
    case .float32, .int8, .fourBit: false
    }
  }

  /// Bytes that the layer holds, which are those that one product reads.
  package var byteCount: Int {
    let held =
      switch storage {
      case .float32(let weights), .packedFloat32(let weights): weights.count * 4
      case .int8(let q, let scales): q.count + scales.count * 4
      case .fourBit(let rows): rows.q.count + (rows.scales.count + rows.minimums.count) * 2
      case .packedInt8(let packed): packed.panels.count + outputs * 8 + (packed.factors?.count ?? 0) * 4
      }
    return held + (bias?.count ?? 0) * 4
  }
}

// MARK: Plain form

extension Linear {
  /// The weights of one output, `[inputs]`, as the layer multiplies by them: rounded, where it holds them so.
  package func row(_ output: Int) -> [Float] {
    precondition(output >= 0 && output < outputs, "output \(output) of \(outputs)")
    let panel = MatrixProduct.panel
    switch storage {
    case .packedFloat32(let panels):
      let (first, lane) = (output / panel * panel, output % panel)
      return (0..<inputs).map { panels[first * inputs + $0 * panel + lane] }
    case .packedInt8(let packed):
      return (0..<inputs).map { k in
        Float(packed[output, k, of: inputs]) * packed.scales[output] * (packed.factors?[k] ?? 1)
      }
    case .float32, .int8, .fourBit:
      let row = Matrix(rows: 1, columns: inputs)
      unpack(output..<output + 1, into: row.view)
      return row.copied()
    }
  }

  /// The biases, `[outputs]`; nil where there are none.
  package var biases: [Float]? { bias?.copied() }

  /// Writes the weights of the outputs `range` to `y`, whose rows stand one right after the other. Weights in panels are
  /// not for reading often.
  package func unpack(_ range: Range<Int>, into y: MutableMatrixView) {
    precondition(range.lowerBound >= 0 && range.upperBound <= outputs, "outputs \(range) of \(outputs)")
    precondition(y.rows == range.count && y.columns == inputs && y.stride == inputs)
    let first = range.lowerBound
    let kernels = minke_matvec(level.rawLevel).pointee
    switch storage {
    case .float32(let weights): y.copy(weights.rows(of: inputs).rows(range))
    case .int8(let q, let scales):
      guard let q = q.baseAddress, let scales = scales.baseAddress else { return }
      kernels.unpack_int8(q + first * inputs, scales + first, range.count, inputs, y.start)
    case .fourBit(let rows):
      var rows = rows.raw.rows(from: first, inputs: inputs)
      kernels.unpack_four_bit(&rows, range.count, inputs, y.start)
    case .packedFloat32, .packedInt8:
      for output in range {
        for (column, weight) in row(output).enumerated() { y[output - first, column] = weight }
      }
    }
  }
}

extension minke_four_bit_rows {
  /// The rows from `row` on.
  func rows(from row: Int, inputs: Int) -> minke_four_bit_rows {
    guard let q, let scales, let minimums else { return self }
    let groups = row * minke_four_bit_groups(inputs)
    return minke_four_bit_rows(q: q + groups * 16, scales: scales + groups, minimums: minimums + groups)
  }
}
