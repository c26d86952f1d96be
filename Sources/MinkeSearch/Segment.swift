import MinkeCore

/// A stretch of an index: memory for up to `capacity` vectors, a multiple of the block.
///
/// SAFETY of @unchecked: only ``Contents`` writes to a segment, and only while no other reference to it exists.
final class Segment: @unchecked Sendable {
  let format: VectorFormat
  let capacity: Int
  private let blocks: AlignedBuffer<UInt8>
  private let rows: AlignedBuffer<UInt8>
  private let scaleValues: AlignedBuffer<Float>
  private let idValues: AlignedBuffer<Int64>

  init(_ format: VectorFormat, capacity: Int) {
    self.format = format
    self.capacity = capacity
    blocks = AlignedBuffer(uninitialized: capacity / VectorFormat.blockVectors * format.blockBytes)
    rows = AlignedBuffer(uninitialized: capacity * format.rescoredBytes)
    scaleValues = AlignedBuffer(uninitialized: format.hasScales ? capacity : 0)
    idValues = AlignedBuffer(uninitialized: capacity)
  }

  /// A copy of the first `count` vectors of `other`, with room for `capacity`.
  convenience init(copying other: Segment, count: Int, capacity: Int) {
    self.init(other.format, capacity: capacity)
    let used = (count + VectorFormat.blockVectors - 1) / VectorFormat.blockVectors
    blocks.baseAddress.update(from: other.blocks.baseAddress, count: used * format.blockBytes)
    rows.baseAddress.update(from: other.rows.baseAddress, count: count * format.rescoredBytes)
    if format.hasScales { scaleValues.baseAddress.update(from: other.scaleValues.baseAddress, count: count) }
    idValues.baseAddress.update(from: other.idValues.baseAddress, count: count)
  }

  var byteCount: Int { blocks.count + rows.count + scaleValues.count * 4 + idValues.count * 8 }

  func block(_ index: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(blocks.baseAddress + index * format.blockBytes)
  }
  func row(_ position: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(rows.baseAddress + position * format.rescoredBytes)
  }
  var scales: UnsafeMutablePointer<Float> { scaleValues.baseAddress }
  var ids: UnsafeMutablePointer<Int64> { idValues.baseAddress }

  /// Writes vectors `source` of `vectors`, and their ids, from `position` on. Whole blocks are written in order.
  func write(_ vectors: Embeddings, _ source: Range<Int>, ids newIDs: [Int64], at position: Int) {
    for (offset, index) in source.enumerated() {
      let (block, lane) = place(of: position + offset)
      if lane == 0 { block.initializeMemory(as: UInt8.self, repeating: 0, count: format.blockBytes) }
      switch vectors.values {
      case .float32(let floats):
        floats.withUnsafeBufferPointer { floats in
          let vector = UnsafeBufferPointer(rebasing: floats[index * format.dimension..<(index + 1) * format.dimension])
          let scale = format.write(vector, toLane: lane, of: block, row: row(position + offset))
          if format.hasScales { scales[position + offset] = scale }
        }
      case .bits(let bytes):
        bytes.withUnsafeBufferPointer { bytes in
          let width = format.dimension / 8
          let vector = UnsafeBufferPointer(rebasing: bytes[index * width..<(index + 1) * width])
          format.write(vector, toLane: lane, of: block)
        }
      }
      ids[position + offset] = newIDs[index]
    }
  }

  /// Puts vector `source` of `other` in the place of vector `position`.
  func replace(_ position: Int, with source: Int, of other: Segment) {
    let (block, lane) = place(of: position)
    let (otherBlock, otherLane) = other.place(of: source)
    for row in 0..<format.blockRows {
      let offset = row * VectorFormat.rowBytes
      block.storeBytes(
        of: otherBlock.load(fromByteOffset: offset + 4 * otherLane, as: UInt32.self), toByteOffset: offset + 4 * lane,
        as: UInt32.self)
    }
    row(position).copyMemory(from: other.row(source), byteCount: format.rescoredBytes)
    if format.hasScales { scales[position] = other.scales[source] }
    ids[position] = other.ids[source]
  }

  func numbers(at position: Int) -> [Float] {
    let (block, lane) = place(of: position)
    return format.numbers(
      lane: lane, of: block, row: row(position), scale: format.hasScales ? scales[position] : 1)
  }

  func packedBits(at position: Int) -> [UInt8] {
    let (block, lane) = place(of: position)
    return format.packedBits(lane: lane, of: block)
  }

  private func place(of position: Int) -> (block: UnsafeMutableRawPointer, lane: Int) {
    (block(position / VectorFormat.blockVectors), position % VectorFormat.blockVectors)
  }
}
