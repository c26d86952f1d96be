import MinkeCore
import MinkeKernels

/// Two vectors that are alike.
package struct VectorPair: Sendable, Equatable {
  /// The lower of the two ids.
  package let first: Int64
  package let second: Int64
  /// How alike they are, at most 1.
  package let similarity: Float
}

/// A search for all pairs of vectors that are alike, by exhaustive scans of blocks against blocks.
///
/// Numbers are compared by cosine (or dot product, as the metric says) as they are held: of 8-bit numbers, the cosine is
/// that of the rounded vectors, 1 for equal ones. Two-stage and binary storages are compared by bits, as the cosine of
/// the signs. A pair's similarity does not depend on what else is scanned, nor on the number of threads.
package struct PairScan: Sendable {
  private let format: VectorBlockFormat
  private let kernels: KernelLevel
  /// The least score of the kernels that counts.
  private let least: Float

  /// - Parameter threshold: the least similarity of a pair. Equal vectors of numbers count as alike by 1, though the
  ///   rounding of floats may give a little less.
  package init(_ format: VectorBlockFormat, threshold: Float, kernels: KernelLevel = .active) {
    (self.format, self.kernels) = (format, kernels)
    if format.scanned.scanned == .bits {
      let dimension = format.dimension
      var distance = dimension
      // A similarity as it will be reported decides, not a distance that is worked out from it.
      while distance >= 0, Self.similarity(ofDistance: distance, dimension) < threshold { distance -= 1 }
      least = distance < 0 ? .infinity : -Float(distance)
    } else {
      least = format.metric == .cosine && threshold > 0 && threshold <= 1 ? min(threshold, 1 - 1e-6) : threshold
    }
  }

  private static func similarity(ofDistance distance: Int, _ dimension: Int) -> Float {
    Metric.hamming.similarity(ofScore: Float(distance), dimension: dimension)
  }

  /// Tiles that are scanned over the same blocks, and the blocks of a piece of work: what it finds stays below 8 MiB.
  private static let (pieceTiles, pieceBlocks) = (8, 256)
  /// Blocks that a tile is scored against at once.
  private static let step = QueryTiles.width

  /// Hands every pair of a vector of `block` and one of `other` that is alike enough to `body`, in an order that is
  /// always the same; of one block, every pair once.
  ///
  /// - Parameter others: in ascending order of their ids, all of them above those of `block`, or `block` itself.
  /// - Throws: what `body` throws; `CancellationError`.
  package func forEachPair(
    of block: PairBlock, and others: [PairBlock], _ body: (VectorPair) throws -> Void
  ) throws {
    var units: [Unit] = []
    for (index, other) in others.enumerated() {
      for tile in stride(from: 0, to: block.blockCount, by: Self.pieceTiles) {
        let tiles = tile..<min(block.blockCount, tile + Self.pieceTiles)
        // Before its own place, a vector of the same block was a query already.
        for start in stride(from: other === block ? tile : 0, to: other.blockCount, by: Self.pieceBlocks) {
          units.append(
            Unit(tiles: tiles, other: index, blocks: start..<min(other.blockCount, start + Self.pieceBlocks)))
        }
      }
    }
    // In waves, so that what is found and not handed over stays little.
    let wave = 32
    for start in stride(from: 0, to: units.count, by: wave) {
      let part = Array(units[start..<min(units.count, start + wave)])
      let found = try Workers.map(count: part.count) { scan(block, others[part[$0].other], part[$0]) }
      for pairs in found { for pair in pairs { try body(pair) } }
    }
  }

  private struct Unit: Sendable {
    let tiles: Range<Int>
    let other: Int
    let blocks: Range<Int>
  }

  private func scan(_ block: PairBlock, _ other: PairBlock, _ unit: Unit) -> [VectorPair] {
    let lanes = VectorFormat.blockVectors
    let strideLength = Self.step * lanes
    let scores = AlignedBuffer<Float>(uninitialized: QueryTiles.width * strideLength)
    let hits = AlignedBuffer<UInt32>(uninitialized: strideLength)
    let kernels = minke_scan(kernels.rawLevel).pointee
    let isSame = block === other
    var pairs: [VectorPair] = []
    var start = unit.blocks.lowerBound
    while start < unit.blocks.upperBound {
      let count = min(Self.step, unit.blocks.upperBound - start)
      for tile in unit.tiles where !isSame || tile < start + count {
        score(block, tile, other, start, count, kernels, into: scores.baseAddress, stride: strideLength)
        for query in 0..<lanes where block.isThere(tile * lanes + query) {
          let row = scores.baseAddress + query * strideLength
          let found = kernels.select(row, count * lanes, least, hits.baseAddress)
          for hit in 0..<found {
            let lane = Int(hits.baseAddress[hit])
            let position = start * lanes + lane
            // What is not a number is selected, too.
            guard row[lane] >= least, other.isThere(position), !isSame || position > tile * lanes + query else {
              continue
            }
            pairs.append(
              VectorPair(
                first: block.id(tile * lanes + query), second: other.id(position), similarity: similarity(row[lane])))
          }
        }
      }
      start += count
    }
    return pairs
  }

  private func similarity(_ score: Float) -> Float {
    format.scanned.scanned == .bits
      ? Self.similarity(ofDistance: Int(-score), format.dimension)
      : format.metric.similarity(ofScore: score, dimension: format.dimension)
  }

  /// A block of 16 vectors lies in memory as a tile of 16 queries does; only 8-bit numbers have two forms.
  private func score(
    _ block: PairBlock, _ tile: Int, _ other: PairBlock, _ start: Int, _ count: Int, _ scan: minke_scan_kernels,
    into scores: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let rows = format.scanned.blockRows
    let words = block.tile(tile)
    let target = UnsafeRawPointer(other.segment.block(start))
    let width = QueryTiles.width
    switch format.scanned.scanned {
    case .float32:
      scan.dot(
        target.assumingMemoryBound(to: Float.self), count, rows, words.assumingMemoryBound(to: Float.self), width,
        scores, stride)
    case .int8:
      scan.dot_int8(
        target.assumingMemoryBound(to: UInt8.self), other.factors + start * width, count, rows,
        minke_int8_tile(
          words: words.assumingMemoryBound(to: UInt32.self), scales: block.factors + tile * width,
          offsets: block.offsets + tile * width),
        width, scores, stride)
    case .bits:
      scan.hamming(
        target.assumingMemoryBound(to: UInt32.self), count, rows, words.assumingMemoryBound(to: UInt32.self), width,
        scores, stride)
    }
  }
}

