import MinkeCore
import MinkeModels

/// Measures whether the similarities of vectors go with those that people give (STS): Spearman's and Pearson's
/// correlation by cosine, dot product, Euclidean, Manhattan and Hamming distance.
///
/// The first sentences are the first group of texts and the second ones the second. The figures have the names that
/// sentence-transformers' `EmbeddingSimilarityEvaluator` gives them. Of vectors of numbers, Hamming compares the signs.
public struct SimilarityEvaluation: Sendable {
  /// There is nothing to choose.
  public init() {}

  /// - Throws: `MinkeError` when vectors do not fit the pairs; what the encoder throws.
  public func run(
    _ pairs: ScoredPairs, _ vectors: any TextVectors, progress: ProgressHandler? = nil
  ) throws -> TaskResult {
    let count = pairs.scores.count
    let first = try vectors.vectors(of: pairs.first, role: nil) { done, _ in progress?(done, 2 * count) }
    let second = try vectors.vectors(of: pairs.second, role: nil) { done, _ in progress?(count + done, 2 * count) }
    let similarities = try PairSimilarities(first, second)
    var metrics: [TaskResult.Metric] = []
    for (name, values) in similarities.all {
      metrics.append(TaskResult.Metric("pearson_\(name)", Correlation.pearson(values, pairs.scores)))
      metrics.append(TaskResult.Metric("spearman_\(name)", Correlation.spearman(values, pairs.scores)))
    }
    var warnings = pairs.warnings
    if metrics.contains(where: { $0.value.isNaN }) {
      warnings.append("a correlation is not defined: all scores, or all similarities, are one number")
    }
    return TaskResult(
      name: pairs.name, kind: .sts, settings: ["dimension": "\(first.dimension)"], metrics: metrics,
      mainMetric: first.packedBits == nil ? "spearman_cosine" : "spearman_hamming", warnings: warnings)
  }
}

/// How alike the vectors of each pair are, by several measures; larger is closer.
public struct PairSimilarities: Sendable {
  /// The names of the measures and their values, one a pair.
  public let all: [(name: String, values: [Double])]

  /// - Throws: `MinkeError` of kind `shapeMismatch` when the two are not as many, as long and of one kind.
  public init(_ first: Embeddings, _ second: Embeddings) throws {
    guard first.count == second.count, first.dimension == second.dimension,
      (first.floats == nil) == (second.floats == nil)
    else {
      throw MinkeError(
        .shapeMismatch, "vectors of the second texts",
        expected: "\(first.count) of \(first.dimension), of the same kind",
        found: "\(second.count) of \(second.dimension)")
    }
    let dimension = first.dimension
    if let a = first.packedBits, let b = second.packedBits {
      let width = dimension / 8
      let distances = try Workers.map(count: first.count, grain: 1024) { row in
        (row * width..<(row + 1) * width).reduce(0) { $0 + (a[$1] ^ b[$1]).nonzeroBitCount }
      }
      // Of vectors of -1 and +1 the others are the same but for their scale, and so are all correlations.
      all = [("hamming", distances.map { -Double($0) })]
      return
    }
    guard let a = first.floats, let b = second.floats else { preconditionFailure("embeddings are numbers or bits") }
    let rows = try Workers.map(count: first.count, grain: 256) { row -> SIMD8<Double> in
      var (dot, aa, bb, squares, absolute, differing) = (0.0, 0.0, 0.0, 0.0, 0.0, 0)
      for index in row * dimension..<(row + 1) * dimension {
        let (x, y) = (Double(a[index]), Double(b[index]))
        dot += x * y
        aa += x * x
        bb += y * y
        squares += (x - y) * (x - y)
        absolute += (x - y).magnitude
        if (x > 0) != (y > 0) { differing += 1 }
      }
      let lengths = aa.squareRoot() * bb.squareRoot()
      return SIMD8(lengths > 0 ? dot / lengths : 0, dot, -squares.squareRoot(), -absolute, -Double(differing), 0, 0, 0)
    }
    all = ["cosine", "dot", "euclidean", "manhattan", "hamming"].enumerated().map { place, name in
      (name, rows.map { $0[place] })
    }
  }
}
