import MinkeCheckpoints
import MinkeCore
import MinkeLayers

/// The sizes of a transformer encoder and what its family does otherwise than BERT.
public struct TransformerConfiguration: Sendable, Equatable {
  /// The kinds of encoders, by the `model_type` of their `config.json`.
  public enum Family: String, CaseIterable, Sendable {
    /// Devlin et al. 2018.
    case bert
    /// Liu et al. 2019.
    case roberta
    /// RoBERTa for many languages (Conneau et al. 2020).
    case xlmRoberta = "xlm-roberta"
    /// RoBERTa for French (Martin et al. 2020).
    case camembert
    /// BERT without token types (Sanh et al. 2019).
    case distilbert
    /// BERT with relative positions in its attention (Song et al. 2020).
    case mpnet
    /// BERT whose embeddings may be narrower than its layers (Clark et al. 2020).
    case electra
    /// Rotary positions, attention near by in most layers, gated feed-forward blocks (Warner et al. 2024).
    case modernbert

    /// What people call the family.
    public var name: String {
      switch self {
      case .bert: "BERT"
      case .roberta: "RoBERTa"
      case .xlmRoberta: "XLM-RoBERTa"
      case .camembert: "CamemBERT"
      case .distilbert: "DistilBERT"
      case .mpnet: "MPNet"
      case .electra: "ELECTRA"
      case .modernbert: "ModernBERT"
      }
    }
  }

  /// The kind of encoder.
  public var family = Family.bert
  /// Tokens that there are.
  public var vocabularySize: Int
  /// Numbers of a token between the layers.
  public var hiddenSize: Int
  /// Numbers of a token's embedding; where they are others than ``hiddenSize``, a linear layer follows.
  public var embeddingSize: Int
  /// Layers.
  public var layerCount: Int
  /// Attention heads of a layer.
  public var headCount: Int
  /// Numbers of the layer between the two halves of a feed-forward block.
  public var intermediateSize: Int
  /// Rows of the position embedding or, with rotary positions, the most tokens that a text may have.
  public var positionCount: Int
  /// Rows of the token type (segment) embedding, 0 for none; only the first is used.
  public var typeCount: Int
  /// What is added to variances.
  public var layerNormEpsilon: Float
  /// What stands between the two halves of a feed-forward block.
  package var activation = Activation.gelu
  /// The token that takes up no position, which is also the row of its position embedding: those of a text begin behind
  /// it. Nil where every token has a position, from row 0 on.
  package var paddingToken: Int?
  /// Ranges of distances for which attention adds a number to its scores; 0 for none.
  package var distanceCount = 0
  /// What ModernBERT has in place of position embeddings.
  package var rotary: Rotary?
  /// Whether linear layers in attention, in feed-forward blocks, and norms have biases.
  package var biases = Biases()

  /// Positions by turns of queries and keys, whose layers may look near by only.
  package struct Rotary: Sendable, Equatable {
    /// The base of the frequencies in layers that see all tokens.
    var globalBase = 160_000.0
    /// The base in the others.
    var localBase = 10_000.0
    /// How far the others see to both sides.
    var window = 64
    /// For each layer whether it sees all tokens.
    var seesAll: [Bool] = []
  }

  /// Which layers have biases.
  package struct Biases: Sendable, Equatable {
    var attention = true
    var feedForward = true
    var norms = true
  }

  /// Numbers of one attention head.
  public var headSize: Int { hiddenSize / headCount }

  /// The most tokens of a text.
  public var maximumLength: Int { positionCount - (paddingToken.map { $0 + 1 } ?? 0) }

  /// Whether the feed-forward blocks are gated: their first matrix has a half that the other is multiplied by.
  var isGated: Bool { family == .modernbert }

  /// Whether norms stand before attention and feed-forward, not behind their sums with what went in.
  var normsFirst: Bool { family == .modernbert }

  /// Whether this is what Google's BERT computes.
  package var isBERT: Bool { family == .bert && activation == .gelu }

  /// How far layer `index` sees; nil for all tokens.
  func window(ofLayer index: Int) -> Int? { rotary.flatMap { $0.seesAll[index] ? nil : $0.window } }

  /// A text that differs between any two configurations: the identity of a model hashes it. What is as in BERT is left
  /// out beyond the sizes.
  var definition: String {
    var parts = [
      "BertConfiguration(vocabularySize: \(vocabularySize), hiddenSize: \(hiddenSize), layerCount: \(layerCount), "
        + "headCount: \(headCount), intermediateSize: \(intermediateSize), positionCount: \(positionCount), "
        + "typeCount: \(typeCount), layerNormEpsilon: \(layerNormEpsilon))"
    ]
    if family != .bert { parts.append("family: \(family.rawValue)") }
    if embeddingSize != hiddenSize { parts.append("embeddingSize: \(embeddingSize)") }
    if activation != .gelu { parts.append("activation: \(activation.rawValue)") }
    if let paddingToken { parts.append("paddingToken: \(paddingToken)") }
    if let rotary { parts.append("\(rotary)") }
    if biases != Biases() { parts.append("\(biases)") }
    return parts.joined(separator: " ")
  }

  /// The sizes that the shapes of a BERT's tensors tell, for one that comes without a `config.json`: heads of 64 numbers
  /// and the layer norm epsilon 1e-12, as all of Google's BERT models have them.
  ///
  /// - Throws: `MinkeError` naming the tensor that is missing or has no shape of its kind.
  init(shapesOf checkpoint: Checkpoint, prefix: String) throws(MinkeError) {
    func shape(_ name: String) throws(MinkeError) -> (Int, Int) {
      let tensor = try checkpoint.tensor(prefix + name)
      try tensor.checkShape([nil, nil])
      guard tensor.count > 0 else {
        throw MinkeError(
          .shapeMismatch, "\(checkpoint.path): tensor \"\(tensor.name)\"", expected: "one row and column or more",
          found: "\(tensor.shape)")
      }
      return (tensor.shape[0], tensor.shape[1])
    }
    (vocabularySize, hiddenSize) = try shape("embeddings.word_embeddings.weight")
    embeddingSize = hiddenSize
    positionCount = try shape("embeddings.position_embeddings.weight").0
    typeCount = try shape("embeddings.token_type_embeddings.weight").0
    intermediateSize = try shape("encoder.layer.0.intermediate.dense.weight").0
    layerCount = 1
    while checkpoint.tensors["\(prefix)encoder.layer.\(layerCount).intermediate.dense.weight"] != nil {
      layerCount += 1
    }
    layerNormEpsilon = 1e-12
    headCount = max(1, hiddenSize / 64)
    guard hiddenSize.isMultiple(of: 64), hiddenSize > 0 else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a config.json, or a hidden size that is a multiple of 64",
        found: "hidden size \(hiddenSize)")
    }
  }
}

extension TransformerConfiguration {
  /// A `config.json` that says the same of a BERT.
  var json: JSONValue {
    [
      "model_type": "bert", "vocab_size": .integer(vocabularySize), "hidden_size": .integer(hiddenSize),
      "num_hidden_layers": .integer(layerCount), "num_attention_heads": .integer(headCount),
      "intermediate_size": .integer(intermediateSize), "max_position_embeddings": .integer(positionCount),
      "type_vocab_size": .integer(typeCount), "layer_norm_eps": .number(Double(layerNormEpsilon)),
    ]
  }
}
