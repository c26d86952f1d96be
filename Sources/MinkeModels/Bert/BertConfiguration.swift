import MinkeCheckpoints
import MinkeCore

/// The sizes of a BERT encoder.
public struct BertConfiguration: Sendable, Equatable {
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var layerCount: Int
  public var headCount: Int
  /// Numbers of the layer between the two halves of a feed-forward block.
  public var intermediateSize: Int
  /// Positions that have an embedding: the most tokens that a text may have.
  public var positionCount: Int
  /// Rows of the token type (segment) embedding; only the first is used.
  public var typeCount: Int
  public var layerNormEpsilon: Float

  /// Numbers of one attention head.
  public var headSize: Int { hiddenSize / headCount }

  /// Reads a Hugging Face `config.json`.
  ///
  /// - Throws: ``MinkeError`` naming the key that is missing, out of range, or asks for what is not supported here:
  ///   another architecture, activation or kind of positions.
  public init(_ json: JSONValue, subject: String) throws(MinkeError) {
    func size(_ key: String, limit: Int = 1 << 24) throws(MinkeError) -> Int {
      guard let value = json[key]?.integer, (1...limit).contains(value) else {
        throw MinkeError(
          .malformedFile, "\(subject): \(key)", expected: "a whole number from 1 to \(limit)",
          found: json[key]?.text ?? "nothing")
      }
      return value
    }
    func require(_ key: String, _ value: String) throws(MinkeError) {
      guard let found = json[key], found != .null, found != .string(value) else { return }
      throw MinkeError(.unsupportedFile, "\(subject): \(key)", expected: "\"\(value)\"", found: found.text)
    }
    try require("model_type", "bert")
    try require("hidden_act", "gelu")
    try require("position_embedding_type", "absolute")
    vocabularySize = try size("vocab_size")
    hiddenSize = try size("hidden_size")
    layerCount = try size("num_hidden_layers", limit: 1024)
    headCount = try size("num_attention_heads")
    intermediateSize = try size("intermediate_size")
    positionCount = try size("max_position_embeddings")
    typeCount = json["type_vocab_size"] == nil ? 2 : try size("type_vocab_size")
    layerNormEpsilon = Float(json["layer_norm_eps"]?.double ?? 1e-12)
    guard layerNormEpsilon > 0, layerNormEpsilon < 1 else {
      throw MinkeError(
        .malformedFile, "\(subject): layer_norm_eps", expected: "a number between 0 and 1",
        found: "\(layerNormEpsilon)")
    }
    try checkHeads(subject: subject)
  }

  /// The sizes that the shapes of a checkpoint's tensors tell, for one that comes without a `config.json`: heads of 64
  /// numbers and the layer norm epsilon 1e-12, as all of Google's BERT models have them.
  ///
  /// - Throws: ``MinkeError`` naming the tensor that is missing or has no shape of its kind.
  public init(shapesOf checkpoint: Checkpoint, prefix: String) throws(MinkeError) {
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

  private func checkHeads(subject: String) throws(MinkeError) {
    guard hiddenSize.isMultiple(of: headCount) else {
      throw MinkeError(
        .malformedFile, "\(subject): num_attention_heads", expected: "a divisor of the hidden size \(hiddenSize)",
        found: "\(headCount)")
    }
  }

  /// The tensors of the encoder and their shapes, named as Hugging Face does.
  var tensorShapes: [(name: String, shape: [Int])] {
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
