import MinkeCore
import MinkeLayers

/// The refinement after the last layer, with `x` its result: `h = x`, then for each step
/// `h += tanh(gate_t) * Wup silu(Wdown [RMSNorm(h) ; x])`.
struct HRMRefinement: Sendable {
  let norm: RMSNorm
  let down: Linear
  let up: Linear
  /// One number a step.
  let gates: [Float]

  /// Refines `pass.input` `[rows, hidden]` in place.
  func callAsFunction(_ pass: ForwardPass) {
    let (h, update, code) = (pass.input, pass.output, pass.refinementCode)
    let (normed, x) = (pass.pair.columns(0..<h.columns), pass.pair.columns(h.columns..<2 * h.columns))
    pass.forEachRow { row in x.row(row).copy(h.row(row).read) }
    for gate in gates {
      let opening = Activation.tanh(gate)
      pass.forEachRow { row in norm(h.row(row).read, into: normed.row(row)) }
      pass.multiply([.init(down, pass.pair.read, into: code)])
      Activation.silu(code, kernels: pass.level)
      pass.multiply([.init(up, code.read, into: update)])
      pass.forEachRow { row in h.row(row).add(update.row(row).read, times: opening) }
    }
  }
}
