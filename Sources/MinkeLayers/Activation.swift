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
  /// `x / (1 + exp(-x))`.
  case silu
  case relu
  case tanh
  case sigmoid

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
    case .identity: x
    case .gelu: 0.5 * x * erfcf(-x * Float(0.5).squareRoot())
    case .geluTanh: 0.5 * x * (1 + tanhf(0.797_884_6 * (x + 0.044_715 * x * x * x)))
    case .silu: x / (1 + expf(-x))
    // Not the maximum, which would make 0 of NaN.
    case .relu: x > 0 ? x : x * 0
    case .tanh: tanhf(x)
    case .sigmoid: 1 / (1 + expf(-x))
    }
  }

  /// Applies the activation to every number, by kernels where there are some.
  package func callAsFunction(_ x: MutableMatrixView, kernels level: KernelLevel) {
    switch self {
    case .identity: break
    case .gelu: minke_transformer(level.rawLevel).pointee.gelu(x.start, x.rows, x.columns, x.stride)
    case .silu:
      let silu = minke_decoder(level.rawLevel).pointee.silu
      for row in 0..<x.rows { silu?(x.row(row).start, x.columns) }
    case .geluTanh, .relu, .tanh, .sigmoid:
      for row in 0..<x.rows {
        let row = x.row(row)
        for column in 0..<x.columns { row.start[column] = self(row.start[column]) }
      }
    }
  }
}

/// `gate = silu(gate) * up` (SwiGLU, Shazeer 2020).
package func swiGLU(_ gate: MutableMatrixView, _ up: MatrixView, kernels level: KernelLevel) {
  precondition(gate.rows == up.rows && gate.columns == up.columns)
  let kernels = minke_decoder(level.rawLevel).pointee
  for row in 0..<gate.rows { kernels.swiglu(gate.row(row).start, up.row(row).start, gate.columns) }
}
