import MinkeCore
import MinkeModels
import MinkeText

/// A table of token vectors out of a teacher's vectors of single tokens, for a static model to begin with or to be.
///
/// Every token of the vocabulary is encoded as a text of its own; the vectors are centred and turned to their principal
/// axes, so that the first numbers say most, and weighted by `a / (a + frequency)` (Arora et al. 2017), so that frequent
/// tokens say little.
package struct TeacherTable: Sendable {
  /// `[vocabulary, dimension]`
  package let rows: [Float]
  package let dimension: Int
  /// The share of the teacher's variance that the axes kept hold.
  package let keptVariance: Double

  /// How the table is made.
  package struct Options: Sendable {
    /// Numbers of a row.
    package var dimension: Int
    /// `a` of the weights.
    package var smoothing: Double
    /// How often each token occurs, by its id; nil for Zipf's law over the order of the vocabulary's words, which is by
    /// frequency in most, as model2vec takes it.
    package var counts: [Int]?
    /// Whether the teacher reads the pieces that go on a word, such as `##ing`, as tokens; else it reads their letters.
    package var readsPieces: Bool
    /// For the numbers of a row that the teacher has none for.
    package var seed: UInt64

    package init(
      dimension: Int, smoothing: Double = 0.001, counts: [Int]? = nil, readsPieces: Bool = false, seed: UInt64 = 1
    ) {
      self.dimension = dimension
      self.smoothing = smoothing
      self.counts = counts
      self.readsPieces = readsPieces
      self.seed = seed
    }
  }

  /// - Throws: `MinkeError` when the teacher gives bits; what the teacher throws.
  package init(
    teacher: any TextEncoder, tokenizer: any Tokenizer, _ options: Options, progress: ProgressHandler? = nil
  ) throws {
    guard teacher.metric != .hamming else {
      throw MinkeError(.invalidArgument, teacher.identity.name, expected: "a teacher of numbers", found: "one of bits")
    }
    let vocabulary = tokenizer.vocabularySize
    let tokens = (0..<vocabulary).map { tokenizer.token(TokenID($0)) ?? "" }
    let texts = options.readsPieces ? tokens : tokens.map { Self.text(of: $0) }
    let vectors = try teacher.encode(texts, options: EncodingOptions(normalize: false, progress: progress))
    let known = Matrix(vectors.floats ?? [], columns: vectors.dimension)
    defer { extendLifetime(known) }
    let axes = PrincipalAxes(of: known.view.read)
    let size = min(options.dimension, vectors.dimension)
    let projected = axes.project(known.view.read, to: size)
    let total = axes.variances.reduce(0, +)
    keptVariance = total > 0 ? axes.variances.prefix(size).reduce(0, +) / total : 0
    dimension = options.dimension

    // Numbers of about 1, as the activation behind the mean wants them.
    let scale = Float(1 / max(1e-12, axes.variances.prefix(size).reduce(0, +) / Double(size)).squareRoot())
    let weights = Self.weights(options, tokens)
    var generator = SplitMix64(seed: options.seed)
    let numbers = projected.copied()
    rows = (0..<vocabulary).flatMap { token in
      (0..<options.dimension).map { column in
        // Numbers of 0 in every row would have no gradient in any.
        let number = column < size ? numbers[token * size + column] * scale : Float(0.1 * generator.normal())
        return number * weights[token]
      }
    }
  }

  /// The token as a text: without the mark of WordPiece that it goes on a word.
  static func text(of token: String) -> String { token.hasPrefix("##") ? String(token.dropFirst(2)) : token }

  /// What each token's vector is multiplied with.
  static func weights(_ options: Options, _ tokens: [String]) -> [Float] {
    var counts: [Double]
    if let given = options.counts {
      counts = tokens.indices.map { $0 < given.count ? Double(given[$0]) : 0 }
    } else {
      // The thousand places that BERT's vocabulary keeps free before its most frequent words are no ranks.
      counts = []
      var rank = 2.0
      for token in tokens {
        counts.append(isReserved(token) ? 0 : 1 / rank)
        if !isReserved(token) { rank += 1 }
      }
    }
    let total = max(counts.reduce(0, +), .leastNormalMagnitude)
    return counts.map { Float(options.smoothing / (options.smoothing + $0 / total)) }
  }

  /// Whether a token is no part of any text, such as `[unused7]` and `[CLS]`.
  private static func isReserved(_ token: String) -> Bool {
    token.utf8.count > 2 && token.hasPrefix("[") && token.hasSuffix("]")
  }
}
