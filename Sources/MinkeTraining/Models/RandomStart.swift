import MinkeCheckpoints
import MinkeCore

/// Numbers that untrained models begin with; from one seed always the same.
struct RandomStart {
  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  /// Numbers of a normal distribution of mean 0.
  mutating func normal(_ shape: [Int], deviation: Double) -> [Float] {
    (0..<shape.reduce(1, *)).map { _ in Float(generator.normal() * deviation) }
  }

  /// Numbers spread evenly from `-limit` to `limit`.
  mutating func uniform(_ shape: [Int], limit: Double) -> [Float] {
    (0..<shape.reduce(1, *)).map { _ in Float((2 * generator.unit() - 1) * limit) }
  }
}

extension Array where Element == Parameter {
  /// The parameter called `name`, which must be among them.
  subscript(name: String) -> Parameter {
    guard let parameter = first(where: { $0.name == name }) else { preconditionFailure("no parameter \(name)") }
    return parameter
  }
}

extension Parameter {
  /// The numbers as a tensor of a file, under `fileName` or the parameter's own name.
  func tensor(named fileName: String? = nil) throws -> Tensor {
    try Tensor(name: fileName ?? name, shape: shape, floats: copied())
  }
}
