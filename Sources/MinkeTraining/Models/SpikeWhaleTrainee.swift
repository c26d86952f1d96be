import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A SpikeWhale language model being taught.
///
/// The forward pass is that of the inference model. The loss is the published one: the next token, a weight on the
/// logarithm of what its softmax is divided by, and the token after the next from `h + Wp h` with the same output table.
package final class SpikeWhaleTrainee: LanguageTrainee {
  package var tokenizer: any LosslessTokenizer { files.tokenizer }
  /// Tokens that a sequence may have.
  package var contextLength: Int { configuration.contextLength }
  /// In the order of ``SpikeWhaleTensor/all(of:)``.
  package let parameters: [Parameter]
  /// Of the mean square of the logarithm that each softmax is divided by.
  package var squareWeight: Float = 1e-4
  /// Of the token after the next; with 0 it is not looked at.
  package var secondTokenWeight: Float = 0.3

  private let files: SpikeWhaleTrainingFiles
  private let configuration: SpikeWhaleConfiguration
  private let tensors: [SpikeWhaleTensor: Parameter]
  private let hashes: EngramHashes?
  /// What no gradient goes to: the engram's compressor and hashes.
  private let frozen: [Tensor]

  /// Goes on with the weights of `files` or, where it has none, begins with random ones: matrices of deviation 0.02, as
  /// GPT-2's and most decoders' after it, norms 1, and all other vectors 0, so that the streams are equal and the
  /// refinement is closed.
  ///
  /// - Throws: `MinkeError` when a tensor is missing, of another shape or not finite.
  package init(_ files: SpikeWhaleTrainingFiles, seed: UInt64) throws {
    let c = files.configuration
    var random = RandomStart(seed: seed)
    var (parameters, tensors): ([Parameter], [SpikeWhaleTensor: Parameter]) = ([], [:])
    var frozen: [SpikeWhaleTensor: Tensor] = [:]
    for tensor in SpikeWhaleTensor.all(of: c) {
      let (name, shape) = (tensor.publishedName(in: c), tensor.entry(in: c).shape)
      switch tensor {
      case .head where c.tiesEmbeddings: continue
      case .layer(_, .rotaryFrequencies), .layer(_, .rotaryCosines), .layer(_, .rotarySines): continue
      default: break
      }
      let numbers = try files.floats(tensor) ?? Self.start(tensor, shape, c, &random)
      if tensor.isOfHash {
        frozen[tensor] = try Tensor(name: name, shape: shape, floats: numbers)
      } else {
        let parameter = Parameter(name, shape: shape, numbers, .init(isTable: tensor.isEngramTable))
        parameters.append(parameter)
        tensors[tensor] = parameter
      }
    }
    self.files = files
    self.parameters = parameters
    self.tensors = tensors
    configuration = c
    self.frozen = SpikeWhaleTensor.all(of: c).compactMap { frozen[$0] }
    hashes = try c.engram.map { try EngramHashes($0, hidden: c.hiddenSize, frozen) }
  }

  /// What a tensor begins with.
  private static func start(
    _ tensor: SpikeWhaleTensor, _ shape: [Int], _ c: SpikeWhaleConfiguration, _ random: inout RandomStart
  ) -> [Float] {
    switch tensor {
    case .engramAlpha, .engramGamma: return [Float](repeating: 1, count: shape[0])
    // The codes of embeddings of deviation 0.02 are then of deviation 1.
    case .engramCompressor: return random.normal(shape, deviation: 50 / Double(shape[1]).squareRoot())
    // Hashes that spread over a part of the table: while the embeddings still move, wide ones would move too far.
    case .engramHash:
      return random.normal(shape, deviation: Double(c.engram?.tableSize ?? 0) / 64 / Double(shape[1]).squareRoot())
    default: break
    }
    if shape.count > 1 { return random.normal(shape, deviation: 0.02) }
    // Of the vectors only norms are called weight, but for the streams' shares in the result, which begin equal.
    let isNorm = tensor.entry(in: c).name.hasSuffix(".weight") && tensor != .streamMix
    return [Float](repeating: isNorm ? 1 : 0, count: shape[0])
  }

  private subscript(tensor: SpikeWhaleTensor) -> Parameter {
    guard let parameter = tensors[tensor] else { preconditionFailure("no tensor \(tensor)") }
    return parameter
  }

  // MARK: Forward pass

  package func losses(_ sequences: TokenBatch, on tape: Tape) -> [(name: String, loss: Variable, weight: Float)] {
    let table = self[configuration.tiesEmbeddings ? .embedding : .head]
    let h = hiddenStates(sequences, on: tape)
    let next = tape.vocabularyLoss(h, table, targets: Self.targets(sequences, ahead: 1), squareWeight: squareWeight)
    let first = [
      (name: "next token", loss: next.crossEntropy, weight: Float(1)),
      (name: "squared log partition", loss: next.squares, weight: squareWeight),
    ]
    // The head costs as much as the next token's.
    guard secondTokenWeight != 0 else { return first }
    let further = tape.add(h, tape.linear(h, self[.predictionHead]))
    let second = tape.vocabularyLoss(further, table, targets: Self.targets(sequences, ahead: 2), squareWeight: 0)
    return first + [("second token", second.crossEntropy, secondTokenWeight)]
  }

  /// For each token that which follows so many places later; nil at the end of a sequence.
  private static func targets(_ sequences: TokenBatch, ahead: Int) -> [TokenID?] {
    sequences.texts.flatMap { text in
      text.map { $0 + ahead < text.upperBound ? sequences.ids[$0 + ahead] : nil }
    }
  }

  /// The last hidden states, `[tokens, hidden]`.
  ///
  /// - Parameter batch: sequences of at most ``contextLength`` tokens.
  package func hiddenStates(_ batch: TokenBatch, on tape: Tape) -> Variable {
    let c = configuration
    var x = tape.gather(self[.embedding], batch.ids)
    if let hashes { x = tape.add(engram(x, hashes, batch, tape), x) }
    var streams = c.streamCount > 1 ? tape.streams(x, count: c.streamCount) : x
    for index in 0..<c.layerCount {
      func part(_ part: SpikeWhaleTensor.Layer) -> Parameter { self[.layer(index, part)] }
      func connect(
        _ read: SpikeWhaleTensor.Layer, _ write: SpikeWhaleTensor.Layer, _ norm: SpikeWhaleTensor.Layer,
        _ layer: (Variable) -> Variable
      ) {
        let h = c.streamCount > 1 ? tape.read(streams, part(read)) : streams
        let out = layer(tape.rmsNorm(h, weight: part(norm), epsilon: c.normEpsilon))
        streams = c.streamCount > 1 ? tape.write(out, to: streams, part(write)) : tape.add(out, streams)
      }
      connect(.attentionRead, .attentionWrite, .attentionNorm) { attention($0, layer: index, batch, tape) }
      connect(.feedForwardRead, .feedForwardWrite, .feedForwardNorm) { h in
        let pair = tape.linear(h, sideBySide: [(part(.feedForwardGate), nil), (part(.feedForwardUp), nil)])
        return tape.linear(tape.swiGLU(pair), part(.feedForwardDown))
      }
    }
    x = c.streamCount > 1 ? tape.read(streams, self[.streamMix]) : streams
    if let refinement = c.refinement { x = refined(x, steps: refinement.steps, tape) }
    return tape.rmsNorm(x, weight: self[.outputNorm], epsilon: c.normEpsilon)
  }

  /// The hashed memory of the last tokens, to be added to the embedding `x`.
  private func engram(_ x: Variable, _ hashes: EngramHashes, _ batch: TokenBatch, _ tape: Tape) -> Variable {
    let rows = hashes.rows(batch, embedding: x.value.read)
    let r = tape.mean(of: rows.enumerated().map { tape.bagMean(self[.engramTable($0)], $1) })
    let l = tape.linear(tape.sideBySide(r, x), self[.engramGate], bias: self[.engramGateBias])
    return tape.engramGate(l, r, alpha: self[.engramAlpha], bias: self[.engramBias], gamma: self[.engramGamma])
  }

  private func attention(_ h: Variable, layer index: Int, _ batch: TokenBatch, _ tape: Tape) -> Variable {
    let c = configuration
    func part(_ part: SpikeWhaleTensor.Layer) -> Parameter { self[.layer(index, part)] }
    func placed(_ x: Variable, _ norm: SpikeWhaleTensor.Layer, parts: Int) -> Variable {
      let x = c.usesQueryKeyNorm ? tape.rmsNorm(x, weight: part(norm), epsilon: c.normEpsilon) : x
      return c.rotaryDimension > 0 ? tape.rotated(x, by: files.rotary, parts: parts, texts: batch.texts) : x
    }
    let code = tape.rmsNorm(
      tape.linear(h, part(.queryDown)), weight: part(.queryCodeNorm), epsilon: c.normEpsilon)
    let queries = placed(tape.linear(code, part(.queryUp)), .queryNorm, parts: c.headCount)
    let keys = placed(tape.linear(h, part(.key)), .keyNorm, parts: 1)
    let values = tape.linear(h, part(.value))
    var y = tape.causalAttention(queries: queries, keys: keys, values: values, texts: batch.texts)
    if c.usesExclusiveAttention { y = tape.exclusive(y, values: values) }
    return tape.linear(tape.linear(y, part(.outputDown)), part(.outputUp))
  }

  private func refined(_ x: Variable, steps: Int, _ tape: Tape) -> Variable {
    var h = x
    for step in 0..<steps {
      let normed = tape.rmsNorm(h, weight: self[.refinementNorm], epsilon: configuration.normEpsilon)
      let code = tape.silu(tape.linear(tape.sideBySide(normed, x), self[.refinementDown]))
      h = tape.add(h, tape.linear(code, self[.refinementUp]), gate: self[.refinementGates], at: step)
    }
    return h
  }

  package func write(to draft: URL) throws {
    try files.write(parameters.map { try $0.tensor() } + frozen, to: draft)
  }
}

extension SpikeWhaleTensor {
  /// Whether it only chooses rows of the engram's tables, which has no gradient.
  fileprivate var isOfHash: Bool {
    switch self {
    case .engramCompressor, .engramHash: true
    default: false
    }
  }

  /// Whether a step touches few of its rows.
  fileprivate var isEngramTable: Bool { if case .engramTable = self { true } else { false } }
}