/// A block of vectors made ready to be both sides of a ``PairScan``.
///
/// SAFETY of @unchecked: nothing is written after the initializer.
package final class PairBlock: @unchecked Sendable {
  fileprivate let segment: Segment
  private let lanes: SharedBuffer<UInt16>
  private let isInt8: Bool
  /// Of 8-bit numbers: what a sum of products is multiplied by for each vector of the two, so that the metric comes out.
  private let factorValues: AlignedBuffer<Float>
  private let offsetValues: AlignedBuffer<Int32>
  /// Of 8-bit numbers, the blocks without the 128 that is added to each.
  private let tiles: AlignedBuffer<UInt8>
  fileprivate let blockCount: Int
  private let count: Int

  /// - Parameter lanes: what ``VectorBlock/lanes(without:)`` gave.
  package init(_ block: VectorBlock, lanes: SharedBuffer<UInt16>) {
    (segment, self.lanes, count) = (block.segment, lanes, block.count)
    let width = VectorFormat.blockVectors
    blockCount = (block.count + width - 1) / width
    let format = block.format.scanned
    isInt8 = format.scanned == .int8
    factorValues = AlignedBuffer(zeroed: isInt8 ? blockCount * width : 0)
    offsetValues = AlignedBuffer(zeroed: isInt8 ? blockCount * width : 0)
    tiles = AlignedBuffer(uninitialized: isInt8 ? blockCount * format.blockBytes : 0)
    guard isInt8 else { return }
    let squares = AlignedBuffer<Int64>(zeroed: blockCount * width)
    let source = UnsafeRawPointer(segment.block(0)).assumingMemoryBound(to: UInt8.self)
    for index in 0..<tiles.count {
      let byte = source[index] ^ 0x80
      tiles.baseAddress[index] = byte
      // Four bytes of a vector, then those of the next; beyond the dimension the block holds 0, which counts nothing.
      guard index % format.blockBytes / VectorFormat.rowBytes * 4 + index % 4 < format.dimension else {
        tiles.baseAddress[index] = 0
        continue
      }
      let vector = index / format.blockBytes * width + index % VectorFormat.rowBytes / 4
      let number = Int64(Int8(bitPattern: byte))
      squares.baseAddress[vector] += number * number
      offsetValues.baseAddress[vector] += Int32(number) * 128
    }
    for vector in 0..<block.count {
      let sum = squares.baseAddress[vector]
      factorValues.baseAddress[vector] =
        switch format.metric {
        case .cosine: sum > 0 ? Float(1 / Double(sum).squareRoot()) : 0
        default: segment.scales[vector]
        }
    }
  }

  fileprivate func tile(_ index: Int) -> UnsafeRawPointer {
    isInt8
      ? UnsafeRawPointer(tiles.baseAddress) + index * segment.format.blockBytes : UnsafeRawPointer(segment.block(index))
  }

  fileprivate var factors: UnsafeMutablePointer<Float> { factorValues.baseAddress }
  fileprivate var offsets: UnsafeMutablePointer<Int32> { offsetValues.baseAddress }

  @inline(__always)
  fileprivate func isThere(_ position: Int) -> Bool {
    position < count
      && lanes[position / VectorFormat.blockVectors] >> UInt16(position % VectorFormat.blockVectors) & 1 == 1
  }

  fileprivate func id(_ position: Int) -> Int64 { segment.ids[position] }
}
