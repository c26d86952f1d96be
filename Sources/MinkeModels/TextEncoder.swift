import MinkeCore
import MinkeText

/// A model that turns texts into vectors.
public protocol TextEncoder: Sendable {
  /// Which model this is: what a stored collection remembers, so that vectors of two models never mix.
  var identity: ModelIdentity { get }

  /// Numbers, or bits, of a whole vector.
  var dimension: Int { get }

  /// The dimensions a vector may be cut to, largest first; the first is ``dimension`` (Matryoshka sizes).
  var dimensions: [Int] { get }

  /// How the vectors are meant to be compared: `.cosine` for numbers, `.hamming` for bits.
  var metric: Metric { get }

  var tokenizer: any Tokenizer { get }

  /// Turns each text into a vector, on all cores.
  ///
  /// - Returns: `[texts.count, options.dimension ?? dimension]`, in the order of `texts`.
  /// - Throws: ``MinkeError`` when the dimension is not one of ``dimensions`` or a weight is not finite;
  ///   `CancellationError` when the calling task is cancelled.
  func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings
}

/// How texts are to be encoded.
public struct EncodingOptions: Sendable {
  /// How many leading numbers of each vector to keep, one of the encoder's `dimensions`; nil keeps all.
  public var dimension: Int?
  /// Whether vectors of numbers are scaled to length 1 (after the cut). A vector of bits has no length.
  public var normalize: Bool
  /// Hears how many texts are done.
  public var progress: ProgressHandler?

  public init(dimension: Int? = nil, normalize: Bool = true, progress: ProgressHandler? = nil) {
    self.dimension = dimension
    self.normalize = normalize
    self.progress = progress
  }
}

extension TextEncoder {
  /// Turns each text into a vector of length 1, or the first `dimension` numbers of it.
  public func encode(_ texts: [String], dimension: Int? = nil) throws -> Embeddings {
    try encode(texts, options: EncodingOptions(dimension: dimension))
  }

  /// The dimension asked for, checked.
  ///
  /// - Throws: ``MinkeError`` of kind `invalidArgument` listing the dimensions there are.
  func checked(_ dimension: Int?) throws(MinkeError) -> Int {
    guard let dimension else { return self.dimension }
    guard dimensions.contains(dimension) else {
      let choices = dimensions.map(String.init).joined(separator: ", ")
      throw MinkeError(
        .invalidArgument, "dimension", expected: "one of \(choices) for \(identity.name)", found: "\(dimension)")
    }
    return dimension
  }
}
