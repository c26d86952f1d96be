import MinkeCore
import MinkeKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A function that is applied to each number by itself.
package enum Activation: String, CaseIterable, Sendable {
  case identity
  /// `x * Phi(x)`, the exact GELU (Hendrycks and Gimpel 2016).
  case gelu
  /// GELU by its approximation with tanh.
  case geluTanh = "gelu_tanh"
  /// The exact GELU, held between -10 and 10.
  case geluClipped = "gelu_10"
  /// `x / (1 + exp(-1.702 x))`.
  case quickGELU = "quick_gelu"
  /// `x / (1 + exp(-x))`.
  case silu
  /// `x * tanh(log(1 + exp(x)))` (Misra 2019).
  case mish
  case relu
  /// The square of ReLU (So et al. 2021).
  case reluSquared = "relu2"
  /// ReLU, at most 6.
  case relu6
  /// ReLU with a hundredth of what is below 0.
  case leakyReLU = "leaky_relu"
  /// `x * min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).
  case hardSwish = "hardswish"
  case tanh
  case sigmoid

  /// The names that configurations of transformers give the activations. Some have several: one formula in several
  /// programs.
  package static let namesInConfigurations: [String: Activation] = [
    "linear": .identity, "gelu": .gelu, "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_fast": .geluTanh,
    "gelu_accurate": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_python_tanh": .geluTanh, "gelu_10": .geluClipped,
    "quick_gelu": .quickGELU, "silu": .silu, "swish": .silu, "mish": .mish, "relu": .relu, "relu2": .reluSquared,
    "relu6": .relu6, "leaky_relu": .leakyReLU, "hardswish": .hardSwish, "tanh": .tanh, "sigmoid": .sigmoid,
  ]

  /// The activation as the matrix products do it on the way; nil where it is done after them.
  var fused: minke_activation? {
    switch self {
    case .identity: MINKE_IDENTITY
    case .gelu: MINKE_GELU
    default: nil
    }
  }

  package func callAsFunction(_ x: Float) -> Float {
    switch self {
    case .identity: return x
    case .gelu: return Self.exactGELU(x)
    case .geluTanh: return 0.5 * x * (1 + tanhf(0.797_884_6 * (x + 0.044_715 * x * x * x)))
    case .geluClipped: return Self.held(Self.exactGELU(x), -10, 10)
    case .quickGELU: return x / (1 + expf(-1.702 * x))
    case .silu: return x / (1 + expf(-x))
    case .mish:
      // tanh(log(1 + p)) is p (p + 2) / (p (p + 2) + 2); beyond p = exp(20) that is 1.
      let p = expf(x > 20 ? 20 : x)
      return x * (p * (p + 2) / (p * (p + 2) + 2))
    // Not the maximum, which would make 0 of NaN.
    case .relu: return x > 0 ? x : x * 0
    case .reluSquared: return x > 0 ? x * x : x * 0
    case .relu6: return Self.held(x, 0, 6)
    case .leakyReLU: return x > 0 ? x : x * 0.01
    case .hardSwish: return x * Self.held(x + 3, 0, 6) / 6
    case .tanh: return tanhf(x)
    case .sigmoid: return 1 / (1 + expf(-x))
    }
  }

  private static func exactGELU(_ x: Float) -> Float { 0.5 * x * erfcf(-x * Float(0.5).squareRoot()) }

  /// The nearest number to `x` between two others; NaN stays NaN.
  private static func held(_ x: Float, _ least: Float, _ greatest: Float) -> Float {
    x < least ? least : x > greatest ? greatest : x
  }

  /// Applies the activation to every number, by kernels where there are some.
  package func callAsFunction(_ x: MutableMatrixView, kernels level: KernelLevel) {
    switch self {
    case .identity: break
    case .gelu: minke_transformer(level.rawLevel).pointee.gelu(x.start, x.rows, x.columns, x.stride)
    case .silu: Self.silu(x, level)
    case .geluTanh: for row in 0..<x.rows { Self.geluTanh(x.row(row), level) }
    case .quickGELU:
      x.scale(by: 1.702)
      Self.silu(x, level)
      x.scale(by: 1 / 1.702)
    default:
      for row in 0..<x.rows {
        let row = x.row(row)
        for column in 0..<x.columns { row.start[column] = self(row.start[column]) }
      }
    }
  }

  private static func silu(_ x: MutableMatrixView, _ level: KernelLevel) {
    let silu = minke_decoder(level.rawLevel).pointee.silu
    for row in 0..<x.rows { silu?(x.row(row).start, x.columns) }
  }

  /// With `z = 2 sqrt(2 / pi) (x + 0.044715 x^3)`, the approximation is `x / (1 + exp(-z))`, which is `silu(z) x / z`.
  private static func geluTanh(_ row: MutableMatrixView, _ level: KernelLevel) {
    // z / x, which stays finite.
    func factor(_ x: Float) -> Float { 1.595_769_1 * (1 + 0.044_715 * (x * x < 1e10 ? x * x : 1e10)) }
    let x = row.start
    withUnsafeTemporaryAllocation(of: Float.self, capacity: row.columns) { z in
      guard let z = z.baseAddress else { return }
      for column in 0..<row.columns { z[column] = x[column] * factor(x[column]) }
      minke_decoder(level.rawLevel).pointee.silu(z, row.columns)
      for column in 0..<row.columns { x[column] = z[column] / factor(x[column]) }
    }
  }

  /// `x = activation(x) * factors`, the gated linear unit of Shazeer 2020, for equally many rows and columns; on all
  /// cores.
  package func gate(_ x: MutableMatrixView, by factors: MatrixView, kernels level: KernelLevel) {
    precondition(x.rows == factors.rows && x.columns == factors.columns)
    // SAFETY: every piece reads and writes rows of its own.
    Workers.forEachPieceUninterrupted(of: x.rows, grain: 32) { piece, _ in
      let rows = x.rows(piece)
      self(rows, kernels: level)
      rows.multiply(by: factors.rows(piece))
    }
  }
}

/// `gate = silu(gate) * up` (SwiGLU, Shazeer 2020).
package func swiGLU(_ gate: MutableMatrixView, _ up: MatrixView, kernels level: KernelLevel) {
  precondition(gate.rows == up.rows && gate.columns == up.columns)
  let kernels = minke_decoder(level.rawLevel).pointee
  for row in 0..<gate.rows { kernels.swiglu(gate.row(row).start, up.row(row).start, gate.columns) }
}
