import MinkeCheckpoints
import MinkeCore

/// The sizes of a BERT encoder.
public struct BertConfiguration: Sendable, Equatable {
  /// Tokens that there are.
  public var vocabularySize: Int
  /// Numbers of a token between the layers.
  public var hiddenSize: Int
  /// Layers.
  public var layerCount: Int
  /// Attention heads of a layer.
  public var headCount: Int
  /// Numbers of the layer between the two halves of a feed-forward block.
  public var intermediateSize: Int
  /// Positions that have an embedding: the most tokens that a text may have.
  public var positionCount: Int
  /// Rows of the token type (segment) embedding; only the first is used.
  public var typeCount: Int
  /// What is added to variances.
  public var layerNormEpsilon: Float

  /// Numbers of one attention head.
  public var headSize: Int { hiddenSize / headCount }

  /// Reads a Hugging Face `config.json`.
  ///
  /// - Throws: `MinkeError` naming the key that is missing, out of range, or asks for what is not supported here:
  ///   another architecture, activation or kind of positions, a decoder.
  package init(_ reader: ConfigurationReader) throws(MinkeError) {
    try reader.require("model_type", "bert")
    try reader.require("hidden_act", "gelu")
    try reader.require("position_embedding_type", "absolute")
    // A decoder's tokens see only those before them.
    try reader.require("is_decoder", false)
    try reader.require("add_cross_attention", false)
    try reader.require("pruned_heads", .object([:]))
    try reader.require("quantization_config")
    let limit = 1...(1 << 24)
    vocabularySize = try reader.integer("vocab_size", in: limit)
    hiddenSize = try reader.integer("hidden_size", in: limit)
    layerCount = try reader.integer("num_hidden_layers", in: 1...1024)
    headCount = try reader.integer("num_attention_heads", in: limit)
    intermediateSize = try reader.integer("intermediate_size", in: limit)
    positionCount = try reader.integer("max_position_embeddings", in: limit)
    typeCount = try reader.integer("type_vocab_size", in: limit, default: 2)
    layerNormEpsilon = Float(try reader.number("layer_norm_eps", below: 1, default: 1e-12))
    guard hiddenSize.isMultiple(of: headCount) else {
      throw reader.malformed("num_attention_heads", expected: "a divisor of the hidden size \(hiddenSize)")
    }
  }

  /// The sizes that the shapes of a checkpoint's tensors tell, for one that comes without a `config.json`: heads of 64
  /// numbers and the layer norm epsilon 1e-12, as all of Google's BERT models have them.
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

  /// The tensors of the encoder and their shapes, named as Hugging Face does.
  package var tensorShapes: [(name: String, shape: [Int])] {
    let (hidden, inner) = (hiddenSize, intermediateSize)
    var shapes: [(String, [Int])] = [
      ("embeddings.word_embeddings.weight", [vocabularySize, hidden]),
      ("embeddings.position_embeddings.weight", [positionCount, hidden]),
      ("embeddings.token_type_embeddings.weight", [typeCount, hidden]),
    ]
    func add(linear name: String, _ outputs: Int, _ inputs: Int) {
      shapes += [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
    }
    func add(norm name: String) { shapes += [("\(name).weight", [hidden]), ("\(name).bias", [hidden])] }
    add(norm: "embeddings.LayerNorm")
    for layer in 0..<layerCount {
      let name = "encoder.layer.\(layer)"
      for part in ["query", "key", "value"] { add(linear: "\(name).attention.self.\(part)", hidden, hidden) }
      add(linear: "\(name).attention.output.dense", hidden, hidden)
      add(norm: "\(name).attention.output.LayerNorm")
      add(linear: "\(name).intermediate.dense", inner, hidden)
      add(linear: "\(name).output.dense", hidden, inner)
      add(norm: "\(name).output.LayerNorm")
    }
    return shapes
  }
}
