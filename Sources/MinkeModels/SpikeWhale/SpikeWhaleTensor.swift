/// A tensor of a SpikeWhale model: the one table of their names, shapes and uses.
///
/// Loading, saving in fewer bits and the benchmark's random model go by it. The names are those of the published files,
/// without what stands before all of them (`model.`).
package enum SpikeWhaleTensor: Hashable, Sendable {
  case embedding, head, outputNorm, streamMix
  case refinementNorm, refinementDown, refinementUp, refinementGates
  case engramCompressor, engramGate, engramGateBias, engramAlpha, engramBias, engramGamma
  /// The compressed embedding of every token, which only files of rounded embeddings have.
  case engramCodes
  case engramTable(Int)
  /// What the code at `place` of a window of so many tokens is multiplied with for its hash.
  case engramHash(window: Int, place: Int)
  /// Used in training only.
  case predictionHead
  case layer(Int, Layer)

  /// A tensor that every layer has.
  package enum Layer: CaseIterable, Sendable {
    case attentionNorm, queryDown, queryCodeNorm, queryUp, key, value, queryNorm, keyNorm, outputDown, outputUp
    /// Stored in every layer, equal in all.
    case rotaryFrequencies, rotaryCosines, rotarySines
    case attentionRead, attentionWrite
    case feedForwardNorm, feedForwardGate, feedForwardUp, feedForwardDown, feedForwardRead, feedForwardWrite
  }

  /// What a tensor is for.
  package enum Use: Sendable {
    /// Every token is multiplied with it: saved in as many bits as are asked for.
    case matrix
    /// Read, or multiplied with where nothing may be rounded: saved as it is.
    case exact
    /// Not read: not saved.
    case unused
  }

  /// A line of the table.
  package struct Entry: Sendable {
    /// After the prefix that the names of a file have in common.
    package let name: String
    package let shape: [Int]
    package let use: Use

    init(_ name: String, _ shape: [Int], _ use: Use = .exact) {
      self.name = name
      self.shape = shape
      self.use = use
    }
  }

  // MARK: The table

  /// The line of this tensor in a model of configuration `c`.
  package func entry(in c: SpikeWhaleConfiguration) -> Entry {
    let (hidden, vocabulary) = (c.hiddenSize, c.vocabularySize)
    let (tableSize, tableCount) = (c.engram?.tableSize ?? 0, c.engram?.tableCount ?? 0)
    let (codeSize, refinementSize) = (c.engram?.compressedSize ?? 0, c.refinement?.size ?? 0)
    return switch self {
    case .embedding: Entry("embed_tokens.weight", [vocabulary, hidden], .matrix)
    case .head: Entry("lm_head.weight", [vocabulary, hidden], c.tiesEmbeddings ? .unused : .matrix)
    case .outputNorm: Entry("norm.weight", [hidden])
    case .streamMix: Entry("hc_out_mix.weight", [c.streamCount])
    case .refinementNorm: Entry("hrm_refine.norm.weight", [hidden])
    case .refinementDown: Entry("hrm_refine.down.weight", [refinementSize, 2 * hidden], .matrix)
    case .refinementUp: Entry("hrm_refine.up.weight", [hidden, refinementSize], .matrix)
    case .refinementGates: Entry("hrm_refine.gate", [c.refinement?.steps ?? 0])
    // From rounded weights many hashes would choose other rows.
    case .engramCompressor: Entry("engram.compressor.proj.weight", [codeSize, hidden])
    case .engramGate: Entry("engram.gate.proj.weight", [hidden, 2 * hidden], .matrix)
    case .engramGateBias: Entry("engram.gate.proj.bias", [hidden])
    case .engramAlpha: Entry("engram.gate.alpha", [hidden])
    case .engramBias: Entry("engram.gate.bias", [hidden])
    case .engramGamma: Entry("engram.gate.gamma", [hidden])
    case .engramCodes: Entry("engram.codes", [vocabulary, codeSize])
    case .engramTable(let table): Entry("engram.lookup.tables.\(table).weight", [tableSize, hidden])
    case .engramHash(let window, let place):
      Entry("engram.lookup.hash_proj_n\(window)_p\(place)", [tableCount, codeSize])
    case .predictionHead: Entry("mtp_heads.0.proj.weight", [hidden, hidden], .unused)
    case .layer(let index, let part): part.entry(in: c, of: index)
    }
  }

  /// Every tensor that a published file of configuration `c` has.
  package static func all(of c: SpikeWhaleConfiguration) -> [SpikeWhaleTensor] {
    var all: [SpikeWhaleTensor] = [.embedding, .head, .outputNorm, .predictionHead]
    if c.streamCount > 1 { all.append(.streamMix) }
    if c.refinement != nil { all += [.refinementNorm, .refinementDown, .refinementUp, .refinementGates] }
    if let engram = c.engram {
      all += [.engramCompressor, .engramGate, .engramGateBias, .engramAlpha, .engramBias, .engramGamma]
      all += (0..<engram.tableCount).map { .engramTable($0) }
      all += engramHashes(of: engram)
    }
    let parts = Layer.allCases.filter { part in
      switch part {
      case .queryNorm, .keyNorm: c.usesQueryKeyNorm
      case .rotaryFrequencies, .rotaryCosines, .rotarySines: c.rotaryDimension > 0
      case .attentionRead, .attentionWrite, .feedForwardRead, .feedForwardWrite: c.streamCount > 1
      default: true
      }
    }
    for index in 0..<c.layerCount { all += parts.map { .layer(index, $0) } }
    return all
  }

  /// The hashes of every window, the shortest first, and of every place in it.
  package static func engramHashes(of engram: SpikeWhaleConfiguration.Engram) -> [SpikeWhaleTensor] {
    (1...engram.longestWindow).flatMap { window in
      (0..<window).map { .engramHash(window: window, place: $0) }
    }
  }

  // MARK: Where names are not certain

  /// Whether the name has no prefix.
  var standsOutside: Bool { self == .head || self == .predictionHead }

  /// The tensor whose shape tells what this one's second part of the name, `compressor` or `gate`, is in a file.
  var anchor: SpikeWhaleTensor? {
    switch self {
    case .engramCompressor: .engramCompressor
    case .engramGate, .engramGateBias, .engramAlpha, .engramBias, .engramGamma: .engramGate
    default: nil
    }
  }

  /// The name that the published files have, which begin all but a few with `model.`.
  package func publishedName(in c: SpikeWhaleConfiguration) -> String {
    (standsOutside ? "" : "model.") + entry(in: c).name
  }

  /// Beginnings of the names of what is used in training only.
  static let trainingPlaces = ["mtp_heads.", "jepa."]
}

