import MinkeKernels

extension Embeddings {
  /// How alike each vector is to each of `other`: `[count, other.count]`, row-major.
  ///
  /// Numbers are compared by cosine, within 1e-6 of the exact value; bits by `1 - 2 * hamming / dimension`, the cosine of
  /// their signs. Takes time proportional to both counts and the dimension, on all cores; the result does not depend on
  /// their number.
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` when the two differ in dimension or kind; `CancellationError` when
  ///   the calling task was cancelled.
  public func similarities(to other: Embeddings) throws -> [Float] {
    try similarities(to: other, kernels: .active)
  }

  package func similarities(to other: Embeddings, kernels level: KernelLevel) throws -> [Float] {
    try requireSameKind(as: other)
    guard count > 0, other.count > 0 else { return [] }
    return switch (try normalized().values, try other.normalized().values) {
    case (.float32(let mine), .float32(let theirs)):
      try Self.products(mine, theirs, dimension: dimension, kernels: level)
    case (.bits(let mine), .bits(let theirs)):
      try Self.similarities(mine, theirs, dimension: dimension, kernels: level)
    default: []
    }
  }

  /// The products of every row of `left` with every row of `right`, by matrix products of packed panels.
  private static func products(
    _ left: [Float], _ right: [Float], dimension: Int, kernels level: KernelLevel
  ) throws -> [Float] {
    let (rows, columns) = (left.count / dimension, right.count / dimension)
    // Sums of at most this many products, added to each other, keep the rounding of floats below 1e-6.
    let depth = min(dimension, 512)
    // Columns that are multiplied at once: their panels stay in the second-level cache. A piece is all rows by these.
    let panel = MatrixProduct.panel
    let width = max(panel, (1 << 16) / depth / panel * panel)
    // Rows that are multiplied at once, so that the products of one part of the depth stay there, too.
    let height = 256
    let (across, down) = ((columns + width - 1) / width, (rows + height - 1) / height)
    let panels = MatrixProduct.packedCount(columns: width, depth: depth)
    let workers = Workers.count
    let packed = AlignedBuffer<Float>(uninitialized: workers * panels)
    let sums = AlignedBuffer<Float>(uninitialized: dimension > depth ? workers * width * height : 0)
    let product = MatrixProduct(level)
    return try [Float](unsafeUninitializedCapacity: rows * columns) { result, resultCount in
      try left.withUnsafeBufferPointer { left in
        try right.withUnsafeBufferPointer { right in
          // SAFETY: every piece writes columns of its own of some rows, while all three arrays are held.
          nonisolated(unsafe) let (x, w, y) = (left.baseAddress, right.baseAddress, result.baseAddress)
          // Several pieces share the rows where there are few columns.
          let share = max(1, min(down, 16 / across))
          try Workers.forEachPiece(of: across * share, grain: 1, workers: workers) { piece, worker in
            guard let x, let w, let y else { return }
            let first = piece.lowerBound / share * width
            let count = min(width, columns - first)
            let part = piece.lowerBound % share
            let mine = packed.baseAddress + worker * panels
            for start in stride(from: 0, to: dimension, by: depth) {
              let deep = min(depth, dimension - start)
              product.pack(
                MatrixView(w + first * dimension + start, rows: count, columns: deep, stride: dimension), into: mine)
              for block in down * part / share..<down * (part + 1) / share {
                try Workers.checkCancellation()
                let row = block * height
                let high = min(height, rows - row)
                let place = y + row * columns + first
                let scratch = start == 0 ? place : sums.baseAddress + worker * width * height
                let apart = start == 0 ? columns : count
                product(
                  MatrixView(x + row * dimension + start, rows: high, columns: deep, stride: dimension), mine,
                  into: MutableMatrixView(scratch, rows: high, columns: count, stride: apart))
                guard start > 0 else { continue }
                for index in 0..<high {
                  for column in 0..<count { place[index * columns + column] += scratch[index * count + column] }
                }
              }
            }
          }
        }
      }
      resultCount = rows * columns
    }
  }

  /// The cosines of the signs of every row of `left` and every row of `right`, both packed bits, by the scan for Hamming
  /// distances: rows of `right` in blocks, rows of `left` in tiles, as scan.h describes them.
  private static func similarities(
    _ left: [UInt8], _ right: [UInt8], dimension: Int, kernels level: KernelLevel
  ) throws -> [Float] {
    let bytes = dimension / 8
    let words = (bytes + 3) / 4
    let (rows, columns) = (left.count / bytes, right.count / bytes)
    let (lanes, tile) = (Int(MINKE_BLOCK_VECTORS), Int(MINKE_TILE_QUERIES))
    let blocks = (columns + lanes - 1) / lanes
    /// Rows `range` of `source`, side by side in `group` lanes of four bytes.
    @Sendable func interleave(
      _ source: UnsafePointer<UInt8>, _ range: Range<Int>, _ group: Int, _ place: UnsafeMutablePointer<UInt8>
    ) {
      for (lane, row) in range.enumerated() {
        for byte in 0..<bytes { place[(byte / 4 * group + lane) * 4 + byte % 4] = source[row * bytes + byte] }
      }
    }
    let interleaved = AlignedBuffer<UInt8>(zeroed: blocks * words * lanes * 4)
    right.withUnsafeBufferPointer { right in
      guard let source = right.baseAddress else { return }
      for block in 0..<blocks {
        interleave(
          source, block * lanes..<min(columns, (block + 1) * lanes), lanes,
          interleaved.baseAddress + block * words * lanes * 4)
      }
    }
    // Blocks that are scanned at once: their distances stay in the first-level cache.
    let step = 16
    let workers = Workers.count
    let tiles = AlignedBuffer<UInt8>(zeroed: workers * words * tile * 4)
    let scores = AlignedBuffer<Float>(uninitialized: workers * tile * step * lanes)
    return try [Float](unsafeUninitializedCapacity: rows * columns) { result, resultCount in
      try left.withUnsafeBufferPointer { left in
        // SAFETY: every piece writes rows of its own, while both arrays are held.
        nonisolated(unsafe) let (source, result) = (left.baseAddress, result.baseAddress)
        try Workers.forEachPiece(of: rows, grain: tile, workers: workers) { piece, worker in
          guard let source, let result else { return }
          let mine = tiles.baseAddress + worker * words * tile * 4
          let negated = scores.baseAddress + worker * tile * step * lanes
          interleave(source, piece, tile, mine)
          for first in stride(from: 0, to: blocks, by: step) {
            let count = min(step, blocks - first)
            UnsafeRawPointer(interleaved.baseAddress + first * words * lanes * 4).withMemoryRebound(
              to: UInt32.self, capacity: count * words * lanes
            ) { blocks in
              UnsafeRawPointer(mine).withMemoryRebound(to: UInt32.self, capacity: words * tile) {
                minke_scan(level.rawLevel).pointee.hamming(blocks, count, words, $0, tile, negated, step * lanes)
              }
            }
            let used = min(columns - first * lanes, count * lanes)
            for (query, row) in piece.enumerated() {
              let place = result + row * columns + first * lanes
              for column in 0..<used {
                place[column] = Metric.hamming.similarity(
                  ofScore: -negated[query * step * lanes + column], dimension: dimension)
              }
            }
          }
        }
      }
      resultCount = rows * columns
    }
  }
}
