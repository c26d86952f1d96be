import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeModels
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// SSE being taught: the mean of a text's rows of a token table, and the separable dynamic tanh after it.
package final class StaticTrainee: EncoderTrainee {
  package let tokenization: TextTokenization
  package let dimensions: [Int]
  private let tokenizerURL: URL
  private let table, alpha, beta, bias: Parameter
  private let precision: Precision
  private let rounding: NibbleRounding?

  package var parameters: [Parameter] { [table, alpha, beta, bias] }

  /// The sizes below the whole dimension that SSE is trained at.
  package static func sizes(of dimension: Int) -> [Int] {
    [dimension] + [512, 256, 128, 64, 32].filter { $0 < dimension }
  }

  /// Goes on with an SSE model; one in 4 bits is trained in its float form, which holds the same numbers.
  ///
  /// - Parameter precision: how the table is written; in 4 bits it is also read so in every step.
  /// - Throws: `MinkeError` when the model is of another kind.
  package convenience init(from encoder: any TextEncoder, precision: Precision = .float32) throws {
    guard let encoder = encoder as? StaticEncoder, let files = encoder.files else {
      throw MinkeError(
        .unsupportedFile, encoder.identity.name, expected: "an SSE model to go on training",
        found: encoder.facts.first?.value ?? "another encoder")
    }
    self.init(
      tokenization: encoder.tokenization, tokenizerURL: files.tokenizerURL,
      table: (0..<files.table.rows).flatMap { files.table.row($0) }, alpha: files.activation.alpha.copied(),
      beta: files.activation.beta.copied(), bias: files.activation.bias.copied(), precision: precision)
  }

  /// Begins with `table` `[vocabulary, dimension]` and the activation as SSE's author starts it: alpha 0.5, beta 1,
  /// bias 0.
  package convenience init(
    tokenization: TextTokenization, tokenizerURL: URL, table: [Float], dimension: Int, precision: Precision = .float32
  ) {
    self.init(
      tokenization: tokenization, tokenizerURL: tokenizerURL, table: table,
      alpha: [Float](repeating: 0.5, count: dimension), beta: [Float](repeating: 1, count: dimension),
      bias: [Float](repeating: 0, count: dimension), precision: precision)
  }

  /// Begins with the numbers given.
  package init(
    tokenization: TextTokenization, tokenizerURL: URL, table: [Float], alpha: [Float], beta: [Float], bias: [Float],
    precision: Precision = .float32
  ) {
    let dimension = alpha.count
    self.tokenization = tokenization
    self.tokenizerURL = tokenizerURL
    dimensions = Self.sizes(of: dimension)
    self.table = Parameter(
      "embedding.weight", shape: [table.count / dimension, dimension], table, .init(decays: false, isTable: true))
    func row(_ name: String, _ numbers: [Float]) -> Parameter {
      Parameter(name, shape: [dimension], numbers, .init(decays: false))
    }
    self.alpha = row("dyt.alpha", alpha)
    self.beta = row("dyt.beta", beta)
    self.bias = row("dyt.bias", bias)
    self.precision = precision
    rounding = precision == .fourBit ? NibbleRounding(rows: self.table.rows, columns: dimension) : nil
  }

  /// Begins with numbers of a normal distribution, mean 0 and deviation 1, as SSE's author does.
  package convenience init(
    tokenization: TextTokenization, tokenizerURL: URL, dimension: Int, seed: UInt64, precision: Precision = .float32
  ) {
    var generator = SplitMix64(seed: seed)
    let count = tokenization.tokenizer.vocabularySize * dimension
    self.init(
      tokenization: tokenization, tokenizerURL: tokenizerURL, table: (0..<count).map { _ in Float(generator.normal()) },
      dimension: dimension, precision: precision)
  }

  package func encode(_ batch: TokenBatch, on tape: Tape) -> Variable {
    tape.dynamicTanh(tape.bagMean(table, batch, rounding: rounding), alpha: alpha, beta: beta, bias: bias)
  }

  package func write(to draft: URL) throws {
    let floats = SharedBuffer(table.copied())
    let rows: EmbeddingTable =
      precision == .fourBit
      ? .fourBit(try FourBitTable.quantize(floats.pointer, rows: table.rows, columns: table.columns, scale: .nearest))
      : .float32(floats, columns: table.columns)
    let files = SSEFiles(
      table: rows,
      activation: SeparableDynamicTanh(alpha: alpha.copied(), beta: beta.copied(), bias: bias.copied()),
      prompts: tokenization.prompts, tokenizerURL: tokenizerURL)
    try files.write(precision, to: draft)
  }
}
