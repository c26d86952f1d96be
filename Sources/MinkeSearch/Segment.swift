import MinkeCore

/// How the bytes of a segment lie, in memory and in a file: blocks, rows, scales and ids, each from a cache line on.
struct SegmentLayout: Sendable {
  let capacity: Int
  let rows: Int
  let scales: Int
  let ids: Int
  let byteCount: Int

  init(_ format: VectorFormat, capacity: Int) {
    func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
    self.capacity = capacity
    rows = capacity / VectorFormat.blockVectors * format.blockBytes
    scales = rows + padded(capacity * format.rescoredBytes)
    ids = scales + (format.hasScales ? padded(capacity * 4) : 0)
    byteCount = ids + padded(capacity * 8)
  }
}

/// A stretch of an index: memory for up to `capacity` vectors, a multiple of the block.
///
/// SAFETY of @unchecked: nobody writes to a mapped segment. To another one only a change of the index writes, which
/// comes alone: where searches may be reading, after it made sure that no other reference to the segment exists and
/// while none can be taken; beyond the blocks that searches read, at any time.
final class Segment: @unchecked Sendable {
  let format: VectorFormat
  let layout: SegmentLayout
  /// Whether the memory is that of a file.
  let isMapped: Bool
  private let start: UnsafeMutableRawPointer
  private let owner: AnyObject

  /// Memory of our own, whose content is arbitrary until it is written.
  convenience init(_ format: VectorFormat, capacity: Int) {
    let layout = SegmentLayout(format, capacity: capacity)
    self.init(format, capacity: capacity, place: 0, in: AlignedBuffer(uninitialized: layout.byteCount))
  }

  /// Segment number `place` of the equal ones that fill `memory`.
  init(_ format: VectorFormat, capacity: Int, place: Int, in memory: AlignedBuffer<UInt8>) {
    self.format = format
    layout = SegmentLayout(format, capacity: capacity)
    precondition((place + 1) * layout.byteCount <= memory.count)
    start = UnsafeMutableRawPointer(memory.baseAddress) + place * layout.byteCount
    owner = memory
    isMapped = false
  }

  /// The segment that fills `bytes` of a mapped file, from a cache line on.
  init(_ format: VectorFormat, capacity: Int, bytes: UnsafeRawBufferPointer, of file: MappedFile) {
    self.format = format
    layout = SegmentLayout(format, capacity: capacity)
    guard let address = bytes.baseAddress, bytes.count == layout.byteCount, UInt(bitPattern: address) % 64 == 0 else {
      preconditionFailure("\(bytes.count) bytes for a segment of \(layout.byteCount)")
    }
    start = UnsafeMutableRawPointer(mutating: address)
    owner = file
    isMapped = true
  }

  /// A copy of the first `count` vectors of `other`, with room for `capacity`.
  convenience init(copying other: Segment, count: Int, capacity: Int) {
    self.init(other.format, capacity: capacity)
    let used = (count + VectorFormat.blockVectors - 1) / VectorFormat.blockVectors
    block(0).copyMemory(from: other.block(0), byteCount: used * format.blockBytes)
    row(0).copyMemory(from: other.row(0), byteCount: count * format.rescoredBytes)
    if format.hasScales { scales.update(from: other.scales, count: count) }
    ids.update(from: other.ids, count: count)
  }

  var capacity: Int { layout.capacity }

  /// All of the segment.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: layout.byteCount) }

  func block(_ index: Int) -> UnsafeMutableRawPointer { start + index * format.blockBytes }
  func row(_ position: Int) -> UnsafeMutableRawPointer { start + layout.rows + position * format.rescoredBytes }
  var scales: UnsafeMutablePointer<Float> { (start + layout.scales).assumingMemoryBound(to: Float.self) }
  var ids: UnsafeMutablePointer<Int64> { (start + layout.ids).assumingMemoryBound(to: Int64.self) }

  /// Writes vectors `source` of `vectors`, and their ids, from `position` on. Whole blocks are written in order.
  func write(_ vectors: VectorRows, _ source: Range<Int>, ids newIDs: [Int64], at position: Int) {
    for (offset, row) in source.enumerated() {
      let lane = (position + offset) % VectorFormat.blockVectors
      if lane == 0 {
        block((position + offset) / VectorFormat.blockVectors)
          .initializeMemory(as: UInt8.self, repeating: 0, count: format.blockBytes)
      }
      write(vectors, row, id: newIDs[row], over: position + offset)
    }
  }

  /// Puts vector `row` of `vectors` in the place of vector `position`, in a block that was written to before.
  func write(_ vectors: VectorRows, _ row: Int, id: Int64, over position: Int) {
    let (block, lane) = place(of: position)
    let scale: Float
    switch vectors.values {
    case .float32(let floats):
      scale = format.write(vectors.floats(floats, row: row), toLane: lane, of: block, row: self.row(position))
    case .int8(let numbers, let scales):
      scale = format.write(
        vectors.int8s(numbers, row: row), scale: scales.map { $0[vectors.source(of: row)] } ?? 1, toLane: lane,
        of: block, row: self.row(position))
    case .bits(let bytes):
      format.write(vectors.bits(bytes, row: row), toLane: lane, of: block)
      scale = 1
    }
    if format.hasScales { scales[position] = scale }
    ids[position] = id
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

  /// Fills all that lies beyond the first `count` vectors with zeros, also the gaps between the parts of the layout.
  func clear(beyond count: Int) {
    let width = VectorFormat.blockVectors
    for position in count..<(count + width - 1) / width * width {
      let (block, lane) = place(of: position)
      for row in 0..<format.blockRows {
        block.storeBytes(of: 0, toByteOffset: row * VectorFormat.rowBytes + 4 * lane, as: UInt32.self)
      }
    }
    func zero(_ from: Int, _ to: Int) {
      (start + from).initializeMemory(as: UInt8.self, repeating: 0, count: to - from)
    }
    zero((count + width - 1) / width * format.blockBytes, layout.rows)
    zero(layout.rows + count * format.rescoredBytes, layout.scales)
    zero(layout.scales + (format.hasScales ? count * 4 : 0), layout.ids)
    zero(layout.ids + count * 8, layout.byteCount)
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
