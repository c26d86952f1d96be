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
    /// How often each token occurs, by its id; nil for Zipf's law over the order of the vocabulary, which is by frequency
    /// in most, as model2vec takes it.
    package var counts: [Int]?
    /// For the numbers of a row that the teacher has none for.
    package var seed: UInt64

    package init(dimension: Int, smoothing: Double = 0.001, counts: [Int]? = nil, seed: UInt64 = 1) {
      self.dimension = dimension
      self.smoothing = smoothing
      self.counts = counts
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
    let texts = (0..<vocabulary).map { Self.text(of: tokenizer.token(TokenID($0)) ?? "") }
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
    let weights = Self.weights(options, vocabulary: vocabulary)
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

  private static func weights(_ options: Options, vocabulary: Int) -> [Float] {
    let counts: [Double] =
      if let counts = options.counts {
        (0..<vocabulary).map { $0 < counts.count ? Double(counts[$0]) : 0 }
      } else {
        (0..<vocabulary).map { 1 / Double($0 + 2) }
      }
    let total = max(counts.reduce(0, +), .leastNormalMagnitude)
    return counts.map { Float(options.smoothing / (options.smoothing + $0 / total)) }
  }
}
