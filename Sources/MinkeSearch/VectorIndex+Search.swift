import MinkeCore
import MinkeKernels

extension VectorIndex {
  /// Finds the `k` nearest vectors of each query, on all cores; none in an empty index.
  ///
  /// The result does not depend on the number of threads, nor on which queries are searched for together. The time is
  /// that of one pass over the index for every 16 queries or so; a single query takes as long as its reading.
  /// - Parameters:
  ///   - queries: vectors of the index's kind and dimension.
  ///   - k: how many neighbors; an index with fewer vectors gives all it has.
  ///   - filter: which vectors may be found; nil for all. The `k` nearest among them are found, in every storage. Blocks
  ///     of 16 vectors without any of them are not looked at; asking for each id takes a nanosecond or so a vector.
  /// - Throws: `MinkeError` when the queries are of another kind or dimension, hold NaN or infinity or are too long
  ///   (see ``add(_:ids:)``), or when `k` is below 1; `CancellationError` when the calling task was cancelled.
  public func search(_ queries: Embeddings, k: Int, among filter: IDFilter? = nil) throws -> Neighbors {
    try queries.withRows { rows in
      try checkKind(rows, "queries")
      try rows.check(metric, "queries")
    }
    guard k > 0 else { throw MinkeError(.invalidArgument, "k", expected: "1 or more", found: "\(k)") }
    let contents = snapshot()
    guard let filter else { return try search(contents, for: queries, k: k, choices: contents.count) }
    let mask = try BlockMask(filter, contents)
    return try search(contents, for: queries, k: k, choices: mask.count, mask: mask)
  }

  /// Finds the `k` nearest among `choices` vectors of `contents`: those that `mask` lets through.
  private func search(
    _ contents: Contents, for queries: Embeddings, k: Int, choices: Int, mask: BlockMask? = nil
  ) throws -> Neighbors {
    let width = min(k, choices)
    guard width > 0 else { return Neighbors(count: queries.count, k: 0, ids: [], scores: []) }
    var candidates = width
    if case .twoStage(_, let oversampling) = storage {
      let (wanted, overflow) = width.multipliedReportingOverflow(by: oversampling)
      candidates = overflow ? choices : min(wanted, choices)
    }
    var ids: [Int64] = []
    var scores: [Float] = []
    ids.reserveCapacity(queries.count * width)
    scores.reserveCapacity(queries.count * width)
    // Many queries are searched for in turns, so that the candidates of a worker stay within 4 MiB where they can.
    let fitting = max(1, (1 << 18) / candidates)
    let turn = fitting < QueryTiles.width ? fitting : fitting / QueryTiles.width * QueryTiles.width
    for start in stride(from: 0, to: queries.count, by: turn) {
      let range = start..<min(queries.count, start + turn)
      let best = BestCandidates(workers: Workers.count, queries: range.count, k: candidates)
      try VectorScan(format: format, kernels: kernels).run(contents, for: queries, range, mask: mask, into: best)
      let found = AlignedBuffer<Candidate>(uninitialized: range.count * width)
      try Workers.forEachPiece(of: range.count, grain: format.rescored == nil ? 64 : 1) { piece, _ in
        for query in piece {
          var closest = best.closest(query: query)
          if format.rescored != nil { rescore(&closest, in: contents, for: queries, range.lowerBound + query) }
          for rank in 0..<width { found.baseAddress[query * width + rank] = closest[rank] }
        }
      }
      ids += found.pointer.lazy.map(\.id)
      scores += found.pointer.lazy.map { self.printable($0.score) }
    }
    return Neighbors(count: queries.count, k: width, ids: ids, scores: scores)
  }

  /// The score that a user sees: a distance is not negated, and a number is finite, whatever a damaged file may hold.
  private func printable(_ score: Float) -> Float {
    // Subtracted from 0, because a distance of 0 must not be -0.
    if metric == .hamming { return 0 - score }
    return max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, score))
  }

  /// Replaces the Hamming distances of candidates by scores of the numbers, and puts them in order again.
  private func rescore(
    _ candidates: inout [Candidate], in contents: Contents, for queries: Embeddings, _ index: Int
  ) {
    guard case .float32(let floats) = queries.values else { return }
    let scan = minke_scan(kernels.rawLevel).pointee
    let query = floats[index * dimension..<(index + 1) * dimension]
    switch format.rescored {
    case .float32:
      query.withUnsafeBufferPointer { vector in
        let factor = metric == .cosine ? VectorFormat.inverseLength(vector) : 1
        let scaled = vector.map { VectorFormat.scaled($0, factor) }
        for place in candidates.indices {
          let (segment, position) = contents.place(of: Int(candidates[place].position))
          candidates[place].score = scan.row_dot(
            segment.row(position).assumingMemoryBound(to: Float.self), scaled, dimension)
        }
      }
    case .int8:
      let quantized = QuantizedQuery(query, metric: metric)
      for place in candidates.indices {
        let (segment, position) = contents.place(of: Int(candidates[place].position))
        let sum = scan.row_dot_int8(
          segment.row(position).assumingMemoryBound(to: Int8.self), quantized.values, dimension)
        candidates[place].score = Float(sum) * segment.scales[position] * quantized.scale
      }
    case .bits, nil: break
    }
    for place in candidates.indices where candidates[place].score.isNaN { candidates[place].score = -.infinity }
    candidates.sort { $0.isCloser(than: $1) }
  }
}
