import MinkeCore
import MinkeKernels

/// One pass over vectors for some queries: the loop that all searches by meaning share.
struct VectorScan: Sendable {
  let format: VectorFormat
  let kernels: KernelLevel

  /// Scores the vectors that `mask` lets through, or all, against every query of `range`, and lets `best` have those
  /// that are closer than what it holds. What it holds may come from other contents.
  func run(
    _ contents: Contents, for queries: Embeddings, _ range: Range<Int>, mask: BlockMask?,
    into best: borrowing BestCandidates
  ) throws {
    let tiles = QueryTiles(queries, range, format: format)
    let workers = best.workers
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
}
