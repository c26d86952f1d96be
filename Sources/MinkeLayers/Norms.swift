import MinkeCore
import MinkeKernels

/// `weight * (x - mean) / sqrt(variance + epsilon) + bias` over each row (Ba, Kiros and Hinton 2016).
package struct LayerNorm: Sendable {
  package let weight: SharedBuffer<Float>
  package let bias: SharedBuffer<Float>
  package let epsilon: Float
  private let kernels: minke_transformer_kernels

  package init(weight: SharedBuffer<Float>, bias: SharedBuffer<Float>, epsilon: Float, kernels level: KernelLevel) {
    precondition(weight.count == bias.count)
    self.weight = weight
    self.bias = bias
    self.epsilon = epsilon
    kernels = minke_transformer(level.rawLevel).pointee
  }

  package var width: Int { weight.count }

  /// Writes `LayerNorm(x + residual)` to `y`, which may be either of them; all `[rows, width]`, their rows one right
  /// after the other.
  package func callAsFunction(_ x: MatrixView, plus residual: MatrixView? = nil, into y: MutableMatrixView) {
    precondition(x.columns == width && x.stride == width && y.rows == x.rows && y.columns == width && y.stride == width)
    precondition(residual.map { $0.rows == x.rows && $0.columns == width && $0.stride == width } ?? true)
    // SAFETY: every piece reads and writes rows of its own.
    Workers.forEachPieceUninterrupted(of: x.rows, grain: 128) { piece, _ in
      kernels.layer_norm(
        x.rows(piece).start, residual?.rows(piece).start, weight.baseAddress, bias.baseAddress, epsilon, piece.count,
        width, y.rows(piece).start)
    }
  }
}

/// `weight * x / sqrt(mean(x^2) + epsilon)` over each row (Zhang and Sennrich 2019).
package struct RMSNorm: Sendable {
  package let weight: SharedBuffer<Float>
  package let epsilon: Float
  private let kernels: minke_decoder_kernels

  package init(weight: SharedBuffer<Float>, epsilon: Float, kernels level: KernelLevel) {
    self.weight = weight
    self.epsilon = epsilon
    kernels = minke_decoder(level.rawLevel).pointee
  }

  package var width: Int { weight.count }

  /// Writes `RMSNorm(x)` to `y`, which may be `x`; both `[rows, width]`.
  package func callAsFunction(_ x: MatrixView, into y: MutableMatrixView) {
    precondition(x.columns == width && y.rows == x.rows && y.columns == width)
    kernels.rms_norm(x.start, x.stride, weight.baseAddress, epsilon, x.rows, width, y.start, y.stride)
  }
}
