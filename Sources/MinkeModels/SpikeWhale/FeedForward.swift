import MinkeCore
import MinkeKernels

/// SwiGLU: `down(silu(gate x) * up x)` (Shazeer 2020).
struct FeedForward: Sendable {
  let gate: WeightMatrix
  let up: WeightMatrix
  let down: WeightMatrix

  /// `pass.input` `[rows, hidden]`, normed, to `pass.output` `[rows, hidden]`.
  func apply(_ pass: ForwardPass) {
    let width = pass.configuration.feedForwardSize
    pass.multiply([
      .init(weights: gate, x: pass.input, y: pass.gate), .init(weights: up, x: pass.input, y: pass.up),
    ])
    pass.forEachRow { row in pass.kernels.decoder.swiglu(pass.gate + row * width, pass.up + row * width, width) }
    pass.multiply([.init(weights: down, x: pass.gate, y: pass.output)])
  }
}
