import MinkeCore
import MinkeLayers

extension TransformerConfiguration.Family {
  /// The family of a `config.json`, told by its `model_type` or, where it has none, its first architecture; nil for
  /// something else.
  init?(_ reader: ConfigurationReader) {
    if let type = reader["model_type"] {
      self.init(rawValue: type.string ?? "")
      return
    }
    let architecture = reader["architectures"]?.array?.first?.string ?? ""
    guard let family = Self.allCases.first(where: { architecture.hasPrefix($0.architecture) }) else { return nil }
    self = family
  }

  /// What the names of the family's classes begin with.
  private var architecture: String {
    switch self {
    case .bert: "Bert"
    case .roberta: "Roberta"
    case .xlmRoberta: "XLMRoberta"
    case .camembert: "Camembert"
    case .distilbert: "DistilBert"
    case .mpnet: "MPNet"
    case .electra: "Electra"
    case .modernbert: "ModernBert"
    }
  }
}

extension TransformerConfiguration {
  private static let sizes = 1...(1 << 24)
  private static let layers = 1...1024

  /// Reads a Hugging Face `config.json`.
  ///
  /// - Throws: `MinkeError` naming the key that is missing, out of range, or asks for what is not supported here:
  ///   another architecture, activation or kind of positions, a decoder.
  package init(_ reader: ConfigurationReader) throws(MinkeError) {
    guard reader["model_type"] == nil || Family(reader) != nil else {
      throw reader.unsupported(
        "model_type", expected: "one of " + Family.allCases.map(\.rawValue).joined(separator: ", "))
    }
    try reader.require("position_embedding_type", "absolute")
    // A decoder's tokens see only those before them.
    try reader.require("is_decoder", false)
    try reader.require("is_encoder_decoder", false)
    try reader.require("add_cross_attention", false)
    try reader.require("pruned_heads", .object([:]))
    try reader.require("quantization_config")
    switch Family(reader) ?? .bert {
    case .distilbert: try self.init(distilbert: reader)
    case .modernbert: try self.init(modernbert: reader)
    case let family: try self.init(family, like: reader)
    }
    guard hiddenSize.isMultiple(of: headCount) else {
      throw reader.malformed(
        family == .distilbert ? "n_heads" : "num_attention_heads",
        expected: "a divisor of the hidden size \(hiddenSize)")
    }
    guard maximumLength > 0 else {
      throw reader.malformed("max_position_embeddings", expected: "more than the padding token's \(paddingToken ?? 0)")
    }
  }

  /// The families whose configurations have the keys of BERT's.
  private init(_ family: Family, like reader: ConfigurationReader) throws(MinkeError) {
    self.family = family
    vocabularySize = try reader.integer("vocab_size", in: Self.sizes)
    hiddenSize = try reader.integer("hidden_size", in: Self.sizes)
    embeddingSize = hiddenSize
    layerCount = try reader.integer("num_hidden_layers", in: Self.layers)
    headCount = try reader.integer("num_attention_heads", in: Self.sizes)
    intermediateSize = try reader.integer("intermediate_size", in: Self.sizes)
    positionCount = try reader.integer("max_position_embeddings", in: Self.sizes)
    typeCount = try family == .mpnet ? 0 : reader.integer("type_vocab_size", in: Self.sizes, default: 2)
    layerNormEpsilon = Float(try reader.number("layer_norm_eps", below: 1, default: 1e-12))
    activation = try Self.activation("hidden_act", reader)
    switch family {
    case .roberta, .xlmRoberta, .camembert:
      paddingToken = try reader.integer("pad_token_id", in: 0...(1 << 24), default: 1)
    case .mpnet:
      // Whatever the configuration says.
      paddingToken = 1
      // Only so many are used, of which the table may have more.
      distanceCount = try reader.integer(
        "relative_attention_num_buckets", in: RelativePositionBias.bucketCount...(1 << 16),
        default: RelativePositionBias.bucketCount)
    case .electra: embeddingSize = try reader.integer("embedding_size", in: Self.sizes, default: 128)
    case .bert, .distilbert, .modernbert: break
    }
  }

  private init(distilbert reader: ConfigurationReader) throws(MinkeError) {
    family = .distilbert
    vocabularySize = try reader.integer("vocab_size", in: Self.sizes)
    hiddenSize = try reader.integer("dim", in: Self.sizes)
    embeddingSize = hiddenSize
    layerCount = try reader.integer("n_layers", in: Self.layers)
    headCount = try reader.integer("n_heads", in: Self.sizes)
    intermediateSize = try reader.integer("hidden_dim", in: Self.sizes)
    positionCount = try reader.integer("max_position_embeddings", in: Self.sizes)
    typeCount = 0
    layerNormEpsilon = 1e-12
    activation = try Self.activation("activation", reader)
  }

