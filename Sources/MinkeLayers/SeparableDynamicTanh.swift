import MinkeCheckpoints
import MinkeCore
import MinkeKernels

/// The activation of SSE: `y[k] = beta[k] * tanh(alpha[k] * x[k] + bias[k])`, each number on its own.
///
/// Source: the SSE model cards (RikkaBotan), which write c, a and b.
package final class SeparableDynamicTanh: Sendable {
  package let alpha, beta, bias: SharedBuffer<Float>

  /// The names of its tensors, each `[columns]`.
  package static let tensorNames = ["dyt.alpha", "dyt.beta", "dyt.bias"]

  /// - Throws: `MinkeError` when a tensor is missing, not `[columns]` or not finite.
  package init(_ checkpoint: Checkpoint, columns: Int) throws {
    alpha = try checkpoint.tensor("dyt.alpha").floats(shape: [columns], requiringFinite: true)
    beta = try checkpoint.tensor("dyt.beta").floats(shape: [columns], requiringFinite: true)
    bias = try checkpoint.tensor("dyt.bias").floats(shape: [columns], requiringFinite: true)
  }

  /// The activation of these numbers, `[columns]` each.
  package init(alpha: [Float], beta: [Float], bias: [Float]) {
    precondition(alpha.count == beta.count && alpha.count == bias.count)
    self.alpha = SharedBuffer(alpha)
    self.beta = SharedBuffer(beta)
    self.bias = SharedBuffer(bias)
  }

  /// Applies the activation in place to the first numbers of a vector.
  package func callAsFunction(_ x: MutableMatrixView, kernels level: KernelLevel) {
    precondition(x.columns <= alpha.count)
    minke_pooling(level.rawLevel).pointee.dynamic_tanh(
      x.start, alpha.baseAddress, beta.baseAddress, bias.baseAddress, x.columns)
  }
}
