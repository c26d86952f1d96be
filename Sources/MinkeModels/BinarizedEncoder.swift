import MinkeCore
import MinkeText

/// Post-hoc binarisation: the signs of another encoder's numbers, one bit each, compared by Hamming distance.
///
/// It makes bits out of any encoder of numbers, for comparison with one trained to give bits.
public struct BinarizedEncoder: TextEncoder {
  private let base: any TextEncoder

  /// - Throws: ``MinkeError`` of kind `invalidArgument` when `base` gives bits already.
  public init(_ base: any TextEncoder) throws(MinkeError) {
    guard base.metric != .hamming else {
      throw MinkeError(.invalidArgument, base.identity.name, expected: "an encoder of numbers", found: "one of bits")
    }
    self.base = base
  }

  public var identity: ModelIdentity {
    ModelIdentity(name: base.identity.name + "-signs", fingerprint: base.identity.fingerprint)
  }
  public var dimension: Int { base.dimension }
  /// The dimensions of the encoder of numbers that are a multiple of 8.
  public var dimensions: [Int] { base.dimensions.filter { $0.isMultiple(of: 8) } }
  public var metric: Metric { .hamming }
  public var tokenizer: any Tokenizer { base.tokenizer }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    _ = try checked(options.dimension)
    return try base.encode(texts, options: options).binarized()
  }
}
