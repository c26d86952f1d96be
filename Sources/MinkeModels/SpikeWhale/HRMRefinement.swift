import MinkeCore
import MinkeKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The refinement after the last layer, with `x` its result: `h = x`, then for each step
/// `h += tanh(gate_t) * Wup silu(Wdown [RMSNorm(h) ; x])`.
struct HRMRefinement: Sendable {
  let norm: SharedBuffer<Float>
  let down: WeightMatrix
  let up: WeightMatrix
  /// One number a step.
  let gates: [Float]

  /// Refines `pass.input` `[rows, hidden]` in place.
  func apply(_ pass: ForwardPass) {
    let c = pass.configuration
    let (hidden, size) = (c.hiddenSize, down.outputs)
    pass.forEachRow { row in
      (pass.pair + row * 2 * hidden + hidden).update(from: pass.input + row * hidden, count: hidden)
    }
    for gate in gates {
      let opening = tanhf(gate)
      pass.forEachRow { row in
        pass.kernels.decoder.rms_norm(
          pass.input + row * hidden, hidden, norm.baseAddress, c.normEpsilon, 1, hidden, pass.pair + row * 2 * hidden,
          hidden)
      }
      pass.multiply([.init(weights: down, x: pass.pair, y: pass.code)])
      pass.kernels.decoder.silu(pass.code, pass.rows * size)
      pass.multiply([.init(weights: up, x: pass.code, y: pass.output)])
      pass.forEachRow { row in
        let (h, update) = (pass.input + row * hidden, pass.output + row * hidden)
        for i in 0..<hidden { h[i] += opening * update[i] }
      }
    }
  }
}
