import MinkeCore

/// How vectors lie in blocks of bytes that are kept elsewhere, such as in a database, and are searched from there.
///
/// A block holds up to ``capacity`` vectors, about 1 MiB of them, in the layout that the kernels scan. The numbers
/// that a two-stage storage scores its candidates by lie apart, in chunks of ``chunkVectors`` rows, so that few bytes
/// are read for a candidate. All numbers are little-endian.
///
/// A block is the vectors, 16 by 16 as scan.h describes them, and then, where these are 8-bit numbers, their scales,
/// float32. A chunk is `[rows, dimension]` int8, zeros up to a multiple of 4, and the scales, float32.
package struct VectorBlockFormat: Sendable {
  package let dimension: Int
  package let metric: Metric
  package let storage: VectorIndex.Storage
  /// Vectors of a full block.
  package let capacity: Int
  /// What a block holds.
  let scanned: VectorFormat
  /// What is written: the same, with the rows of a two-stage storage.
  let written: VectorFormat

  /// Rows of a chunk.
  package static let chunkVectors = 64

  /// - Throws: `MinkeError` as `VectorIndex.init(dimension:metric:storage:)` does, and where a two-stage storage does not
  ///   score by 8-bit numbers.
  package init(dimension: Int, metric: Metric, storage: VectorIndex.Storage) throws(MinkeError) {
    written = try VectorFormat(dimension: dimension, metric: metric, storage: storage)
    if case .twoStage(.float32, _) = storage {
      throw MinkeError(
        .invalidArgument, "storage", expected: "two stages with 8-bit numbers", found: "two stages with float32")
    }
    scanned = VectorFormat(
      dimension: dimension, metric: written.rescored == nil ? metric : .hamming, scanned: written.scanned, rescored: nil
    )
    (self.dimension, self.metric, self.storage) = (dimension, metric, storage)
    capacity = max(1, (1 << 20) / scanned.blockBytes) * VectorFormat.blockVectors
  }

  /// The same format for vectors that have the length they are to have, as those that were read from blocks do.
  package func keepingLengths() throws(MinkeError) -> VectorBlockFormat {
    try VectorBlockFormat(dimension: dimension, metric: metric == .hamming ? .hamming : .dot, storage: storage)
  }

  /// Whether candidates are scored a second time, from chunks.
  package var hasRows: Bool { written.rescored != nil }

  /// How many candidates the first stage gives for `k` neighbors.
  package func candidates(for k: Int) -> Int {
    guard case .twoStage(_, let oversampling) = storage else { return k }
    // With many neighbors, fewer candidates for each find as many of them.
    return max(2 * k, min(k.multipliedReportingOverflow(by: oversampling).partialValue, 2000))
  }

  /// The bytes of a block of vectors `rows` of `vectors`, at most ``capacity``, and the chunks that belong to it.
  ///
  /// - Throws: `MinkeError` when the vectors are of another dimension or hold NaN or infinity.
  package func write(
    _ vectors: Embeddings, _ rows: Range<Int>
  ) throws -> (block: AlignedBuffer<UInt8>, chunks: [AlignedBuffer<UInt8>]) {
    precondition((1...capacity).contains(rows.count))
    let layout = BlockLayout(scanned, count: rows.count)
    let block = AlignedBuffer<UInt8>(zeroed: layout.byteCount)
    let start = UnsafeMutableRawPointer(block.baseAddress)
    var chunks: [AlignedBuffer<UInt8>] = []
    if hasRows {
      chunks = stride(from: 0, to: rows.count, by: Self.chunkVectors).map {
        AlignedBuffer(zeroed: chunkBytes(min(Self.chunkVectors, rows.count - $0)))
      }
    }
    let made = chunks
    try vectors.withRows { source in
      guard source.dimension == dimension else {
        throw MinkeError(.shapeMismatch, "vectors", expected: "\(dimension) dimensions", found: "\(source.dimension)")
      }
      try source.check(metric, "vectors", rows: rows)
      let unused = AlignedBuffer<UInt8>(uninitialized: max(1, written.rescoredBytes))
      for (position, row) in rows.enumerated() {
        let lane = position % VectorFormat.blockVectors
        let place = start + position / VectorFormat.blockVectors * scanned.blockBytes
        let chunk = hasRows ? made[position / Self.chunkVectors] : unused
        let inChunk = hasRows ? position % Self.chunkVectors : 0
        switch source.values {
        case .float32(let floats):
          let scale = written.write(
            source.floats(floats, row: row), toLane: lane, of: place,
            row: UnsafeMutableRawPointer(chunk.baseAddress) + inChunk * written.rescoredBytes)
          if hasRows {
            let rows = chunkRows(ofBytes: chunk.count)
            UnsafeMutableRawPointer(chunk.baseAddress).storeBytes(
              of: scale.bitPattern.littleEndian, toByteOffset: scalesOffset(rows) + 4 * inChunk, as: UInt32.self)
          } else if scanned.hasScales {
            start.storeBytes(
              of: scale.bitPattern.littleEndian, toByteOffset: layout.scales + 4 * position, as: UInt32.self)
          }
        case .bits(let bytes): written.write(source.bits(bytes, row: row), toLane: lane, of: place)
        case .int8: preconditionFailure("embeddings are numbers or bits")
        }
      }
    }
    return (block, chunks)
  }

  /// Bytes of a chunk of `rows` rows.
  package func chunkBytes(_ rows: Int) -> Int { scalesOffset(rows) + 4 * rows }

  func scalesOffset(_ rows: Int) -> Int { (rows * dimension + 3) / 4 * 4 }

  /// Rows of a chunk of `count` bytes.
  func chunkRows(ofBytes count: Int) -> Int {
    (0...Self.chunkVectors).first { chunkBytes($0) == count } ?? 0
  }
}

/// Where the parts of a block of bytes lie.
struct BlockLayout {
  let scales: Int
  let byteCount: Int

  init(_ format: VectorFormat, count: Int) {
    let blocks = (count + VectorFormat.blockVectors - 1) / VectorFormat.blockVectors
    scales = blocks * format.blockBytes
    byteCount = scales + (format.hasScales ? 4 * count : 0)
  }
}

extension VectorBlockFormat {
  func scale(of row: Int, in chunk: UnsafeRawPointer, rows: Int) -> Float {
    Float(
      bitPattern: UInt32(
        littleEndian: chunk.loadUnaligned(fromByteOffset: scalesOffset(rows) + 4 * row, as: UInt32.self)))
  }

  /// The numbers of row `row` of a chunk; nil where the chunk has no such row.
  package func numbers(of row: Int, in chunk: SharedBuffer<UInt8>) -> [Float]? {
    withExtendedLifetime(chunk) {
      let rows = chunkRows(ofBytes: chunk.count)
      guard row < rows, let start = chunk.baseAddress.map({ UnsafeRawPointer($0) }) else { return nil }
      let scale = scale(of: row, in: start, rows: rows)
      return (0..<dimension).map {
        Float(start.load(fromByteOffset: row * dimension + $0, as: Int8.self)) * scale
      }
    }
  }
}
