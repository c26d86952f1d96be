import MinkeCore
import MinkeText

/// A model that turns texts into vectors.
public protocol TextEncoder: LoadedModel {
  /// Numbers, or bits, of a whole vector.
  var dimension: Int { get }

  /// The dimensions a vector may be cut to, largest first; the first is ``dimension`` (Matryoshka sizes).
  var dimensions: [Int] { get }

  /// How the vectors are meant to be compared: `.cosine` for numbers, `.hamming` for bits.
  var metric: Metric { get }

  /// How a text becomes the token ids that are read: prompt, tokenizer, cut, special tokens.
  var tokenization: TextTokenization { get }

  /// Turns each text into a vector, on all cores.
  ///
  /// - Returns: `[texts.count, options.dimension ?? dimension]`, in the order of `texts`.
  /// - Throws: `MinkeError` when the dimension is not one of ``dimensions``, the form is not one the encoder gives or
  ///   a weight is not finite; `CancellationError` when the calling task is cancelled.
  func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings
}

/// What a text is in a search: models trained with prompts put another one before each.
public enum TextRole: String, CaseIterable, Codable, Sendable {
  /// What is looked for.
  case query
  /// What is found.
  case document
}

/// What an encoder gives for a text.
public enum VectorForm: String, CaseIterable, Sendable {
  /// The encoder's own vectors: numbers, or packed bits.
  case vectors
  /// Of a binary encoder, the numbers whose signs are the bits.
  case logits
  /// Of a binary encoder, the bits as numbers -1 and +1.
  case signs
}

/// How texts are to be encoded.
public struct EncodingOptions: Sendable {
  /// How many leading numbers of each vector to keep, one of the encoder's `dimensions`; nil keeps all.
  public var dimension: Int?
  /// Whether vectors of numbers are scaled to length 1 (after the cut). Without, they have the length that the model
  /// gives them, which is 1 where normalizing is a part of it. A vector of bits has no length.
  public var normalize: Bool
  /// What the texts are, for models with prompts; nil for the model's default prompt, which most have none of.
  public var role: TextRole?
  /// What is given for each text.
  public var form: VectorForm
  /// Hears how many texts are done.
  public var progress: ProgressHandler?

  /// Options that differ from the default where they are given.
  public init(
    dimension: Int? = nil, normalize: Bool = true, role: TextRole? = nil, form: VectorForm = .vectors,
    progress: ProgressHandler? = nil
  ) {
    self.dimension = dimension
    self.normalize = normalize
    self.role = role
    self.form = form
    self.progress = progress
  }
}

extension TextEncoder {
  /// The tokenizer of ``tokenization``.
  public var tokenizer: any Tokenizer { tokenization.tokenizer }

  /// Turns each text into a vector of length 1, or the first `dimension` numbers of it.
  ///
  /// - Throws: as ``encode(_:options:)``.
  public func encode(_ texts: [String], dimension: Int? = nil, role: TextRole? = nil) throws -> Embeddings {
    try encode(texts, options: EncodingOptions(dimension: dimension, role: role))
  }

  /// The dimension that `options` ask for, checked with the form.
  ///
  /// - Throws: `MinkeError` of kind `invalidArgument` listing the dimensions there are, or saying what the form needs.
  func checked(_ options: EncodingOptions) throws(MinkeError) -> Int {
    guard options.form == .vectors || metric == .hamming else {
      throw MinkeError(
        .invalidArgument, options.form.rawValue, expected: "a binary encoder", found: "\(identity.name), one of numbers"
      )
    }
    guard let dimension = options.dimension else { return dimension }
    guard dimensions.contains(dimension) else {
      let choices = dimensions.map(String.init).joined(separator: ", ")
      throw MinkeError(
        .invalidArgument, "dimension", expected: "one of \(choices) for \(identity.name)", found: "\(dimension)")
    }
    return dimension
  }
}
