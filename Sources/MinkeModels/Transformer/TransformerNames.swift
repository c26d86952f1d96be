/// What the checkpoints of a family call the parts of an encoder: Hugging Face's names.
struct TransformerNames: Sendable {
  /// The parts of one layer. All but the matrices' own have a weight, and a bias where the family has it.
  struct Layer: Sendable {
    /// Queries, keys and values: a matrix each, or one with all of them.
    var queryKeyValue: [String]
    var attentionOutput: String
    /// Nil where nothing is normed.
    var attentionNorm: String?
    /// The first matrix of the feed-forward block.
    var intermediate: String
    /// The second.
    var output: String
    var feedForwardNorm: String
  }

  var word = "embeddings.word_embeddings.weight"
  var position: String? = "embeddings.position_embeddings.weight"
  var type: String? = "embeddings.token_type_embeddings.weight"
  var embeddingNorm = "embeddings.LayerNorm"
  /// The linear layer from embeddings to hidden states of another size.
  var embeddingProjection: String?
  /// The table of what attention adds by distance.
  var relativeBias: String?
  var layers: [Layer]
  /// The norm behind the last layer.
  var finalNorm: String?

  /// The names of the word embedding in all families.
  static let wordEmbeddings = ["embeddings.word_embeddings.weight", "embeddings.tok_embeddings.weight"]

  /// Parts of checkpoints that make no vector: the pooler and the heads of pre-training and of other tasks.
  static let unused = [
    "pooler.", "cls.", "classifier.", "pre_classifier.", "qa_outputs.", "lm_head.", "head.", "decoder.", "vocab_",
    "discriminator_predictions.", "generator_predictions.", "generator_lm_head.", "sequence_summary.",
    "embeddings.position_ids", "embeddings.token_type_ids",
  ]

  init(_ configuration: TransformerConfiguration) {
    let layers = (0..<configuration.layerCount)
    switch configuration.family {
    case .bert, .roberta, .xlmRoberta, .camembert, .electra:
      self.layers = layers.map { Self.bertLayer("encoder.layer.\($0)") }
      if configuration.embeddingSize != configuration.hiddenSize { embeddingProjection = "embeddings_project" }
    case .mpnet:
      type = nil
      relativeBias = "encoder.relative_attention_bias.weight"
      self.layers = layers.map { index in
        let name = "encoder.layer.\(index)"
        var layer = Self.bertLayer(name)
        layer.queryKeyValue = ["q", "k", "v"].map { "\(name).attention.attn.\($0)" }
        layer.attentionOutput = "\(name).attention.attn.o"
        layer.attentionNorm = "\(name).attention.LayerNorm"
        return layer
      }
    case .distilbert:
      type = nil
      self.layers = layers.map { index in
        let name = "transformer.layer.\(index)"
        return Layer(
          queryKeyValue: ["q_lin", "k_lin", "v_lin"].map { "\(name).attention.\($0)" },
          attentionOutput: "\(name).attention.out_lin", attentionNorm: "\(name).sa_layer_norm",
          intermediate: "\(name).ffn.lin1", output: "\(name).ffn.lin2", feedForwardNorm: "\(name).output_layer_norm")
      }
    case .modernbert:
      word = "embeddings.tok_embeddings.weight"
      position = nil
      type = nil
      embeddingNorm = "embeddings.norm"
      self.layers = layers.map { index in
        let name = "layers.\(index)"
        return Layer(
          queryKeyValue: ["\(name).attn.Wqkv"], attentionOutput: "\(name).attn.Wo",
          // The first layer's input comes out of the embeddings' norm.
          attentionNorm: index == 0 ? nil : "\(name).attn_norm", intermediate: "\(name).mlp.Wi",
          output: "\(name).mlp.Wo", feedForwardNorm: "\(name).mlp_norm")
      }
      finalNorm = "final_norm"
    }
  }

  private static func bertLayer(_ name: String) -> Layer {
    Layer(
      queryKeyValue: ["query", "key", "value"].map { "\(name).attention.self.\($0)" },
      attentionOutput: "\(name).attention.output.dense", attentionNorm: "\(name).attention.output.LayerNorm",
      intermediate: "\(name).intermediate.dense", output: "\(name).output.dense",
      feedForwardNorm: "\(name).output.LayerNorm")
  }
}

extension TransformerConfiguration {
  /// The tensors of the encoder and their shapes.
  package var tensorShapes: [(name: String, shape: [Int])] {
    let names = TransformerNames(self)
    let (hidden, embedding) = (hiddenSize, embeddingSize)
    var shapes: [(String, [Int])] = [(names.word, [vocabularySize, embedding])]
    if let position = names.position { shapes.append((position, [positionCount, embedding])) }
    if let type = names.type { shapes.append((type, [typeCount, embedding])) }
    func add(linear name: String, _ outputs: Int, _ inputs: Int, bias: Bool) {
      shapes.append(("\(name).weight", [outputs, inputs]))
      if bias { shapes.append(("\(name).bias", [outputs])) }
    }
    func add(norm name: String, _ width: Int) {
      shapes.append(("\(name).weight", [width]))
      if biases.norms { shapes.append(("\(name).bias", [width])) }
    }
    add(norm: names.embeddingNorm, embedding)
    if let projection = names.embeddingProjection { add(linear: projection, hidden, embedding, bias: true) }
    if let bias = names.relativeBias { shapes.append((bias, [distanceCount, headCount])) }
    for layer in names.layers {
      let parts = layer.queryKeyValue
      for part in parts { add(linear: part, 3 / parts.count * hidden, hidden, bias: biases.attention) }
      add(linear: layer.attentionOutput, hidden, hidden, bias: biases.attention)
      if let norm = layer.attentionNorm { add(norm: norm, hidden) }
      add(linear: layer.intermediate, (isGated ? 2 : 1) * intermediateSize, hidden, bias: biases.feedForward)
      add(linear: layer.output, hidden, intermediateSize, bias: biases.feedForward)
      add(norm: layer.feedForwardNorm, hidden)
    }
    if let norm = names.finalNorm { add(norm: norm, hidden) }
    return shapes
  }
}
