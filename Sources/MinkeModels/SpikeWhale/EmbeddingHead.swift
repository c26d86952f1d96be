import MinkeCheckpoints
import MinkeCore
import MinkeLayers

/// The head of Byrne-Embed: `W2 activation(W1 x + b1) + b2`.
package struct EmbeddingHead: Sendable {
  /// The key of `config.json` that states the activation.
  static let activationKey = "embed_head_activation"

  /// What may stand between the two layers.
  static let activations: [Activation] = [.gelu, .geluTanh, .silu, .relu, .tanh, .identity]

  let first: Linear
  let second: Linear
  /// What stands between the two layers. The published files do not say.
  var activation = Activation.gelu

  /// The names of the head's tensors.
  struct Parts {
    let first: String
    let second: String
  }

  /// The head's layers among the tensors of a file, known by their shapes: `[D, hidden]` and `[D, D]`, each with a bias
  /// `[D]`, outside the backbone. Nil where there are none.
  static func parts(of checkpoint: Checkpoint, hidden: Int) throws(MinkeError) -> Parts? {
    let backbone = ["model.", "lm_head.", "mtp_heads.", "jepa.", "layers.", "embed_tokens.", "hrm_refine.", "engram."]
    let layers = checkpoint.tensorNames.filter { name in
      guard name.hasSuffix(".weight"), let shape = checkpoint.tensors[name]?.shape, shape.count == 2,
        !backbone.contains(where: { name.hasPrefix($0) })
      else { return false }
      return checkpoint.tensors[name.dropLast(6) + "bias"]?.shape == [shape[0]]
    }
    guard !layers.isEmpty else { return nil }
    let shapes = layers.map { checkpoint.tensors[$0]?.shape ?? [] }
    // In order of names the first layer comes first, which matters only where D is the hidden size.
    guard layers.count == 2, let start = shapes.firstIndex(where: { $0[1] == hidden }),
      shapes[1 - start][1] == shapes[start][0]
    else {
      let found = zip(layers, shapes).map { "\($0) \($1)" }.joined(separator: ", ")
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): head", expected: "linear layers [D, \(hidden)] and [D, D]", found: found)
    }
    return Parts(first: String(layers[start].dropLast(7)), second: String(layers[1 - start].dropLast(7)))
  }

  /// `[count, inputs]` to `[count, outputs]`.
  func callAsFunction(_ x: Matrix) -> Matrix {
    let code = Matrix(rows: x.rows, columns: first.outputs)
    let y = Matrix(rows: x.rows, columns: second.outputs)
    first(x.view.read, activation, into: code.view)
    second(code.view.read, into: y.view)
    return y
  }

  // MARK: Activation

  /// The sentences of the model card, two by two, and the cosines that it gives for them.
  static let sampleTexts = [
    "The cat sat on the windowsill.", "A feline rested by the window.", "How do I bake bread?",
    "Photosynthesis converts sunlight to energy.",
  ]
  private static let sampleCosines = [0.83, 0.28]

  /// How far the cosines may be from the card's, which says "about", for a measurement to count.
  private static let tolerance = 0.02

  /// The activation under which the card's sentences have the card's cosines; GELU where none does.
  ///
  /// - Parameter means: what the head is given for ``sampleTexts``.
  /// - Returns: the activation and what was measured, for people.
  func likeliestActivation(means: Matrix) -> (activation: Activation, finding: String) {
    var best = (activation: Activation.gelu, error: Double.infinity)
    for candidate in Self.activations {
      var head = self
      head.activation = candidate
      let vectors = head(means).copied()
      let error =
        Self.sampleCosines.indices.map { index in
          abs(Self.cosine(vectors, 2 * index, 2 * index + 1, second.outputs) - Self.sampleCosines[index])
        }.max() ?? .infinity
      if error < best.error { best = (candidate, error) }
    }
    let error = (best.error * 1e4).rounded() / 1e4
    guard best.error <= Self.tolerance else {
      return (
        .gelu,
        "assumed: no activation gives the model card's cosines; the nearest, \(best.activation.rawValue), misses them by \(error)"
      )
    }
    return (best.activation, "measured: gives the model card's cosines within \(error)")
  }

  private static func cosine(_ vectors: [Float], _ a: Int, _ b: Int, _ width: Int) -> Double {
    var (dot, first, second) = (0.0, 0.0, 0.0)
    for i in 0..<width {
      let (x, y) = (Double(vectors[a * width + i]), Double(vectors[b * width + i]))
      dot += x * y
      first += x * x
      second += y * y
    }
    return dot / (first * second).squareRoot()
  }
}

extension EmbeddingHead {
  init(_ parts: Parts, in checkpoint: Checkpoint, hidden: Int, kernels level: KernelLevel) throws(MinkeError) {
    func linear(_ name: String, _ outputs: Int?, _ inputs: Int) throws(MinkeError) -> Linear {
      let weights = try checkpoint.tensor(name + ".weight").floats(shape: [outputs, inputs], requiringFinite: true)
      let bias = try checkpoint.tensor(name + ".bias").floats(requiringFinite: true)
      return try Linear(weights: [weights], biases: [bias], inputs: inputs, kernels: level)
    }
    first = try linear(parts.first, nil, hidden)
    second = try linear(parts.second, nil, first.outputs)
  }
}
