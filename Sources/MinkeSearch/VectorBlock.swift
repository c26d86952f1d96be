import MinkeCore

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
  func next() -> Segment? {
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
