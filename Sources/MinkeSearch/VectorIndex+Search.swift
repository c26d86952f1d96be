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
      let best = try scan(contents, for: queries, range, k: candidates, mask: mask)
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

  /// Scores the vectors that `mask` lets through, or all, against every query of `range`.
  private func scan(
    _ contents: Contents, for queries: Embeddings, _ range: Range<Int>, k: Int, mask: BlockMask?
  ) throws -> BestCandidates {
    let tiles = QueryTiles(queries, range, format: format)
    let workers = Workers.count
    let best = BestCandidates(workers: workers, queries: range.count, k: k)
    let lanes = VectorFormat.blockVectors
    // Blocks that a tile is scored against at once: their scores stay in the first-level cache, and with several tiles
    // the blocks themselves in the second-level one.
    let step = tiles.tiles > 1 ? QueryTiles.width : QueryTiles.width * QueryTiles.width / tiles.width(of: 0)
    let stepVectors = step * lanes
    let scratch = QueryTiles.width * QueryTiles.width * lanes
    let scores = AlignedBuffer<Float>(uninitialized: workers * scratch)
    let hits = AlignedBuffer<UInt32>(uninitialized: workers * stepVectors)
    let blocks = (contents.count + lanes - 1) / lanes
    let segmentBlocks = contents.segmentCapacity / lanes
    // A piece is about 2 MiB of blocks, less when there are very many queries: a matter of size alone.
    let grain = max(step, min((2 << 20) / format.blockBytes, 65_536 / tiles.tiles) / step * step)

    try Workers.forEachPiece(of: blocks, grain: grain, workers: workers) { piece, worker in
      let scan = minke_scan(kernels.rawLevel).pointee
      let scores = scores.baseAddress + worker * scratch
      let hits = hits.baseAddress + worker * stepVectors
      var block = piece.lowerBound
      while block < piece.upperBound {
        let segment = contents.segments[block / segmentBlocks]
        let first = block % segmentBlocks
        let count = mask.run(from: block, atMost: min(step, piece.upperBound - block, segmentBlocks - first))
        if count == 0 {
          block += 1
          continue
        }
        for tile in 0..<tiles.tiles {
          score(segment, first, count, tiles, tile, with: scan, into: scores, stride: stepVectors)
          for query in tile * QueryTiles.width..<min(tiles.count, (tile + 1) * QueryTiles.width) {
            let found = scan.select(
              scores + query % QueryTiles.width * stepVectors, count * lanes,
              best.threshold(worker: worker, query: query), hits)
            for hit in 0..<found {
              let position = block * lanes + Int(hits[hit])
              // The last block may be filled only in part.
              if position >= contents.count { break }
              if mask.leavesOut(position) { continue }
              let score = scores[query % QueryTiles.width * stepVectors + Int(hits[hit])]
              best.insert(
                Candidate(
                  // A damaged file may hold anything; what is not a number is not closer than anything.
                  score: score.isNaN ? -.infinity : score, position: UInt32(truncatingIfNeeded: position),
                  id: segment.ids[first * lanes + Int(hits[hit])]),
                worker: worker, query: query)
            }
          }
        }
        block += count
      }
    }
    return best
  }

  @inline(__always)
  private func score(
    _ segment: Segment, _ first: Int, _ count: Int, _ tiles: borrowing QueryTiles, _ tile: Int,
    with scan: minke_scan_kernels, into scores: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let (block, words) = (segment.block(first), UnsafeRawPointer(tiles.words(of: tile)))
    let width = tiles.width(of: tile)
    switch format.scanned {
    case .float32:
      scan.dot(
        block.assumingMemoryBound(to: Float.self), count, format.blockRows, words.assumingMemoryBound(to: Float.self),
        width, scores, stride)
    case .int8:
      scan.dot_int8(
        block.assumingMemoryBound(to: UInt8.self), segment.scales + first * VectorFormat.blockVectors, count,
        format.blockRows,
        minke_int8_tile(
          words: words.assumingMemoryBound(to: UInt32.self), scales: tiles.scales(of: tile),
          offsets: tiles.offsets(of: tile)),
        width, scores, stride)
    case .bits:
      scan.hamming(
        block.assumingMemoryBound(to: UInt32.self), count, format.blockRows,
        words.assumingMemoryBound(to: UInt32.self), width, scores, stride)
    }
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
