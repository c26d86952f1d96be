import MinkeKernels

/// How precisely the weights of a model are held and multiplied.
public enum Precision: String, CaseIterable, Codable, Sendable {
  /// Numbers of 32 bits, as trained.
  case float32
  /// Weights of 8 bits with one scale a row, multiplied by activations rounded to 8 bits as they come, a scale and a
  /// zero point each row. A quarter of the memory.
  case int8
}

/// What follows a matrix product, in the same pass.
public enum Activation: Sendable {
  case identity
  /// `x * Phi(x)`, the exact GELU (Hendrycks and Gimpel 2016).
  case gelu

  var raw: minke_activation {
    switch self {
    case .identity: MINKE_IDENTITY
    case .gelu: MINKE_GELU
    }
  }
}

/// A linear layer `y = x W^T + b`, its weights `W` `[outputs, inputs]` packed once for the kernels.
///
/// The packed weights are the only copy that it holds. Every number of `y` is summed in one fixed order, so it depends
/// on its own row of `x` alone, not on how many rows come with it nor on how many threads work.
public struct Linear: Sendable {
  public let outputs: Int
  public let inputs: Int
  public var precision: Precision { if case .float32 = weights { .float32 } else { .int8 } }

  private enum Weights: Sendable {
    case float32(SharedBuffer<Float>)
    case int8(SharedBuffer<Int8>, scales: SharedBuffer<Float>, sums: SharedBuffer<Int32>, factors: SharedBuffer<Float>?)
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
  public init(
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
    guard let source = matrix.baseAddress, outputs > 0 else {
      throw MinkeError(.shapeMismatch, "linear layer", expected: "one output or more", found: "none")
    }
    switch precision {
    case .float32:
      let panels = AlignedBuffer<Float>(uninitialized: minke_gemm_panel_count(outputs, inputs))
      minke_gemm(level.rawLevel).pointee.pack(source, inputs, outputs, inputs, panels.baseAddress)
      self.weights = .float32(SharedBuffer(panels))
    case .int8:
      let panels = AlignedBuffer<Int8>(uninitialized: minke_gemm_panel_count(outputs, minke_gemm_int8_depth(inputs)))
      let scales = AlignedBuffer<Float>(uninitialized: outputs)
      let sums = AlignedBuffer<Int32>(uninitialized: outputs)
      let balanced = AlignedBuffer<Float>(uninitialized: balance == nil ? 0 : count)
      defer { extendLifetime(balanced) }
      for index in 0..<balanced.count { balanced.baseAddress[index] = source[index] * (balance?[index % inputs] ?? 1) }
      minke_gemm_int8(level.rawLevel).pointee.pack(
        balance == nil ? source : UnsafePointer(balanced.baseAddress), inputs, outputs, inputs, panels.baseAddress,
        scales.baseAddress, sums.baseAddress)
      self.weights = .int8(
        SharedBuffer(panels), scales: SharedBuffer(scales), sums: SharedBuffer(sums),
        factors: balance.map { Self.shared($0.map { 1 / $0 }) })
    }
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

  private static func shared(_ numbers: [Float]) -> SharedBuffer<Float> {
    numbers.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
  }

  /// Bytes that the layer holds.
  public var byteCount: Int {
    let held =
      switch weights {
      case .float32(let panels): panels.count * 4
      case .int8(let panels, _, _, let factors): panels.count + outputs * 8 + (factors?.count ?? 0) * 4
      }
    return held + (bias?.count ?? 0) * 4
  }

  /// Memory that ``apply(to:stride:rows:into:stride:activation:scratch:)`` uses in between: rows rounded to
  /// int8. Nothing in float32.
  public struct Scratch: ~Copyable, Sendable {
    fileprivate let bytes: AlignedBuffer<UInt8>
    fileprivate let scales: AlignedBuffer<Float>
    fileprivate let zeros: AlignedBuffer<Int32>

    /// Room for `rows` rows of `inputs` numbers.
    public init(rows: Int, inputs: Int, precision: Precision) {
      let rows = precision == .int8 ? rows : 0
      bytes = AlignedBuffer(uninitialized: rows * minke_gemm_int8_depth(inputs))
      scales = AlignedBuffer(uninitialized: rows)
      zeros = AlignedBuffer(uninitialized: rows)
    }
  }

  /// Writes `activation(x W^T + b)` to `y`: `x` `[rows, inputs]`, `y` `[rows, outputs]`.
  ///
  /// - Parameters:
  ///   - inputStride: numbers from one row of `x` to the next.
  ///   - outputStride: numbers from one row of `y` to the next.
  ///   - scratch: room for at least these rows and inputs, in use by no one else.
  public func apply(
    to x: UnsafePointer<Float>, stride inputStride: Int, rows: Int, into y: UnsafeMutablePointer<Float>,
    stride outputStride: Int, activation: Activation = .identity, scratch: borrowing Scratch
  ) {
    // Pieces of some tens of microseconds; two panels at once are faster than one where there are few rows.
    let grain = max(2, (1 << 20) / max(1, 2 * Int(MINKE_PANEL) * rows * inputs))
    switch weights {
    case .float32(let panels):
      let kernels = minke_gemm(level.rawLevel).pointee
      nonisolated(unsafe) let (x, y, bias) = (x, y, bias?.baseAddress)
      nonisolated(unsafe) let panels = panels.baseAddress
      // SAFETY: every piece writes columns of its own.
      Workers.forEachPieceUninterrupted(of: panelCount, grain: grain) { piece, _ in
        let first = piece.lowerBound * Int(MINKE_PANEL)
        var call = minke_gemm_call(
          rows: rows, columns: min(outputs, piece.upperBound * Int(MINKE_PANEL)) - first, depth: inputs, x: x,
          x_stride: inputStride, panels: panels.map { $0 + first * inputs }, bias: bias.map { $0 + first },
          y: y + first, y_stride: outputStride, activation: activation.raw)
        kernels.multiply(&call)
      }
    case .int8(let panels, let scales, let sums, let factors):
      precondition(scratch.scales.count >= rows)
      let kernels = minke_gemm_int8(level.rawLevel).pointee
      kernels.quantize(
        x, inputStride, factors?.baseAddress, rows, inputs, scratch.bytes.baseAddress, scratch.scales.baseAddress,
        scratch.zeros.baseAddress)
      nonisolated(unsafe) let (y, bias) = (y, bias?.baseAddress)
      nonisolated(unsafe) let (panels, scales, sums) = (panels.baseAddress, scales.baseAddress, sums.baseAddress)
      nonisolated(unsafe) let rounded = scratch.bytes.baseAddress
      nonisolated(unsafe) let (rowScales, rowZeros) = (scratch.scales.baseAddress, scratch.zeros.baseAddress)
      // SAFETY: every piece writes columns of its own.
      Workers.forEachPieceUninterrupted(of: panelCount, grain: grain) { piece, _ in
        let first = piece.lowerBound * Int(MINKE_PANEL)
        var call = minke_gemm_int8_call(
          rows: rows, columns: min(outputs, piece.upperBound * Int(MINKE_PANEL)) - first, depth: inputs, x: rounded,
          x_scales: rowScales, x_zeros: rowZeros, panels: panels.map { $0 + first * minke_gemm_int8_depth(inputs) },
          w_scales: scales.map { $0 + first }, w_sums: sums.map { $0 + first }, bias: bias.map { $0 + first },
          y: y + first, y_stride: outputStride, activation: activation.raw)
        kernels.multiply(&call)
      }
    }
  }

  private var panelCount: Int { (outputs + Int(MINKE_PANEL) - 1) / Int(MINKE_PANEL) }
}
