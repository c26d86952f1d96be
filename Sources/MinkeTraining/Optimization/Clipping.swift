import MinkeCore
import MinkeKernels

/// The length of all gradients of `parameters` as one vector.
package func gradientNorm(of parameters: [Parameter], kernels level: KernelLevel = .active) -> Double {
  let kernels = minke_training(level.rawLevel).pointee
  return parameters.reduce(0) { sum, parameter in
    let gradient = parameter.gradient.read
    let rows = parameter.touched?.map(Int.init) ?? Array(0..<gradient.rows)
    return rows.reduce(sum) { sum, row in
      // In pieces, so that the sum of a long row loses nothing to float32.
      stride(from: 0, to: gradient.columns, by: 4096).reduce(sum) { sum, column in
        let start = gradient.row(row).start + column
        return sum + Double(kernels.dot(start, start, min(4096, gradient.columns - column)))
      }
    }
  }.squareRoot()
}

/// Shortens the gradients of `parameters`, as one vector, to length `limit` where they are longer (Pascanu et al. 2013),
/// as PyTorch's `clip_grad_norm_` does.
///
/// - Returns: the length before.
@discardableResult
package func clipGradients(
  of parameters: [Parameter], to limit: Double, kernels level: KernelLevel = .active
) -> Double {
  let norm = gradientNorm(of: parameters, kernels: level)
  let factor = Float(limit / (norm + 1e-6))
  guard factor < 1 else { return norm }
  for parameter in parameters {
    for row in parameter.touched?.map(Int.init) ?? Array(0..<parameter.rows) {
      parameter.gradient.row(row).scale(by: factor)
    }
  }
  return norm
}
