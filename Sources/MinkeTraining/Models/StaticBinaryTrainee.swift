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
  /// - Parameter precision: how the token table is written; in 4 bits it is also read so in every step.
  /// - Throws: `MinkeError` when a tensor cannot be read.
  package convenience init(from encoder: StaticBinaryEncoder, precision: Precision = .float32) throws {
    try self.init(
      base: StaticTrainee(from: encoder.base, precision: precision), bits: encoder.dimension,
      encoder.tensors.map { try $0.floats().copied() })
  }

  /// Begins with the signs of the numbers of `base`, and where more bits are wanted with those after rotations at random,
  /// which tell vectors apart about as well.
  package convenience init(base: StaticTrainee, bits: Int, seed: UInt64) {
    let inputs = base.dimensions[0]
    self.init(
      base: base, bits: bits,
      [
        Self.rotations(bits, inputs, seed: seed), [Float](repeating: 0, count: bits),
        [Float](repeating: 1, count: bits), [Float](repeating: 0, count: bits),
      ])
  }

  /// `[rows, columns]`; of each block of `columns` rows, the rows are of length 1 and at right angles to each other. The
  /// first block leaves a vector as it is.
  private static func rotations(_ rows: Int, _ columns: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix64(seed: seed)
    var result: [Float] = []
    var block: [[Double]] = []
    while result.count < rows * columns {
      if block.count == columns { block = [] }
      let index = result.count / columns
      var row = (0..<columns).map { index < columns ? ($0 == index ? 1 : 0) : generator.normal() }
      // Twice, for rounding leaves something of the others the first time.
      for _ in 0..<2 {
        for other in block {
          var product = 0.0
          for column in 0..<columns { product += row[column] * other[column] }
          for column in 0..<columns { row[column] -= product * other[column] }
        }
      }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      block.append(row.map { $0 / length })
      result += block[block.count - 1].map(Float.init)
    }
    return result
  }

  /// - Parameter numbers: of each of ``StaticBinaryEncoder/tensorNames``.
  private init(base: StaticTrainee, bits: Int, _ numbers: [[Float]]) {
    self.base = base
    dimensions = StaticBinaryEncoder.sizes(of: bits)
    let names = StaticBinaryEncoder.tensorNames
    // Its numbers are about 1 / sqrt(inputs), those of the table about 1: each moves by a like share of itself.
    let factor = 1 / Double(base.dimensions[0]).squareRoot()
    weight = Parameter(names[0], shape: [bits, base.dimensions[0]], numbers[0], .init(rateFactor: factor))
    bias = Parameter(names[1], shape: [bits], numbers[1], .init(decays: false))
    normWeight = Parameter(names[2], shape: [bits], numbers[2], .init(decays: false))
    normBias = Parameter(names[3], shape: [bits], numbers[3], .init(decays: false))
  }

  package func encode(_ batch: TokenBatch, on tape: Tape) -> Variable {
    tape.layerNorm(
      tape.linear(base.encode(batch, on: tape), weight, bias: bias), weight: normWeight, bias: normBias,
      epsilon: StaticBinaryEncoder.epsilon)
  }

  package func write(to draft: URL) throws {
    try base.write(to: draft)
    let tensors = try [weight, bias, normWeight, normBias].map {
      try Tensor(name: $0.name, shape: $0.shape, floats: $0.copied())
    }
    try Safetensors.write(tensors, to: draft.appendingPathComponent(StaticBinaryEncoder.fileName))
  }
}
