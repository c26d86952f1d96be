import MinkeCore

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
