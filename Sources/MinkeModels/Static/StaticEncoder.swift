import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

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

  /// Which published system the model is of.
  public let kind: Kind
  public let identity: ModelIdentity
  public let metric = Metric.cosine
  public let tokenization: TextTokenization
  public let dimension: Int

  /// The whole dimension and the Matryoshka sizes 1024 to 32 below it.
  public var dimensions: [Int] { [dimension] + [1024, 512, 256, 128, 64, 32].filter { $0 < dimension } }

  /// Rows of the token table.
  public var rowCount: Int { table.rows }
  /// Bytes of the token table.
  public var byteCount: Int { table.byteCount }

  /// The folder in error texts.
  let path: String
  /// The file of the tokenizer; nil for a tokenizer that was given.
  let tokenizerURL: URL?
  let table: EmbeddingTable
  private let rowSum: EmbeddingTable.RowSum
  let activation: SeparableDynamicTanh?
  /// The weight of each token (model2vec).
  let tokenWeights: SharedBuffer<Float>?
  /// The row of each token (model2vec); nil where token and row are one number.
  let rowOfToken: [TokenID]?
  /// What `modules.json` lists behind the embedding.
  let modules: [SentenceModule]
  let level: KernelLevel
  private let kernels: VectorKernels

  /// The encoder of what was read from the files.
  init(_ parts: Parts, kernels level: KernelLevel) {
    kind = parts.kind
    identity = parts.identity
    path = parts.path
    tokenizerURL = parts.tokenizerURL
    tokenization = parts.tokenization
    table = parts.table
    rowSum = table.rowSum(kernels: level)
    activation = parts.activation
    tokenWeights = parts.tokenWeights
    rowOfToken = parts.rowOfToken
    modules = parts.modules
    dimension = modules.reduce(parts.table.columns) { $1.width(after: $0) }
    self.level = level
    kernels = VectorKernels(level)
  }

  public var facts: [ModelFact] {
    var facts = [
      ModelFact("kind", kind.rawValue),
      ModelFact("token table", "\(rowCount) x \(table.columns), \(byteCount) bytes"),
    ]
    if !modules.isEmpty { facts.append(ModelFact("modules", modules.map(\.name).joined(separator: ", "))) }
    return facts
  }

  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    let prompt = tokenization.prompts.text(for: options.role)
    return try vectors(texts.count, options) { index, ids in
      tokenization.append(texts[index], prompt: prompt, into: &ids)
    }
  }

  package func takesTokenIDs(_ options: EncodingOptions) -> Bool {
    tokenization.prompts.text(for: options.role).isEmpty && tokenization.characterLimit == nil
  }

  package func encode(
    count: Int, options: EncodingOptions, appendIDs: @Sendable (_ text: Int, _ ids: inout [TokenID]) -> Void
  ) throws -> Embeddings {
    precondition(takesTokenIDs(options))
    return try vectors(count, options) { index, ids in
      appendIDs(index, &ids)
      if let omitted = tokenization.omittedToken { ids.removeAll { $0 == omitted } }
    }
  }

  /// The vectors of `count` texts, whose ids `append` puts into an empty array.
  private func vectors(
    _ count: Int, _ options: EncodingOptions, append: @Sendable (_ text: Int, _ ids: inout [TokenID]) -> Void
  ) throws -> Embeddings {
    let width = try checked(options)
    // Where the vectors are scaled to length 1 in the end, doing so before changes nothing.
    let modules = options.normalize && modules.allSatisfy(\.isNormalize) ? [] : modules
    if modules.isEmpty {
      let floats = try [Float](unsafeUninitializedCapacity: count * width) { rows, filled in
        HugePages.advise(UnsafeMutableRawBufferPointer(rows))
        if let rows = rows.baseAddress {
          let vectors = MutableMatrixView(rows, rows: count, columns: width)
          try pool(count, into: vectors, normalize: options.normalize, options.progress, append)
        }
        filled = count * width
      }
      return try Embeddings(floats: floats, dimension: width)
    }
    var vectors = Matrix(rows: count, columns: table.columns)
    try pool(count, into: vectors.view, normalize: false, options.progress, append)
    for module in modules { vectors = module(vectors, kernels: level) }
    let whole = try Embeddings(floats: vectors.copied(), dimension: dimension)
    let cut = width == dimension ? whole : try whole.truncated(to: width)
    return options.normalize ? try cut.normalized() : cut
  }

  /// Writes the first numbers of the vectors of `count` texts, before ``modules``, to the rows of `vectors`.
  private func pool(
    _ count: Int, into vectors: MutableMatrixView, normalize: Bool, _ progress: ProgressHandler?,
    _ append: @Sendable (_ text: Int, _ ids: inout [TokenID]) -> Void
  ) throws {
    let meter = ProgressMeter(total: count, handler: progress)
    // SAFETY: every piece writes the rows of its own texts only.
    try Workers.forEachPiece(of: count, grain: 64) { piece, _ in
      var scratch = Scratch()
      for index in piece {
        scratch.ids.removeAll(keepingCapacity: true)
        append(index, &scratch.ids)
        try pool(into: vectors.row(index), normalize: normalize, &scratch)
      }
      meter.advance(by: piece.count)
    }
  }

  /// Memory that the texts of one piece use in turn.
  private struct Scratch {
    var ids: [TokenID] = []
    var weights: [Float] = []
  }

  /// Writes the first numbers of the vector of the ids in `scratch` to `row`.
  private func pool(into row: MutableMatrixView, normalize: Bool, _ scratch: inout Scratch) throws {
    // In model2vec the weights go by token and the rows by mapping, so the weights are gathered first.
    if let tokenWeights { scratch.weights = scratch.ids.map { tokenWeights.pointer[Int($0)] } }
    if let rowOfToken { for index in scratch.ids.indices { scratch.ids[index] = rowOfToken[Int(scratch.ids[index])] } }

    rowSum(scratch.ids, weights: tokenWeights == nil ? nil : scratch.weights, into: row)
    // Once infinity has gone through the tanh it looks like any other number, so it is caught before.
    if !kernels.sumOfSquares(row.read).isFinite { try throwIfNotFinite(scratch.ids) }
    if !scratch.ids.isEmpty { kernels.scale(row, by: 1 / Float(scratch.ids.count)) }
    activation?(row, kernels: level)
    if normalize { kernels.normalize(row) }
  }

  /// Names the first row in `ids` that holds NaN or infinity.
  private func throwIfNotFinite(_ ids: [TokenID]) throws(MinkeError) {
    for id in ids {
      guard let value = table.row(Int(id)).first(where: { !$0.isFinite }) else { continue }
      throw MinkeError(
        .notFinite, "\(path): token table, row \(id)", expected: "finite numbers", found: "\(value)")
    }
  }
}
