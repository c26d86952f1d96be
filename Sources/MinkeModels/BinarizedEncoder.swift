import MinkeCore
import MinkeText

/// Post-hoc binarisation: the signs of another encoder's numbers, one bit each, compared by Hamming distance.
///
/// It makes bits out of any encoder of numbers, for comparison with one trained to give bits.
public struct BinarizedEncoder: TextEncoder {
  private let base: any TextEncoder

  /// - Throws: `MinkeError` of kind `invalidArgument` when `base` gives bits already.
  public init(_ base: any TextEncoder) throws(MinkeError) {
    guard base.metric != .hamming else {
      throw MinkeError(.invalidArgument, base.identity.name, expected: "an encoder of numbers", found: "one of bits")
    }
    self.base = base
  }

  public var identity: ModelIdentity { base.identity.derived(name: base.identity.name + "-signs", by: "signs") }
  public var dimension: Int { base.dimension }
  /// The dimensions of the encoder of numbers that are a multiple of 8.
  public var dimensions: [Int] { base.dimensions.filter { $0.isMultiple(of: 8) } }
  public var metric: Metric { .hamming }
  public var tokenization: TextTokenization { base.tokenization }
  public var facts: [ModelFact] { base.facts + [ModelFact("binarized", "the signs of its numbers")] }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    let dimension = try checked(options)
    var numbers = options
    numbers.form = .vectors
    let vectors = try base.encode(texts, options: numbers)
    switch options.form {
    case .vectors: return try vectors.binarized()
    case .logits: return vectors
    case .signs: return try Embeddings(floats: (vectors.floats ?? []).map { $0 > 0 ? 1 : -1 }, dimension: dimension)
    }
  }
}
