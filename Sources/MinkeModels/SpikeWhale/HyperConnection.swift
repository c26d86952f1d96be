import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the two stored vectors of a hyper-connection become the weights with which a layer reads from the streams and
/// writes to them.
///
/// The published models store the vectors and not the formula. A `config.json` may state it by
/// `hyper_connection_pre` and `hyper_connection_post`; where it does not, the loader measures.
package struct HyperConnectionForm: Sendable, Equatable, CustomStringConvertible {
  /// A formula for one vector `a` of one number a stream, `n` in all.
  package enum Formula: String, CaseIterable, Sendable {
    case softmax
    /// `n * softmax(a)`, so that equal numbers make weights of 1.
    case scaledSoftmax = "scaled_softmax"
    /// `a` itself.
    case raw
    case sigmoid
    /// `2 * sigmoid(a)`, so that 0 makes a weight of 1.
    case doubleSigmoid = "double_sigmoid"
    /// The row of `a` in `exp([pre; post])` after its rows and columns were scaled in turn to sums of 1 (Sinkhorn and
    /// Knopp 1967).
    case sinkhorn
  }

  /// For reading.
  package let pre: Formula
  /// For writing.
  package let post: Formula

  package init(pre: Formula, post: Formula) {
    self.pre = pre
    self.post = post
  }

  /// The likeliest form: a weighted mean of the streams is read, and on average the whole result is written.
  package static let likeliest = HyperConnectionForm(pre: .softmax, post: .scaledSoftmax)

  /// Every form worth trying, the likeliest first.
  package static let candidates: [HyperConnectionForm] = {
    let separate = Formula.allCases.filter { $0 != .sinkhorn }
    let pairs = separate.flatMap { pre in separate.map { HyperConnectionForm(pre: pre, post: $0) } }
    return [likeliest] + pairs.filter { $0 != likeliest } + [HyperConnectionForm(pre: .sinkhorn, post: .sinkhorn)]
  }()

  package var description: String { "\(pre.rawValue) to read, \(post.rawValue) to write" }

  /// The form that a configuration states; nil where it is silent.
  init?(stated reader: ConfigurationReader) throws(MinkeError) {
    let pre = try reader.choice("hyper_connection_pre", Formula.self)
    let post = try reader.choice("hyper_connection_post", Formula.self)
    if pre == nil, post == nil { return nil }
    guard let pre, let post else {
      throw MinkeError(
        .malformedFile, reader.subject, expected: "both hyper_connection_pre and hyper_connection_post or neither",
        found: pre == nil ? "only the latter" : "only the former")
    }
    self.init(pre: pre, post: post)
  }
}

/// The connection of one layer to the streams: `h = sum of read_i X_i` goes in, `X_i += write_i out` comes back.
package struct HyperConnection: Sendable {
  let read: [Float]
  let write: [Float]

  /// A model without hyper-connections: one stream, read and written as it is.
  static let residual = HyperConnection(read: [1], write: [1])

  init(read: [Float], write: [Float]) {
    self.read = read
    self.write = write
  }

  /// The connection that the stored vectors `pre` and `post` mean in `form`.
  init(pre: [Float], post: [Float], form: HyperConnectionForm, configuration: SpikeWhaleConfiguration) {
    read = Self.weights(form.pre, of: pre, with: (pre, post), row: 0, configuration)
    write = Self.weights(form.post, of: post, with: (pre, post), row: 1, configuration)
  }

  private static func weights(
    _ formula: HyperConnectionForm.Formula, of values: [Float], with pair: ([Float], [Float]), row: Int,
    _ configuration: SpikeWhaleConfiguration
  ) -> [Float] {
    switch formula {
    case .softmax: softmax(values)
    case .scaledSoftmax: softmax(values).map { $0 * Float(values.count) }
    case .raw: values
    case .sigmoid: values.map { 1 / (1 + exp(-$0)) }
    case .doubleSigmoid: values.map { 2 / (1 + exp(-$0)) }
    case .sinkhorn:
      sinkhorn(pair, iterations: configuration.sinkhornIterations, epsilon: configuration.sinkhornEpsilon)[row]
    }
  }

  /// `exp(values)`, divided by their sum.
  package static func softmax(_ values: [Float]) -> [Float] {
    let largest = values.max() ?? 0
    let powers = values.map { exp($0 - largest) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
  }

  private static func sinkhorn(_ rows: ([Float], [Float]), iterations: Int, epsilon: Float) -> [[Float]] {
    var matrix = [rows.0.map { exp($0) }, rows.1.map { exp($0) }]
    for _ in 0..<iterations {
      for row in matrix.indices {
        let total = matrix[row].reduce(0, +) + epsilon
        for column in matrix[row].indices { matrix[row][column] /= total }
      }
      for column in matrix[0].indices {
        let total = matrix[0][column] + matrix[1][column] + epsilon
        for row in matrix.indices { matrix[row][column] /= total }
      }
    }
    return matrix
  }

  /// `h = sum of read_i X_i`: `streams` `[n, hidden]`, `h` one row.
  func read(_ streams: MatrixView, into h: MutableMatrixView) { Self.mix(streams, read, into: h) }

  /// `h = sum of weights_i X_i`.
  static func mix(_ streams: MatrixView, _ weights: [Float], into h: MutableMatrixView) {
    for (index, weight) in weights.enumerated() {
      if index == 0 {
        h.set(streams.row(0), times: weight)
      } else {
        h.add(streams.row(index), times: weight)
      }
    }
  }

  /// `X_i += write_i out`.
  func write(_ out: MatrixView, to streams: MutableMatrixView) {
    for (index, weight) in write.enumerated() { streams.row(index).add(out, times: weight) }
  }
}
