import MinkeCore

/// How the vectors of a text's tokens become the one vector of the text, as in sentence-transformers' `Pooling`.
public struct Pooling: Sendable, Equatable {
  /// One way to pool; several together give their vectors one behind the other.
  public enum Mode: String, CaseIterable, Sendable {
    /// The first token, `[CLS]`.
    case cls
    /// The greatest number of each column.
    case max
    /// The mean over all tokens, `[CLS]` and `[SEP]` among them.
    case mean
    /// The sum over all tokens, divided by the square root of their number.
    case meanSquareRoot = "mean_sqrt_len_tokens"
    /// The mean with weight 1 for the first token, 2 for the second and so on.
    case weightedMean = "weightedmean"
    /// The last token.
    case lastToken = "lasttoken"

    /// The key that switches the mode on in configurations of sentence-transformers before version 5.
    fileprivate var legacyKey: String {
      switch self {
      case .cls: "pooling_mode_cls_token"
      case .max: "pooling_mode_max_tokens"
      case .mean: "pooling_mode_mean_tokens"
      case .meanSquareRoot: "pooling_mode_mean_sqrt_len_tokens"
      case .weightedMean: "pooling_mode_weightedmean_tokens"
      case .lastToken: "pooling_mode_lasttoken"
      }
    }
  }

  /// In the order in which their vectors stand.
  public let modes: [Mode]

  /// Whether the tokens of a prompt count like those of the text; otherwise they are left out.
  public let includesPrompt: Bool

  /// Pooling by `modes`, one vector behind the other.
  public init(_ modes: [Mode], includesPrompt: Bool = true) {
    self.modes = modes
    self.includesPrompt = includesPrompt
  }

  /// Reads the `config.json` of a `Pooling` module: the key `pooling_mode`, a name or a list of names, or the older
  /// `pooling_mode_...` switches; the mean where neither says anything.
  ///
  /// - Throws: `MinkeError` naming a mode or a key that is not known.
  init(_ reader: ConfigurationReader) throws(MinkeError) {
    let known = Mode.allCases.map(\.rawValue).joined(separator: ", ")
    try reader.requireOnly(
      Set(Mode.allCases.map(\.legacyKey)).union([
        "pooling_mode", "include_prompt", "embedding_dimension", "word_embedding_dimension",
      ]))
    let names: [JSONValue]
    switch reader["pooling_mode"] {
    case .array(let list)?: names = list
    case let name?: names = [name]
    case nil: names = []
    }
    var modes: [Mode] = []
    for name in names {
      guard let mode = name.string.flatMap(Mode.init(rawValue:)) else {
        throw MinkeError(
          .unsupportedFile, "\(reader.subject): pooling_mode", expected: "one of \(known)", found: name.text)
      }
      modes.append(mode)
    }
    if names.isEmpty {
      for mode in Mode.allCases where try reader.flag(mode.legacyKey, default: false) { modes.append(mode) }
    }
    self.init(modes.isEmpty ? [.mean] : modes, includesPrompt: try reader.flag("include_prompt", default: true))
  }

  /// Writes the vector of one text to the row `y` `[modes * width]`; `x` holds the vectors of its tokens,
  /// `[tokens, width]`, of which the first `prompt` may be a prompt's. Without tokens it is zero.
  func callAsFunction(_ x: MatrixView, prompt: Int, into y: MutableMatrixView) {
    let skipped = includesPrompt ? 0 : min(prompt, x.rows)
    let x = x.rows(skipped..<x.rows)
    let tokens = x.rows
    guard tokens > 0 else { return y.fill(0) }
    for (index, mode) in modes.enumerated() {
      let y = y.columns(index * x.columns..<(index + 1) * x.columns)
      switch mode {
      case .cls: y.copy(x.row(0))
      case .lastToken: y.copy(x.row(tokens - 1))
      case .max:
        y.copy(x.row(0))
        for token in 1..<tokens { y.takeMaximum(of: x.row(token)) }
      case .mean: sum(x, into: y, divisor: Float(tokens)) { _ in 1 }
      case .meanSquareRoot: sum(x, into: y, divisor: Float(tokens).squareRoot()) { _ in 1 }
      case .weightedMean:
        let weights = tokens * (2 * skipped + tokens + 1) / 2
        sum(x, into: y, divisor: Float(weights)) { Float(skipped + $0 + 1) }
      }
    }
  }

  private func sum(_ x: MatrixView, into y: MutableMatrixView, divisor: Float, weight: (Int) -> Float) {
    y.fill(0)
    for token in 0..<x.rows { y.add(x.row(token), times: weight(token)) }
    y.divide(by: divisor)
  }
}