  private init(modernbert reader: ConfigurationReader) throws(MinkeError) {
    family = .modernbert
    vocabularySize = try reader.integer("vocab_size", in: Self.sizes)
    hiddenSize = try reader.integer("hidden_size", in: Self.sizes)
    embeddingSize = hiddenSize
    layerCount = try reader.integer("num_hidden_layers", in: Self.layers)
    headCount = try reader.integer("num_attention_heads", in: Self.sizes)
    intermediateSize = try reader.integer("intermediate_size", in: Self.sizes)
    // No tensor bears them out, and a table of turns is made for each.
    positionCount = try reader.integer("max_position_embeddings", in: 1...(1 << 17), default: 8192)
    typeCount = 0
    layerNormEpsilon = Float(try reader.number("norm_eps", below: 1, default: 1e-5))
    activation = try Self.activation("hidden_activation", reader)
    biases = Biases(
      attention: try reader.flag("attention_bias", default: false),
      feedForward: try reader.flag("mlp_bias", default: false), norms: try reader.flag("norm_bias", default: false))
    guard (hiddenSize / headCount).isMultiple(of: 2) else {
      throw reader.malformed("num_attention_heads", expected: "heads of an even size, whose halves turn")
    }
    rotary = try Rotary(reader, layers: layerCount)
    for key in ["head_dim", "rope_scaling", "partial_rotary_factor", "sliding_window"] { try reader.require(key) }
  }

  /// The activation that `key` names; GELU where it is absent.
  private static func activation(_ key: String, _ reader: ConfigurationReader) throws(MinkeError) -> Activation {
    guard let name = try reader.text(key) else { return .gelu }
    guard let activation = Activation.namesInConfigurations[name] else {
      let known = Activation.namesInConfigurations.keys.sorted().joined(separator: ", ")
      throw reader.unsupported(key, expected: "one of \(known)")
    }
    return activation
  }
}

extension TransformerConfiguration.Rotary {
  private static let layerTypes = (all: "full_attention", near: "sliding_attention")

  /// Reads what ModernBERT's `config.json` says of the turns and windows of `layers` layers: in `layer_types` and
  /// `rope_parameters` or, in older files, in numbers of their own.
  fileprivate init(_ reader: ConfigurationReader, layers: Int) throws(MinkeError) {
    window = try reader.integer("local_attention", in: 1...(1 << 24), default: 128) / 2
    if let types = reader["layer_types"] {
      let names = types.array?.compactMap(\.string) ?? []
      guard names.count == layers, names.allSatisfy({ [Self.layerTypes.all, Self.layerTypes.near].contains($0) }) else {
        throw reader.unsupported(
          "layer_types", expected: "\(layers) of \(Self.layerTypes.all) and \(Self.layerTypes.near)")
      }
      seesAll = names.map { $0 == Self.layerTypes.all }
    } else {
      let distance = try reader.integer("global_attn_every_n_layers", in: 1...1024, default: 3)
      seesAll = (0..<layers).map { $0.isMultiple(of: distance) }
    }
    globalBase = try reader.number("global_rope_theta", default: globalBase)
    // A null stands for the base of the other layers, as it did in the first releases.
    let isSame = reader.members["local_rope_theta"] == .null
    localBase = try isSame ? globalBase : reader.number("local_rope_theta", default: localBase)
    guard let parameters = reader["rope_parameters"] else { return }
    let kinds = try ConfigurationReader(parameters, subject: "\(reader.subject): rope_parameters")
    try kinds.requireOnly([Self.layerTypes.all, Self.layerTypes.near])
    func base(_ kind: String, _ fallback: Double) throws(MinkeError) -> Double {
      guard let values = kinds[kind] else { return fallback }
      let reader = try ConfigurationReader(values, subject: "\(kinds.subject): \(kind)")
      try reader.requireOnly(["rope_type", "type", "rope_theta"])
      try reader.require("rope_type", "default")
      try reader.require("type", "default")
      return try reader.number("rope_theta", default: fallback)
    }
    globalBase = try base(Self.layerTypes.all, globalBase)
    localBase = try base(Self.layerTypes.near, localBase)
  }
}
