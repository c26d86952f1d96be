import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeText

/// A static embedding: the mean of a text's token rows and, in SSE, a separable dynamic tanh after it.
///
/// Runs Stable Static Embedding in float and in 4 bits, sentence-transformers' `StaticEmbedding` and model2vec; see
/// ``Kind`` for what differs. A text without any token becomes the mean 0. Sources: the SSE model cards; the
/// packages sentence-transformers and model2vec.
public final class StaticEncoder: TokenIDEncoder {
  /// Which published system the files are of.
  public enum Kind: String, Sendable {
    /// Stable Static Embedding: no truncation, dynamic tanh.
    case sse = "SSE"
    /// The same with its table in 4 bits.
    case sseFourBit = "SSE 4-bit"
    /// sentence-transformers' `StaticEmbedding`: the mean alone, truncated as its tokenizer.json says.
    case sentenceTransformers = "sentence-transformers StaticEmbedding"
    /// model2vec: unknown tokens left out, weights and a mapping of tokens to rows where the file has them, cut at the
    /// `max_length` of its configuration (512 tokens where that is silent).
    case model2vec = "model2vec"
  }

  public let kind: Kind
  public let identity: ModelIdentity
  public let metric = Metric.cosine
  public var tokenizer: any Tokenizer { wordPiece }

  public var dimension: Int { table.columns }

  /// The whole dimension and the Matryoshka sizes 1024 to 32 below it.
  public var dimensions: [Int] { [dimension] + [1024, 512, 256, 128, 64, 32].filter { $0 < dimension } }

  /// Rows of the token table.
  public var rowCount: Int { table.rows }
  /// Bytes of the token table.
  public var byteCount: Int { table.byteCount }

  let folder: ModelFolder
  let wordPiece: WordPieceTokenizer
  let table: TokenTable
  private let rowSum: TokenTable.RowSum
  let activation: SeparableDynamicTanh?
  /// The weight of each token (model2vec).
  let tokenWeights: SharedBuffer<Float>?
  /// The row of each token (model2vec); nil where token and row are one number.
  let rowOfToken: [TokenID]?
  /// The token left out (model2vec).
  let omittedToken: TokenID?
  let kernels: minke_pooling_kernels

  init(
    kind: Kind, identity: ModelIdentity, folder: ModelFolder, wordPiece: WordPieceTokenizer, table: TokenTable,
    activation: SeparableDynamicTanh? = nil, tokenWeights: SharedBuffer<Float>? = nil, rowOfToken: [TokenID]? = nil,
    omittedToken: TokenID? = nil, kernels level: KernelLevel
  ) {
    self.kind = kind
    self.identity = identity
    self.folder = folder
    self.wordPiece = wordPiece
    self.table = table
    rowSum = table.rowSum
    self.activation = activation
    self.tokenWeights = tokenWeights
    self.rowOfToken = rowOfToken
    self.omittedToken = omittedToken
    kernels = minke_pooling(level.rawLevel).pointee
  }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    try encode(count: texts.count, options: options) { index, ids in
      var text = texts[index]
      text.withUTF8 { wordPiece.encode($0, addingSpecialTokens: false, into: &ids) }
    }
  }

  package func takesTokenIDs(_ options: EncodingOptions) -> Bool { true }

  package func encode(
    count: Int, options: EncodingOptions, appendIDs: @Sendable (_ text: Int, _ ids: inout [TokenID]) -> Void
  ) throws -> Embeddings {
    let width = try checked(options.dimension)
    let meter = ProgressMeter(total: count, handler: options.progress)
    let floats = try [Float](unsafeUninitializedCapacity: count * width) { rows, filled in
      nonisolated(unsafe) let rows = rows
      // SAFETY: every piece writes the rows of its own texts only.
      try Workers.forEachPiece(of: count, grain: 64) { piece, _ in
        var scratch = Scratch()
        for index in piece {
          guard let row = rows.baseAddress else { return }
          scratch.ids.removeAll(keepingCapacity: true)
          appendIDs(index, &scratch.ids)
          try pool(into: row + index * width, width: width, normalize: options.normalize, &scratch)
        }
        meter.advance(by: piece.count)
      }
      filled = count * width
    }
    return try Embeddings(floats: floats, dimension: width)
  }

  /// Memory that the texts of one piece use in turn.
  private struct Scratch {
    var ids: [TokenID] = []
    var weights: [Float] = []
  }

  /// Writes the first `width` numbers of the vector of the ids in `scratch` to `row`.
  private func pool(
    into row: UnsafeMutablePointer<Float>, width: Int, normalize: Bool, _ scratch: inout Scratch
  ) throws {
    if let omittedToken { scratch.ids.removeAll { $0 == omittedToken } }
    // In model2vec the weights go by token and the rows by mapping, so the weights are gathered first.
    if let tokenWeights { scratch.weights = scratch.ids.map { tokenWeights[Int($0)] } }
    if let rowOfToken { for index in scratch.ids.indices { scratch.ids[index] = rowOfToken[Int(scratch.ids[index])] } }

    rowSum(
      scratch.ids, weights: tokenWeights == nil ? nil : scratch.weights, columns: width, into: row, kernels: kernels)
    // Once infinity has gone through the tanh it looks like any other number, so it is caught before.
    if !kernels.sum_of_squares(row, width).isFinite { try throwIfNotFinite(scratch.ids) }
    if !scratch.ids.isEmpty { kernels.scale(row, 1 / Float(scratch.ids.count), width) }
    activation?.apply(to: row, count: width, kernels: kernels)
    if normalize {
      let length = kernels.sum_of_squares(row, width).squareRoot()
      if length > 0 { kernels.scale(row, 1 / length, width) }
    }
  }

  /// Names the first row in `ids` that holds NaN or infinity.
  private func throwIfNotFinite(_ ids: [TokenID]) throws(MinkeError) {
    for id in ids {
      guard let value = table.row(Int(id)).first(where: { !$0.isFinite }) else { continue }
      throw MinkeError(
        .notFinite, "\(folder.url.relativePath): token table, row \(id)", expected: "finite numbers", found: "\(value)")
    }
  }
}
