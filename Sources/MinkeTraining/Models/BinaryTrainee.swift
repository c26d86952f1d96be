import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// BNE being taught, or its float baseline: BERT, the mean over all tokens, and a head.
///
/// Source: the model card of binary-native embeddings (korben99, MIT).
package final class BinaryTrainee: EncoderTrainee {
  /// What follows the mean.
  package enum Head: Sendable, Equatable {
    /// A linear layer and a layer norm, whose results are the logits of so many bits, a multiple of 8.
    case bits(Int)
    /// A linear layer to so many numbers: the float baseline.
    case numbers(Int)

    /// Numbers that come out.
    var outputs: Int {
      switch self {
      case .bits(let count), .numbers(let count): count
      }
    }
  }

  package let tokenization: TextTokenization
  package var dimensions: [Int] { [head.outputs] }
  package let head: Head
  private let files: BertTrainingFiles
  private let transformer: BertTransformer
  /// The head's tensors.
  private let projection: [Parameter]

  package var parameters: [Parameter] { transformer.parameters + projection }

  /// How much faster than the encoder the head learns in the published recipe.
  package static let projectionRateFactor = 50.0

  /// Goes on with what `files` holds. A head that is not there begins as PyTorch's linear layers and layer norms do.
  ///
  /// - Parameters:
  ///   - head: nil for the head of the folder, or 1024 bits where it has none.
  ///   - rateFactor: what the learning rate of the head is multiplied with.
  /// - Throws: `MinkeError` when a tensor is missing, of another shape or not finite, or bits do not fill bytes.
  package init(
    _ files: BertTrainingFiles, head: Head? = nil, rateFactor: Double = BinaryTrainee.projectionRateFactor,
    seed: UInt64
  ) throws {
    var random = RandomStart(seed: seed)
    let hidden = files.configuration.hiddenSize
    let head = head ?? Self.head(of: files) ?? .bits(1024)
    let outputs = head.outputs
    if case .bits = head, outputs < 8 || !outputs.isMultiple(of: 8) {
      throw MinkeError(.invalidArgument, "bits", expected: "a multiple of 8", found: "\(outputs)")
    }
    guard outputs > 0 else {
      throw MinkeError(.invalidArgument, "dimension", expected: "1 or more", found: "\(outputs)")
    }
    self.files = files
    self.head = head
    tokenization = files.tokenization
    transformer = try BertTransformer(files, random: &random)

    let (linear, norm) = Self.names(of: head)
    let limit = 1 / Double(hidden).squareRoot()
    // A head of another size is replaced as a whole.
    let isKept = files.head("\(linear).weight")?.shape == [outputs, hidden]
    func parameter(_ name: String, _ shape: [Int], _ start: @autoclosure () -> [Float]) throws -> Parameter {
      let stored = isKept ? try files.head(name)?.finite(shape) : nil
      return Parameter(name, shape: shape, stored ?? start(), .init(rateFactor: rateFactor))
    }
    var projection = [
      try parameter("\(linear).weight", [outputs, hidden], random.uniform([outputs, hidden], limit: limit)),
      try parameter("\(linear).bias", [outputs], random.uniform([outputs], limit: limit)),
    ]
    if let norm {
      projection.append(try parameter("\(norm).weight", [outputs], [Float](repeating: 1, count: outputs)))
      projection.append(try parameter("\(norm).bias", [outputs], [Float](repeating: 0, count: outputs)))
    }
    self.projection = projection
  }

  /// The head that the archive has; nil for none.
  private static func head(of files: BertTrainingFiles) -> Head? {
    if let outputs = files.head("projection.0.weight")?.shape.first { return .bits(outputs) }
    return files.head("projection.weight")?.shape.first.map { .numbers($0) }
  }

  /// The names of the linear layer and of the norm.
  private static func names(of head: Head) -> (linear: String, norm: String?) {
    switch head {
    case .bits: ("projection.0", "projection.1")
    case .numbers: ("projection", nil)
    }
  }

  /// The logits of bits, or the baseline's numbers, `[texts, outputs]`.
  package func encode(_ batch: TokenBatch, on tape: Tape) -> Variable {
    let means = tape.mean(transformer(batch, on: tape), over: batch.texts)
    let projected = tape.linear(means, projection[0], bias: projection[1])
    guard projection.count == 4 else { return projected }
    return tape.layerNorm(projected, weight: projection[2], bias: projection[3], epsilon: 1e-5)
  }

  package func write(to draft: URL) throws {
    let encoder = try transformer.parameters.map { try $0.tensor(named: String($0.name.dropFirst("encoder.".count))) }
    let name =
      switch head {
      case .bits(let count): "binary_embedder_\(count).pt"
      case .numbers(let count): "float_embedder_\(count).pt"
      }
    try files.write(encoder: encoder, head: projection.map { try $0.tensor() }, archive: name, to: draft)
  }
}

extension Tensor {
  /// The numbers of a tensor that must be of `shape` and finite.
  func finite(_ shape: [Int]) throws -> [Float] { try floats(shape: shape, requiringFinite: true).copied() }
}
