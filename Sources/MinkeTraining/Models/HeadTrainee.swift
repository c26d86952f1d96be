import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The head of Byrne-Embed being taught: the mean of a SpikeWhale model's last hidden states, which stays as it is,
/// through `W2 GELU(W1 x + b1) + b2`.
package final class HeadTrainee: EncoderTrainee {
  package let tokenization: TextTokenization
  package let dimensions: [Int]
  /// The weights and biases of the two layers, named as in the published `embed_head.pt`.
  package let parameters: [Parameter]
  private let files: ByrneTrainingFiles
  private let backbone: BackboneMeans

  /// - Parameters:
  ///   - files: a SpikeWhale model; its head is gone on with where it has the size asked for.
  ///   - dimension: numbers of a vector; nil for the head of the folder, or 768 where it has none. A new head begins as
  ///     PyTorch's linear layers do.
  /// - Throws: `MinkeError` when a number of the head is not finite.
  package init(_ files: ByrneTrainingFiles, dimension: Int? = nil, seed: UInt64) throws {
    let hidden = files.hiddenSize
    let dimension = dimension ?? files.head?[0].shape[0] ?? 768
    guard dimension > 0 else {
      throw MinkeError(.invalidArgument, "dimension", expected: "1 or more", found: "\(dimension)")
    }
    let stored = files.head.flatMap { $0[0].shape[0] == dimension ? $0 : nil }
    var random = RandomStart(seed: seed)
    parameters = try [
      ("0.weight", [dimension, hidden], hidden), ("0.bias", [dimension], hidden),
      ("2.weight", [dimension, dimension], dimension), ("2.bias", [dimension], dimension),
    ].enumerated().map { index, layer in
      let (name, shape, inputs) = layer
      let numbers =
        try stored?[index].finite(shape) ?? random.uniform(shape, limit: 1 / Double(inputs).squareRoot())
      return Parameter(name, shape: shape, numbers)
    }
    self.files = files
    backbone = BackboneMeans(files)
    tokenization = files.tokenization
    dimensions = [dimension]
  }

  /// What the head is given for some texts, `[texts, hidden]`, which never changes.
  ///
  /// - Throws: `MinkeError` when a token is not in the vocabulary or a weight of the model is not finite;
  ///   `CancellationError`.
  package func means(of texts: [[TokenID]]) throws -> Matrix { try backbone.means(of: texts) }

  /// The vectors of texts by what ``means(of:)`` gave for them, `[texts, hidden]`.
  package func encode(means: Variable, on tape: Tape) -> Variable {
    let code = tape.gelu(tape.linear(means, parameters[0], bias: parameters[1]))
    return tape.linear(code, parameters[2], bias: parameters[3])
  }

  package func encode(_ batch: TokenBatch, on tape: Tape) -> Variable {
    let input = tape.matrix(batch.texts.count, files.hiddenSize)
    if let means = try? means(of: batch.texts.map { Array(batch.ids[$0]) }) {
      input.copy(means.view.read)
      extendLifetime(means)
    } else {
      // The loss of such a batch is not finite, which is how a run learns of it.
      input.fill(.nan)
    }
    return encode(means: tape.constant(input.read), on: tape)
  }

  package func write(to draft: URL) throws { try files.write(parameters.map { try $0.tensor() }, to: draft) }
}
