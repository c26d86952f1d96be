import MinkeCore
import MinkeLayers

/// SwiGLU: `down(silu(gate x) * up x)` (Shazeer 2020).
struct FeedForward: Sendable {
  var gate: Linear
  var up: Linear
  var down: Linear

  /// `pass.input` `[rows, hidden]`, normed, to `pass.output` `[rows, hidden]`.
  func callAsFunction(_ pass: ForwardPass) {
    let (gated, up) = (pass.gate, pass.up)
    pass.multiply([.init(gate, pass.input.read, into: gated), .init(self.up, pass.input.read, into: up)])
    pass.forEachRow { row in swiGLU(gated.row(row), up.row(row).read, kernels: pass.level) }
    pass.multiply([.init(down, gated.read, into: pass.output)])
  }
}
