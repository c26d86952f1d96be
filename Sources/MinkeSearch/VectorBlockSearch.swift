import MinkeCore
import MinkeKernels

/// A search for the nearest vectors in blocks that come group by group; each may be forgotten after its turn.
package struct VectorBlockSearch: ~Copyable, Sendable {
  private let format: VectorBlockFormat
  private let queries: Embeddings
  private let best: BestCandidates
  private let kernels: KernelLevel

  /// A search for the `k` nearest of each of `queries`; in two stages, by their bits.
  package init(
    _ format: VectorBlockFormat, queries: Embeddings, k: Int, kernels: KernelLevel = .active
  ) throws {
    try queries.withRows { try $0.check(format.metric, "queries") }
    guard queries.dimension == format.dimension else {
      throw MinkeError(
        .shapeMismatch, "queries", expected: "\(format.dimension) dimensions", found: "\(queries.dimension)")
    }
    (self.format, self.queries, self.kernels) = (format, queries, kernels)
    best = BestCandidates(workers: Workers.count, queries: queries.count, k: max(1, k))
  }

  /// Looks at some more blocks.
  ///
  /// - Parameter lanes: of each block, what ``VectorBlock/lanes(without:)`` gave.
  /// - Throws: `CancellationError` when the calling task was cancelled.
  package func add(_ blocks: [VectorBlock], lanes: [SharedBuffer<UInt16>], among filter: IDFilter?) throws {
    guard !blocks.isEmpty else { return }
    let contents = Contents(
      format.scanned, segments: blocks.map(\.segment), count: blocks.count * format.capacity,
      segmentCapacity: format.capacity)
    let mask = try BlockMask(lanes, filter, contents)
    try VectorScan(format: format.scanned, kernels: kernels).run(
      contents, for: queries, 0..<queries.count, mask: mask, into: best)
  }

  /// The nearest of a query so far, nearest first: cosines or dot products, or differing bits.
  package func matches(of query: Int) -> [Match] {
    best.closest(query: query).map { candidate in
      // Subtracted from 0, because a distance of 0 must not be -0.
      Match(id: candidate.id, score: format.scanned.metric == .hamming ? 0 - candidate.score : candidate.score)
    }
  }
}

/// A query of a two-stage search, to score the candidates of the first stage by the rows of chunks.
package struct RowQuery: Sendable {
  private let format: VectorBlockFormat
  private let query: QuantizedQuery
  private let kernels: KernelLevel

  /// Query `index` of `queries`, which are numbers.
  package init(_ format: VectorBlockFormat, _ queries: Embeddings, _ index: Int, kernels: KernelLevel = .active) {
    precondition(format.hasRows)
    (self.format, self.kernels) = (format, kernels)
    query = QuantizedQuery(queries[index][...], metric: format.metric)
  }

  /// The score of row `row` of a chunk; nil where the chunk has no such row.
  package func score(_ row: Int, of chunk: SharedBuffer<UInt8>) -> Float? {
    withExtendedLifetime(chunk) {
      let rows = format.chunkRows(ofBytes: chunk.count)
      guard row < rows, let start = chunk.baseAddress.map({ UnsafeRawPointer($0) }) else { return nil }
      let numbers = (start + row * format.dimension).assumingMemoryBound(to: Int8.self)
      let sum = minke_scan(kernels.rawLevel).pointee.row_dot_int8(numbers, query.values, format.dimension)
      let score = Float(sum) * format.scale(of: row, in: start, rows: rows) * query.scale
      return score.isNaN ? -.infinity : score
    }
  }
}
