import MinkeCore

/// The sizes and switches of a SpikeWhale model, named as in its `config.json`.
package struct SpikeWhaleConfiguration: Sendable, Equatable {
  package let vocabularySize: Int
  package let hiddenSize: Int
  package let layerCount: Int
  package let headCount: Int
  /// Dimensions of a head, the last ``rotaryDimension`` of which turn with the position.
  package let headDimension: Int
  package let rotaryDimension: Int
  package let queryRank: Int
  package let outputRank: Int
  package let feedForwardSize: Int
  /// Tokens that a sequence may have.
  package let contextLength: Int
  package let ropeTheta: Double
  package let normEpsilon: Float
  /// The token that stands before a text.
  package let startToken: Int
  /// The token that ends a text.
  package let endToken: Int
  package let tiesEmbeddings: Bool
  /// Whether attention takes the direction of the position's own value out of its result.
  package let usesExclusiveAttention: Bool
  package let usesQueryKeyNorm: Bool
  /// The hashed memory of the last tokens; nil for a model without.
  package let engram: Engram?
  /// Streams that run side by side; 1 for a model without hyper-connections.
  package let streamCount: Int
  package let sinkhornIterations: Int
  package let sinkhornEpsilon: Float
  /// The form that the file states for the reading and writing weights of hyper-connections; nil where it is silent.
  package let hyperConnectionForm: HyperConnectionForm?
  /// The refinement after the last layer; nil for a model without.
  package let refinement: Refinement?

  package struct Engram: Sendable, Equatable {
    package let tableSize: Int
    package let tableCount: Int
    package let longestWindow: Int
    package let compressedSize: Int
  }

  package struct Refinement: Sendable, Equatable {
    package let size: Int
    package let steps: Int
  }

  /// Larger than any model has, and small enough that products of a few sizes do not overflow.
  private static let largestSize = 1 << 24

  /// Reads a `config.json`.
  ///
  /// - Throws: `MinkeError` when a size is missing, out of range or contradicts another, or the file asks for a part
  ///   that no published SpikeWhale model has.
  package init(_ reader: ConfigurationReader) throws(MinkeError) {
    func size(
      _ key: String, default fallback: Int? = nil, atLeast least: Int = 1, atMost most: Int = Self.largestSize
    ) throws(MinkeError) -> Int {
      try reader.integer(key, in: least...most, default: fallback)
    }

    try reader.require("model_type", "spike_whale")
    for key in ["use_derf", "use_value_embed", "use_moe"] { try reader.require(key, false) }
    try reader.require("num_key_value_heads", 1)

    vocabularySize = try size("vocab_size")
    hiddenSize = try size("hidden_size")
    layerCount = try size("num_hidden_layers", atMost: 4096)
    headCount = try size("num_attention_heads", atMost: 4096)
    headDimension = try size("head_dim", atMost: 4096)
    rotaryDimension = try size("qk_rope_head_dim", atLeast: 0)
    queryRank = try size("q_lora_rank")
    outputRank = try size("o_lora_rank")
    feedForwardSize = try size("moe_intermediate_size")
    contextLength = try size("max_position_embeddings")
    ropeTheta = try reader.number("rope_theta", default: 10_000)
    normEpsilon = Float(try reader.number("rms_norm_eps", default: 1e-6))
    startToken = try reader.integer("bos_token_id", in: 0...vocabularySize - 1, default: 2)
    endToken = try reader.integer("eos_token_id", in: 0...vocabularySize - 1, default: 3)
    tiesEmbeddings = try reader.flag("tie_word_embeddings", default: true)
    usesExclusiveAttention = try reader.flag("use_xsa", default: true)
    usesQueryKeyNorm = try reader.flag("use_qk_norm", default: true)
    engram =
      try reader.flag("use_engram", default: true)
      ? Engram(
        tableSize: try size("engram_table_size"), tableCount: try size("engram_num_heads", atMost: 64),
        longestWindow: try size("engram_max_ngram", atMost: 64), compressedSize: try size("engram_compress_dim")) : nil
    streamCount = try reader.flag("use_hyper_connections", default: true) ? size("hc_mult", atMost: 64) : 1
    sinkhornIterations = try size("hc_sinkhorn_iters", default: 20, atLeast: 0, atMost: 4096)
    sinkhornEpsilon = Float(try reader.number("hc_eps", default: 1e-6))
    refinement =
      try reader.flag("use_hrm_refine", default: true)
      ? Refinement(size: try size("hrm_refine_dim"), steps: try size("hrm_refine_steps", atMost: 4096)) : nil
    hyperConnectionForm = try HyperConnectionForm(stated: reader)

    let still = try size("nope_head_dim", default: headDimension - rotaryDimension, atLeast: 0)
    guard rotaryDimension.isMultiple(of: 2), still + rotaryDimension == headDimension else {
      throw reader.malformed(
        "qk_rope_head_dim", expected: "an even number that with nope_head_dim \(still) makes head_dim \(headDimension)")
    }
  }
}
