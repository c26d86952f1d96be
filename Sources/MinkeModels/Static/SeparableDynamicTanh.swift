import MinkeCheckpoints
import MinkeCore
import MinkeKernels

/// The activation of SSE: `y[k] = beta[k] * tanh(alpha[k] * x[k] + bias[k])`, each number on its own.
///
/// Source: the SSE model cards (RikkaBotan), which write c, a and b.
final class SeparableDynamicTanh: Sendable {
  let alpha, beta, bias: SharedBuffer<Float>

  /// The names of its tensors, each `[columns]`.
  static let tensorNames = ["dyt.alpha", "dyt.beta", "dyt.bias"]

  /// - Throws: ``MinkeError`` when a tensor is missing, not `[columns]` or not finite.
  init(_ checkpoint: Checkpoint, columns: Int) throws {
    alpha = try checkpoint.tensor("dyt.alpha").floats(shape: [columns], requiringFinite: true)
    beta = try checkpoint.tensor("dyt.beta").floats(shape: [columns], requiringFinite: true)
    bias = try checkpoint.tensor("dyt.bias").floats(shape: [columns], requiringFinite: true)
  }

  /// Applies the activation in place to the first `count` numbers of a vector.
  func apply(to x: UnsafeMutablePointer<Float>, count: Int, kernels: minke_pooling_kernels) {
    kernels.dynamic_tanh(x, alpha.baseAddress, beta.baseAddress, bias.baseAddress, count)
  }
}
