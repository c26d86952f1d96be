import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

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

  /// Reads a `config.json`; `subject` stands for the file in error texts.
  ///
  /// - Throws: ``MinkeError`` when a size is missing, out of range or contradicts another, or the file asks for a part
  ///   that no published SpikeWhale model has.
  package init(_ json: JSONValue, subject: String) throws {
    guard json.object != nil else {
      throw MinkeError(.malformedFile, subject, expected: "an object", found: "another JSON value")
    }
    func failure(_ key: String, _ expected: String, _ value: JSONValue?) -> MinkeError {
      MinkeError(.malformedFile, "\(subject): \(key)", expected: expected, found: value?.text ?? "no such key")
    }
    func size(_ key: String, default fallback: Int? = nil, atLeast least: Int = 1) throws(MinkeError) -> Int {
      let value = json[key].flatMap { $0 == .null ? nil : $0 }
      if value == nil, let fallback { return fallback }
      guard let number = value?.integer, (least...Self.largestSize).contains(number) else {
        throw failure(key, "a whole number from \(least) to \(Self.largestSize)", json[key])
      }
      return number
    }
    func number(_ key: String, default fallback: Double) throws(MinkeError) -> Double {
      guard let value = json[key], value != .null else { return fallback }
      guard let number = value.double, number > 0, number.isFinite else {
        throw failure(key, "a number above 0", value)
      }
      return number
    }
    func flag(_ key: String, default fallback: Bool) throws(MinkeError) -> Bool {
      guard let value = json[key], value != .null else { return fallback }
      guard let flag = value.boolean else { throw failure(key, "true or false", value) }
      return flag
    }

    if let type = json["model_type"]?.string, type != "spike_whale" {
      throw MinkeError(.unsupportedFile, subject, expected: "model_type \"spike_whale\"", found: "\"\(type)\"")
    }
    for key in ["use_derf", "use_value_embed", "use_moe"] where try flag(key, default: false) {
      throw MinkeError(
        .unsupportedFile, "\(subject): \(key)", expected: "false, as in the published models", found: "true")
    }

    vocabularySize = try size("vocab_size")
    hiddenSize = try size("hidden_size")
    layerCount = try size("num_hidden_layers")
    headCount = try size("num_attention_heads")
    headDimension = try size("head_dim")
    rotaryDimension = try size("qk_rope_head_dim", atLeast: 0)
    queryRank = try size("q_lora_rank")
    outputRank = try size("o_lora_rank")
    feedForwardSize = try size("moe_intermediate_size")
    contextLength = try size("max_position_embeddings")
    ropeTheta = try number("rope_theta", default: 10_000)
    normEpsilon = Float(try number("rms_norm_eps", default: 1e-6))
    endToken = try size("eos_token_id", default: 3, atLeast: 0)
    tiesEmbeddings = try flag("tie_word_embeddings", default: true)
    usesExclusiveAttention = try flag("use_xsa", default: true)
    usesQueryKeyNorm = try flag("use_qk_norm", default: true)
    engram =
      try flag("use_engram", default: true)
      ? Engram(
        tableSize: try size("engram_table_size"), tableCount: try size("engram_num_heads"),
        longestWindow: try size("engram_max_ngram"), compressedSize: try size("engram_compress_dim")) : nil
    streamCount = try flag("use_hyper_connections", default: true) ? size("hc_mult") : 1
    sinkhornIterations = try size("hc_sinkhorn_iters", default: 20, atLeast: 0)
    sinkhornEpsilon = Float(try number("hc_eps", default: 1e-6))
    refinement =
      try flag("use_hrm_refine", default: true)
      ? Refinement(size: try size("hrm_refine_dim"), steps: try size("hrm_refine_steps")) : nil
    hyperConnectionForm = try HyperConnectionForm(stated: json, subject: subject)

    guard try size("num_key_value_heads", default: 1) == 1 else {
      throw MinkeError(
        .unsupportedFile, "\(subject): num_key_value_heads", expected: "1, as in the published models",
        found: json["num_key_value_heads"]?.text ?? "")
    }
    let still = try size("nope_head_dim", default: headDimension - rotaryDimension, atLeast: 0)
    guard rotaryDimension.isMultiple(of: 2), still + rotaryDimension == headDimension else {
      throw failure(
        "qk_rope_head_dim", "an even number that with nope_head_dim \(still) makes head_dim \(headDimension)",
        json["qk_rope_head_dim"])
    }
    guard endToken < vocabularySize else {
      throw failure("eos_token_id", "below \(vocabularySize)", json["eos_token_id"])
    }
    for (key, value, limit) in [
      ("hc_mult", streamCount, 64), ("engram_max_ngram", engram?.longestWindow ?? 1, 64),
      ("engram_num_heads", engram?.tableCount ?? 1, 64), ("num_hidden_layers", layerCount, 4096),
      ("head_dim", headDimension, 4096), ("num_attention_heads", headCount, 4096),
      ("hrm_refine_steps", refinement?.steps ?? 1, 4096), ("hc_sinkhorn_iters", sinkhornIterations, 4096),
    ] where value > limit {
      throw failure(key, "at most \(limit)", json[key])
    }
  }
}
