import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A SpikeWhale model of the published size whose weights are random: what it says is noise, and how fast and how large
/// it is, is not.
enum RandomSpikeWhale {
  /// Writes `config.json`, `tokenizer.json` and `model.safetensors` to `folder`, which must exist. Equal seeds give
  /// equal files.
  ///
  /// - Throws: `MinkeError` when a file cannot be written.
  static func write(to folder: URL, seed: UInt64 = 1) throws {
    try write(configuration.text, to: folder.appendingPathComponent("config.json"))
    try writeTokenizer(to: folder)
    var random = SplitMix64(seed: seed)
    // Numbers from -1 to 1, of which every tensor takes a stretch: 97 million draws would take longer than all else.
    let pool = (0..<(1 << 20) + 4099).map { _ in Float(2 * random.unit() - 1) }
    let sizes = try SpikeWhaleConfiguration(ConfigurationReader(configuration, subject: "a random model"))
    let tensors = try SpikeWhaleTensor.all(of: sizes).map { tensor in
      let shape = tensor.entry(in: sizes).shape
      let count = shape.reduce(1, *)
      let values = AlignedBuffer<Float>(uninitialized: count)
      let (center, spread) = distribution(tensor, shape)
      var next = Int(random.next() % UInt64(pool.count))
      pool.withUnsafeBufferPointer { pool in
        for index in 0..<count {
          values.baseAddress[index] = center + spread * pool[next]
          next = next + 1 == pool.count ? 0 : next + 1
        }
      }
      let bytes = UnsafeRawBufferPointer(values.pointer).bindMemory(to: UInt8.self)
      return try Tensor(
        name: tensor.publishedName(in: sizes), elementType: .float32, shape: shape, bytes: SharedBuffer(copying: bytes))
    }
    try Safetensors.write(tensors, to: folder.appendingPathComponent("model.safetensors"))
  }

  /// Writes the `tokenizer.json` alone.
  ///
  /// - Throws: `MinkeError` when it cannot be written.
  static func writeTokenizer(to folder: URL) throws {
    try write(tokenizer.text, to: folder.appendingPathComponent("tokenizer.json"))
  }

  private static func write(_ text: String, to url: URL) throws {
    var writer = try FileWriter(url)
    try writer.write(text)
    try writer.finish()
  }

  private static let configuration: JSONValue = [
    "model_type": "spike_whale", "vocab_size": 16512, "hidden_size": 640, "num_hidden_layers": 16,
    "num_attention_heads": 10, "num_key_value_heads": 1, "head_dim": 64, "qk_rope_head_dim": 16, "nope_head_dim": 48,
    "q_lora_rank": 128, "o_lora_rank": 128, "max_position_embeddings": 4096, "rope_theta": 10000,
    "rms_norm_eps": .number(1e-6),
    "moe_intermediate_size": 2000, "use_engram": true, "engram_table_size": 4096, "engram_num_heads": 2,
    "engram_max_ngram": 3, "engram_compress_dim": 32, "use_hyper_connections": true, "hc_mult": 2,
    "hyper_connection_pre": "softmax", "hyper_connection_post": "scaled_softmax", "use_hrm_refine": true,
    "hrm_refine_dim": 128, "hrm_refine_steps": 1, "tie_word_embeddings": true, "bos_token_id": 2, "eos_token_id": 3,
  ]

  /// Every byte, the published special tokens, and words of two and three letters, so that text has about as many
  /// tokens as it has with a vocabulary that was learned.
  private static var tokenizer: JSONValue {
    var vocabulary: [String: JSONValue] = ["<pad>": 0, "<unk>": 1, "<bos>": 2, "<eos>": 3]
    for byte in 0..<256 { vocabulary[String(Unicode.Scalar(UInt8(byte)))] = .integer(byte + 4) }
    let letters = "etaoinshrdlucmfwypvbgkjqxz ".map { String($0) }
    var words = letters.flatMap { a in letters.map { a + $0 } }
    words += letters.flatMap { a in letters.flatMap { b in letters.map { a + b + $0 } } }
    for (index, word) in words.prefix(16384 - 260).enumerated() { vocabulary[word] = .integer(260 + index) }
    let special = [
      "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<begin_solution>", "<end_solution>", "<tool_call>",
      "</tool_call>", "<tool_response>", "</tool_response>", "<|system|>", "<|user|>", "<|assistant|>",
      "<|fim_prefix|>",
      "<|fim_middle|>", "<|fim_suffix|>", "<|endoftext|>",
    ]
    for (index, token) in special.enumerated() { vocabulary[token] = .integer(16384 + index) }
    return [
      "algorithm": "length-max", "max_token_len": 24, "vocab_size": 16512, "vocab": .object(vocabulary),
      "special_tokens": .array(special.map { .string($0) }),
    ]
  }

  /// The middle of a tensor's numbers and how far they reach from it: layers keep the size of what goes through them.
  private static func distribution(_ tensor: SpikeWhaleTensor, _ shape: [Int]) -> (center: Float, spread: Float) {
    switch tensor {
    case .outputNorm, .refinementNorm, .engramAlpha, .engramGamma, .layer(_, .attentionNorm),
      .layer(_, .feedForwardNorm), .layer(_, .queryCodeNorm), .layer(_, .queryNorm), .layer(_, .keyNorm):
      return (1, 0.2)
    case .embedding, .head, .engramTable: return (0, 0.05)
    case .engramHash: return (0, 100)
    default: return shape.count == 2 ? (0, (3 / Float(shape[1])).squareRoot()) : (0, 0.5)
    }
  }
}
