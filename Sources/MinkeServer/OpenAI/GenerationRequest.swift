import MinkeCore
import MinkeModels

/// What requests for chat and for completions have in common.
struct GenerationRequest: Sendable {
  let options: GenerationOptions
  let isStreamed: Bool
  /// Whether a stream ends with the numbers of tokens.
  let includesUsage: Bool

  /// - Parameter likeliest: how many tokens at each place have their probabilities given; nil for none.
  init(_ members: Members, likeliest: Int?) throws(Failure) {
    // What would change the answer and is not done here is refused, and not passed over.
    if let n = try members.integer("n", in: 1...1024), n != 1 { throw members.wrong("n", "1") }
    for name in ["presence_penalty", "frequency_penalty"] {
      if let penalty = try members.number(name, in: -2...2), penalty != 0 {
        throw members.wrong(name, "0; repetition_penalty is what this server knows")
      }
    }
    if let tools = members["tools"]?.array, !tools.isEmpty {
      throw members.wrong("tools", "none: models of this server call no tools")
    }
    if let format = members["response_format"]?["type"]?.string, format != "text" {
      throw members.wrong("response_format", "text")
    }
    if let bias = members["logit_bias"]?.object, !bias.isEmpty { throw members.wrong("logit_bias", "none") }

    let temperature = try members.number("temperature", in: 0...2)
    let topP = try members.number("top_p", in: 0...1)
    let seed = try members.integer("seed", in: Int.min...Int.max)
    let random = RandomSampling(
      temperature: temperature ?? 0.7, topK: try members.integer("top_k", in: 1...Int.max),
      topP: topP ?? (temperature == nil ? 0.9 : nil), minP: try members.number("min_p", in: 0...1),
      seed: seed.map { UInt64(bitPattern: Int64($0)) })
    if topP == 0 { throw members.wrong("top_p", "a number above 0") }
    var maximum = try members.integer("max_completion_tokens", in: 0...Int.max)
    if maximum == nil { maximum = try members.integer("max_tokens", in: 0...Int.max) }
    options = GenerationOptions(
      sampling: temperature == 0 ? .greedy : .random(random),
      repetitionPenalty: try members.number("repetition_penalty", in: 0.1...10) ?? 1, maximumTokens: maximum,
      stop: try members.texts("stop", most: 16) ?? [], likeliest: likeliest)
    isStreamed = try members.boolean("stream") ?? false
    includesUsage = members["stream_options"]?["include_usage"]?.boolean ?? false
  }
}

/// Why a text ended, in OpenAI's words.
extension GenerationEnd {
  var finishReason: JSONValue {
    switch self {
    case .endOfText, .stopText: "stop"
    case .maximumTokens, .contextFull: "length"
    }
  }
}

extension ChatDesk.Outcome {
  var usage: JSONValue {
    [
      "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(tokens),
      "total_tokens": .integer(promptTokens + tokens),
    ]
  }
}

extension LanguageModel {
  /// The probability of a token in OpenAI's form for chats.
  func json(_ probability: TokenProbability) -> [String: JSONValue] {
    let bytes = tokenizer.bytes(of: probability.token).map(Array.init) ?? []
    return [
      "token": .string(String(decoding: bytes, as: UTF8.self)), "logprob": .number(probability.logProbability),
      "bytes": .array(bytes.map { .integer(Int($0)) }),
    ]
  }

  /// The probabilities of a piece's token in OpenAI's form for chats; nil where there are none.
  func chatProbabilities(_ piece: GeneratedPiece) -> JSONValue? {
    guard let chosen = piece.probability else { return nil }
    var entry = json(chosen)
    entry["top_logprobs"] = .array(piece.likeliest.map { .object(json($0)) })
    return .object(entry)
  }
}
