import MinkeCore
import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the next token is chosen.
public enum Sampling: Sendable, Equatable {
  /// The likeliest token, the first one among equals.
  case greedy
  /// At random.
  case random(RandomSampling)
}

/// A random choice by probability, after unlikely tokens are left out.
public struct RandomSampling: Sendable, Equatable {
  /// Logits are divided by it: below 1 likely tokens gain, above 1 unlikely ones do. Above 0.
  public var temperature: Double
  /// Only so many of the likeliest tokens stay; nil keeps all.
  public var topK: Int?
  /// Only the likeliest tokens that together have this probability stay: 0 to 1, 0 not included (Holtzman et al. 2019).
  public var topP: Double?
  /// Only tokens at least this likely beside the likeliest stay: 0 to 1 (Nguyen et al. 2024).
  public var minP: Double?
  /// Equal seeds give equal texts; nil gives another one each time.
  public var seed: UInt64?

  /// Choices that differ from the default where they are given.
  public init(
    temperature: Double = 1, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil, seed: UInt64? = nil
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.seed = seed
  }

  /// - Throws: `MinkeError` of kind `invalidArgument` when a setting is out of its range.
  func validate() throws(MinkeError) {
    func fail(_ name: String, _ expected: String, _ found: some CustomStringConvertible) throws(MinkeError) {
      throw MinkeError(.invalidArgument, name, expected: expected, found: found.description)
    }
    if !(temperature > 0 && temperature.isFinite) {
      try fail("temperature", "a number above 0 (greedy choice is an option of its own)", temperature)
    }
    if let topK, topK < 1 { try fail("top-k", "1 or more", topK) }
    if let topP, !(topP > 0 && topP <= 1) { try fail("top-p", "a number above 0, up to 1", topP) }
    if let minP, !(minP >= 0 && minP <= 1) { try fail("min-p", "a number from 0 to 1", minP) }
  }
}

/// Chooses one token after the other.
struct Sampler {
  private let sampling: Sampling
  private let repetitionPenalty: Float
  private var random: SplitMix64

  init(_ sampling: Sampling, repetitionPenalty: Double) throws(MinkeError) {
    guard repetitionPenalty > 0, repetitionPenalty.isFinite else {
      throw MinkeError(
        .invalidArgument, "repetition penalty", expected: "a number above 0", found: "\(repetitionPenalty)")
    }
    var seed = UInt64.random(in: 0...UInt64.max)
    if case .random(let settings) = sampling {
      try settings.validate()
      seed = settings.seed ?? seed
    }
    self.sampling = sampling
    self.repetitionPenalty = Float(repetitionPenalty)
    random = SplitMix64(seed: seed)
  }

  /// The next token after `logits`; those in `seen` are made less likely by the repetition penalty: a positive logit is
  /// divided by it, a negative one multiplied (Keskar et al. 2019).
  mutating func next(_ logits: [Float], seen: Set<TokenID>) -> TokenID {
    var logits = logits
    if repetitionPenalty != 1 {
      for token in seen where logits.indices.contains(Int(token)) {
        let logit = logits[Int(token)]
        logits[Int(token)] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty
      }
    }
    guard case .random(let settings) = sampling else { return TokenID(Self.likeliest(logits)) }
    return TokenID(choose(logits, settings))
  }

  private static func likeliest(_ logits: [Float]) -> Int {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return best
  }

  private mutating func choose(_ logits: [Float], _ settings: RandomSampling) -> Int {
    let top = logits[Self.likeliest(logits)]
    // The probability of each token, up to a factor that they share; the likeliest has 1.
    var candidates = logits.indices.map { index in
      (index: index, weight: exp(Double(logits[index] - top) / settings.temperature))
    }
    let total = candidates.reduce(0) { $0 + $1.weight }
    if let minP = settings.minP { candidates.removeAll { $0.weight < minP } }
    if let topP = settings.topP, topP < 1 {
      // Tokens below this are together less likely than what may be left out, so they need not be sorted.
      let least = (1 - topP) * total / Double(logits.count)
      candidates.removeAll { $0.weight < least }
    }
    if settings.topK != nil || settings.topP != nil {
      candidates.sort { ($0.weight, $1.index) > ($1.weight, $0.index) }
    }
    if let topK = settings.topK { candidates = Array(candidates.prefix(topK)) }
    if let topP = settings.topP {
      let limit = topP * candidates.reduce(0) { $0 + $1.weight }
      var sum = 0.0
      let last = candidates.firstIndex { candidate in
        sum += candidate.weight
        return sum >= limit
      }
      if let last { candidates = Array(candidates[...last]) }
    }
    var left = random.unit() * candidates.reduce(0) { $0 + $1.weight }
    for candidate in candidates {
      left -= candidate.weight
      if left < 0 { return candidate.index }
    }
    return candidates.last?.index ?? Self.likeliest(logits)
  }
}
