import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// SSE with native bits being taught: its vectors are the logits whose signs are the bits.
package final class StaticBinaryTrainee: EncoderTrainee {
  package let dimensions: [Int]
  private let base: StaticTrainee
  private let weight, bias, normWeight, normBias: Parameter

  package var tokenization: TextTokenization { base.tokenization }
  package var parameters: [Parameter] { base.parameters + [weight, bias, normWeight, normBias] }

  /// Goes on with a model of this kind.
  ///
  /// - Throws: `MinkeError` when a tensor cannot be read.
  package convenience init(from encoder: StaticBinaryEncoder) throws {
    try self.init(
      base: StaticTrainee(from: encoder.base), bits: encoder.dimension,
      encoder.tensors.map { try $0.floats().copied() })
  }

  /// Begins with the vectors of `base` and a linear layer at random: the uniform distribution of PyTorch's `Linear`,
  /// from -1 / sqrt(inputs) to that, as BNE begins.
  package convenience init(base: StaticTrainee, bits: Int, seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let inputs = base.dimensions[0]
    let bound = 1 / Double(inputs).squareRoot()
    func uniform(_ count: Int) -> [Float] { (0..<count).map { _ in Float((2 * generator.unit() - 1) * bound) } }
    self.init(
      base: base, bits: bits,
      [
        uniform(bits * inputs), uniform(bits), [Float](repeating: 1, count: bits), [Float](repeating: 0, count: bits),
      ])
  }

  /// - Parameter numbers: of each of ``StaticBinaryEncoder/tensorNames``.
  private init(base: StaticTrainee, bits: Int, _ numbers: [[Float]]) {
    self.base = base
    dimensions = StaticBinaryEncoder.sizes(of: bits)
    let names = StaticBinaryEncoder.tensorNames
    weight = Parameter(names[0], shape: [bits, base.dimensions[0]], numbers[0])
    bias = Parameter(names[1], shape: [bits], numbers[1], .init(decays: false))
    normWeight = Parameter(names[2], shape: [bits], numbers[2], .init(decays: false))
    normBias = Parameter(names[3], shape: [bits], numbers[3], .init(decays: false))
  }

  package func encode(_ batch: TokenBatch, on tape: Tape) -> Variable {
    tape.layerNorm(
      tape.linear(base.encode(batch, on: tape), weight, bias: bias), weight: normWeight, bias: normBias,
      epsilon: StaticBinaryEncoder.epsilon)
  }

  package func write(to draft: URL) throws { try write(.float32, to: draft) }

  /// The same with the token table in float32 or in 4 bits a number.
  package func write(_ precision: Precision, to draft: URL) throws {
    try base.write(precision, to: draft)
    let tensors = try [weight, bias, normWeight, normBias].map {
      try Tensor(name: $0.name, shape: $0.shape, floats: $0.copied())
    }
    try Safetensors.write(tensors, to: draft.appendingPathComponent(StaticBinaryEncoder.fileName))
  }
}
