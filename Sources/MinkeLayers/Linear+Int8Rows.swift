import MinkeCheckpoints
import MinkeCore
import MinkeKernels

/// Weights in 8 bits, row after row, for layers that round the rows of x as well: how files keep them.
package struct Int8Rows: Sendable {
  /// `[outputs, inputs]`
  let q: SharedBuffer<Int8>
  /// `[outputs]`
  let scales: SharedBuffer<Float>
  /// What each input is multiplied by before it is rounded, `[inputs]`.
  let factors: SharedBuffer<Float>?

  /// The parts of a matrix in a file, after its name.
  private static let parts = (q: ".int8", scales: ".scales", factors: ".factors")

  /// The names that the parts of the matrix `name` may have.
  package static func names(of name: String) -> [String] {
    [name + parts.q, name + parts.scales, name + parts.factors]
  }

  /// The rows of the matrix `name`; nil where `checkpoint` does not hold it in 8 bits.
  ///
  /// - Throws: `MinkeError` when a part is missing, of another shape or type, or not finite.
  package init?(_ name: String, outputs: Int, inputs: Int, in checkpoint: Checkpoint) throws(MinkeError) {
    guard let q = checkpoint.tensors[name + Self.parts.q] else { return nil }
    try q.checkShape([outputs, inputs])
    guard q.elementType == .int8 else {
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): tensor \"\(q.name)\"", expected: "I8", found: q.elementType.rawValue)
    }
    let bytes = q.bytes()
    self.q = SharedBuffer(UnsafeRawBufferPointer(bytes.pointer), within: bytes)
    scales = try checkpoint.tensor(name + Self.parts.scales).floats(shape: [outputs], requiringFinite: true)
    factors = try checkpoint.tensors[name + Self.parts.factors].map { tensor throws(MinkeError) in
      try tensor.floats(shape: [inputs], requiringFinite: true)
    }
  }

  fileprivate init(q: SharedBuffer<Int8>, scales: SharedBuffer<Float>, factors: SharedBuffer<Float>?) {
    self.q = q
    self.scales = scales
    self.factors = factors
  }

  /// The tensors that hold the matrix in a file, under `name`.
  package func tensors(named name: String) throws(MinkeError) -> [Tensor] {
    let outputs = scales.count
    let bytes = UnsafeRawBufferPointer(q.pointer).bindMemory(to: UInt8.self)
    var tensors = [
      try Tensor(
        name: name + Self.parts.q, elementType: .int8, shape: [outputs, q.count / max(1, outputs)],
        bytes: SharedBuffer(copying: bytes)),
      try Tensor(name: name + Self.parts.scales, shape: [outputs], floats: scales.copied()),
    ]
    if let factors {
      tensors.append(
        try Tensor(name: name + Self.parts.factors, shape: [factors.count], floats: factors.copied()))
    }
    return tensors
  }
}

extension Linear {
  /// Packs weights that were rounded before, matrices `[_, inputs]` that stand one under the other. They are multiplied
  /// just as when the layer that rounded them multiplied by them.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch` when the sizes do not fit together.
  package init(
    int8 parts: [Int8Rows], biases: [SharedBuffer<Float>], inputs: Int, kernels level: KernelLevel
  ) throws(MinkeError) {
    // Rounded anew, whole numbers up to 127 stay what they are, with scale 1.
    let numbers = parts.map { part in SharedBuffer(part.q.pointer.map { Float($0) }) }
    let whole = try Linear(weights: numbers, biases: biases, inputs: inputs, precision: .int8, kernels: level)
    guard case .packedInt8(let packed) = whole.storage else {
      self = whole
      return
    }
    let scales = parts.flatMap { $0.scales.copied() }
    let storage = Storage.packedInt8(
      PackedInt8(
        panels: packed.panels, scales: SharedBuffer(zip(packed.scales.copied(), scales).map { $0 * $1 }),
        sums: packed.sums, factors: parts.last?.factors))
    self.init(outputs: whole.outputs, inputs: inputs, storage, bias: whole.bias, kernels: level)
  }

  /// The weights of the outputs `range`, for a layer that holds them packed in 8 bits; nil for another.
  package func int8Rows(_ range: Range<Int>) -> Int8Rows? {
    guard case .packedInt8(let packed) = storage else { return nil }
    precondition(range.lowerBound >= 0 && range.upperBound <= outputs, "outputs \(range) of \(outputs)")
    let q = range.flatMap { output in (0..<inputs).map { packed[output, $0, of: inputs] } }
    return Int8Rows(
      q: SharedBuffer(q), scales: SharedBuffer(range.map { packed.scales[$0] }), factors: packed.factors)
  }
}