extension SpikeWhaleTensor.Layer {
  fileprivate func entry(in c: SpikeWhaleConfiguration, of index: Int) -> SpikeWhaleTensor.Entry {
    let (hidden, width, inner) = (c.hiddenSize, c.headDimension, c.feedForwardSize)
    let heads = c.headCount * width
    func entry(_ name: String, _ shape: [Int], _ use: SpikeWhaleTensor.Use = .exact) -> SpikeWhaleTensor.Entry {
      SpikeWhaleTensor.Entry("layers.\(index).\(name)", shape, use)
    }
    return switch self {
    case .attentionNorm: entry("attn_norm.weight", [hidden])
    case .queryDown: entry("attn.q_a_proj.weight", [c.queryRank, hidden], .matrix)
    case .queryCodeNorm: entry("attn.q_a_norm.weight", [c.queryRank])
    case .queryUp: entry("attn.q_b_proj.weight", [heads, c.queryRank], .matrix)
    case .key: entry("attn.k_proj.weight", [width, hidden], .matrix)
    case .value: entry("attn.v_proj.weight", [width, hidden], .matrix)
    case .queryNorm: entry("attn.q_norm.weight", [width])
    case .keyNorm: entry("attn.k_norm.weight", [width])
    case .outputDown: entry("attn.o_a_proj.weight", [c.outputRank, heads], .matrix)
    case .outputUp: entry("attn.o_b_proj.weight", [hidden, c.outputRank], .matrix)
    case .rotaryFrequencies: entry("attn.rope.inv_freq", [c.rotaryDimension / 2])
    case .rotaryCosines: entry("attn.rope.cos_cache", [c.contextLength, c.rotaryDimension / 2])
    case .rotarySines: entry("attn.rope.sin_cache", [c.contextLength, c.rotaryDimension / 2])
    case .attentionRead: entry("hc_attn.pre_logits", [c.streamCount])
    case .attentionWrite: entry("hc_attn.post_logits", [c.streamCount])
    case .feedForwardNorm: entry("ffn_norm.weight", [hidden])
    case .feedForwardGate: entry("ffn.gate_proj.weight", [inner, hidden], .matrix)
    case .feedForwardUp: entry("ffn.up_proj.weight", [inner, hidden], .matrix)
    case .feedForwardDown: entry("ffn.down_proj.weight", [hidden, inner], .matrix)
    case .feedForwardRead: entry("hc_ffn.pre_logits", [c.streamCount])
    case .feedForwardWrite: entry("hc_ffn.post_logits", [c.streamCount])
    }
  }
}
