import MinkeCore
import MinkeKernels

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

  private func scalesOffset(_ rows: Int) -> Int { (rows * dimension + 3) / 4 * 4 }

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

/// Memory for blocks that are read together, in large pages: a block by itself is too small for these.
package final class VectorBlockMemory {
  private let format: VectorBlockFormat
  private var memory = AlignedBuffer<UInt8>(uninitialized: 0)
  /// Blocks that there is room for, and those that have been handed out.
  private var (count, used) = (0, 0)

  package init(_ format: VectorBlockFormat) { self.format = format }

  /// Has room for `count` blocks: where those before are all gone, the same as theirs.
  package func reserve(_ count: Int) {
    used = 0
    if count <= self.count, isKnownUniquelyReferenced(&memory) { return }
    self.count = count
    memory = AlignedBuffer(uninitialized: count * SegmentLayout(format.scanned, capacity: format.capacity).byteCount)
  }

  /// A segment that nobody has had yet; nil when there is none left.
  fileprivate func next() -> Segment? {
    guard used < count else { return nil }
    used += 1
    return Segment(format.scanned, capacity: format.capacity, place: used - 1, in: memory)
  }
}

/// A block of vectors in memory.
package final class VectorBlock: Sendable {
  /// Vectors of the block, those taken out included.
  package let count: Int
  let format: VectorBlockFormat
  let segment: Segment

  /// Reads the bytes that ``VectorBlockFormat/write(_:_:)`` made.
  ///
  /// - Parameters:
  ///   - ids: one for each vector, ascending.
  ///   - memory: where the block is to lie; nil for memory of its own.
  /// - Throws: `MinkeError` of kind `malformedFile`, whose subject is `subject`, when they are no block of so many vectors.
  package init(
    _ bytes: UnsafeRawBufferPointer, ids: [Int64], format: VectorBlockFormat,
    in memory: VectorBlockMemory? = nil, subject: String
  ) throws(MinkeError) {
    let count = ids.count
    guard (1...format.capacity).contains(count), case let layout = BlockLayout(format.scanned, count: count),
      bytes.count == layout.byteCount, let start = bytes.baseAddress
    else {
      throw MinkeError(
        .malformedFile, subject, expected: "a block of \(count) vectors", found: "\(bytes.count) bytes")
    }
    // Room for a full block, so that all blocks count alike; what is not used is never touched.
    let segment = memory?.next() ?? Segment(format.scanned, capacity: format.capacity)
    segment.block(0).copyMemory(from: start, byteCount: layout.scales)
    _ = UnsafeMutableBufferPointer(start: segment.ids, count: count).update(fromContentsOf: ids)
    if format.scanned.hasScales {
      for index in 0..<count {
        segment.scales[index] = Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: layout.scales + 4 * index, as: UInt32.self)))
      }
    }
    // A whole block of 16 is scored at once.
    let width = VectorFormat.blockVectors
    for index in count..<(count + width - 1) / width * width {
      segment.ids[index] = -1
      if format.scanned.hasScales { segment.scales[index] = 0 }
    }
    (self.count, self.format, self.segment) = (count, format, segment)
  }

  /// Bytes of memory that are in use.
  package var byteCount: Int {
    (count + VectorFormat.blockVectors - 1) / VectorFormat.blockVectors * format.scanned.blockBytes + 12 * count
  }

  /// The id at `position`.
  package func id(at position: Int) -> Int64 {
    precondition((0..<count).contains(position))
    return segment.ids[position]
  }

  /// Where the vector with this id is; nil where it is not.
  package func position(of id: Int64) -> Int? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if segment.ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < count && segment.ids[low] == id ? low : nil
  }

  /// The numbers at `position` as the block holds them: -1 and +1 for bits.
  package func numbers(at position: Int) -> [Float] {
    precondition((0..<count).contains(position))
    return segment.numbers(at: position)
  }

  /// The packed bits at `position`, where the block holds bits.
  package func packedBits(at position: Int) -> [UInt8] {
    precondition((0..<count).contains(position) && format.scanned.scanned == .bits)
    return segment.packedBits(at: position)
  }

  /// A bit for each vector that is there, 16 a word, without those at the positions `removed`, which ascend.
  package func lanes(without removed: some Sequence<Int>) -> SharedBuffer<UInt16> {
    let width = VectorFormat.blockVectors
    let lanes = AlignedBuffer<UInt16>(zeroed: format.capacity / width)
    for block in 0..<(count + width - 1) / width {
      lanes.baseAddress[block] = 0xffff >> UInt16(max(0, (block + 1) * width - count))
    }
    for position in removed where position < count {
      lanes.baseAddress[position / width] &= ~(1 << UInt16(position % width))
    }
    return SharedBuffer(lanes)
  }
}

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

extension VectorBlockFormat {
  /// The bytes of one block, and its chunks, of the vectors at `positions` of others, in order.
  ///
  /// - Throws: `MinkeError` of kind `malformedFile` when a chunk lacks a row.
  package func merge(
    _ sources: [(block: VectorBlock, chunks: [SharedBuffer<UInt8>], positions: [Int])]
  ) throws(MinkeError) -> (block: AlignedBuffer<UInt8>, chunks: [AlignedBuffer<UInt8>]) {
    let count = sources.reduce(0) { $0 + $1.positions.count }
    precondition((1...capacity).contains(count))
    let layout = BlockLayout(scanned, count: count)
    let merged = Segment(scanned, capacity: capacity)
    var chunks: [AlignedBuffer<UInt8>] = []
    if hasRows {
      chunks = stride(from: 0, to: count, by: Self.chunkVectors).map {
        AlignedBuffer(zeroed: chunkBytes(min(Self.chunkVectors, count - $0)))
      }
    }
    var place = 0
    for source in sources {
      for position in source.positions {
        if place % VectorFormat.blockVectors == 0 {
          merged.block(place / VectorFormat.blockVectors)
            .initializeMemory(as: UInt8.self, repeating: 0, count: scanned.blockBytes)
        }
        merged.replace(place, with: position, of: source.block.segment)
        if hasRows {
          let chunk = source.chunks[position / Self.chunkVectors]
          let row = position % Self.chunkVectors
          let rows = chunkRows(ofBytes: chunk.count)
          guard row < rows, let start = chunk.baseAddress.map({ UnsafeRawPointer($0) }) else {
            throw MinkeError(.malformedFile, "vectors", expected: "row \(row) of a chunk", found: "\(rows) rows")
          }
          let to = chunks[place / Self.chunkVectors]
          let target = UnsafeMutableRawPointer(to.baseAddress)
          let toRow = place % Self.chunkVectors
          (target + toRow * dimension).copyMemory(from: start + row * dimension, byteCount: dimension)
          (target + scalesOffset(chunkRows(ofBytes: to.count)) + 4 * toRow)
            .copyMemory(from: start + scalesOffset(rows) + 4 * row, byteCount: 4)
          withExtendedLifetime(chunk) {}
        }
        place += 1
      }
    }
    let block = AlignedBuffer<UInt8>(zeroed: layout.byteCount)
    let start = UnsafeMutableRawPointer(block.baseAddress)
    start.copyMemory(from: merged.block(0), byteCount: layout.scales)
    if scanned.hasScales {
      for position in 0..<count {
        start.storeBytes(
          of: merged.scales[position].bitPattern.littleEndian, toByteOffset: layout.scales + 4 * position,
          as: UInt32.self)
      }
    }
    return (block, chunks)
  }
}
