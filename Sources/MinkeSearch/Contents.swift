import MinkeCore

/// The vectors of an index at one moment.
///
/// It is a value: a search works on its own copy, which shares the segments, and a change copies a segment before it
/// writes to one that somebody still reads. So nobody waits for a search to end, and no search sees half a change.
struct Contents: Sendable {
  let format: VectorFormat
  /// All but the last have `segmentCapacity` vectors.
  private(set) var segments: [Segment]
  private(set) var count: Int
  /// Vectors of a full segment, whole blocks.
  let segmentCapacity: Int

  /// No vectors.
  ///
  /// - Parameter segmentBlocks: blocks of a full segment; nil for about 8 MiB. With less, the ends of segments cost time;
  ///   with more, the copy that a change during a search may need does.
  init(_ format: VectorFormat, segmentBlocks: Int? = nil) {
    self.format = format
    segmentCapacity = max(1, segmentBlocks ?? (8 << 20) / format.blockBytes) * VectorFormat.blockVectors
    (segments, count) = ([], 0)
  }

  /// `count` vectors in `segments`, all but the last of which are full.
  init(_ format: VectorFormat, segments: [Segment], count: Int, segmentCapacity: Int) {
    self.format = format
    self.segments = segments
    self.count = count
    self.segmentCapacity = segmentCapacity
  }

  var byteCount: Int { segments.reduce(0) { $0 + $1.layout.byteCount } }

  /// The segment that holds vector `position`, and where in it.
  @inline(__always)
  func place(of position: Int) -> (segment: Segment, position: Int) {
    (segments[position / segmentCapacity], position % segmentCapacity)
  }

  func id(at position: Int) -> Int64 {
    let (segment, position) = place(of: position)
    return segment.ids[position]
  }

  // MARK: Changes

  /// Whether segment `index` is memory of our own that nobody else can see.
  mutating func owns(_ index: Int) -> Bool {
    !segments[index].isMapped && isKnownUniquelyReferenced(&segments[index])
  }

  /// Writes the first of `vectors` behind the last vector, those that lie in the block that it is in, if the last
  /// segment is ours and has room for all of `vectors` that belong there. They do not count yet.
  ///
  /// After that, nobody reads where the rest of the segment is to be written, though others may see the segment.
  /// - Returns: how many were written; nil when the segment must be copied first.
  mutating func fillBlock(_ vectors: VectorRows, ids: [Int64]) -> Int? {
    let fitting = min(segments.count * segmentCapacity - count, vectors.count)
    guard fitting > 0 else { return 0 }
    let last = segments.count - 1
    let used = count - last * segmentCapacity
    guard segments[last].capacity >= used + fitting, owns(last) else { return nil }
    let width = VectorFormat.blockVectors
    let first = min(fitting, (width - used % width) % width)
    segments[last].write(vectors, 0..<first, ids: ids, at: used)
    return first
  }

  /// Adds `vectors` behind the last one, on all cores.
  ///
  /// - Parameter written: what ``fillBlock(_:ids:)`` gave, when it was called on the contents that this is a copy of.
  /// - Throws: `CancellationError` when the calling task was cancelled; the contents then count as before.
  mutating func append(_ vectors: VectorRows, ids: [Int64], written: Int? = nil) throws {
    let (before, after) = (count, count + vectors.count)
    let width = VectorFormat.blockVectors
    if before < min(after, segments.count * segmentCapacity), written == nil {
      let last = segments.count - 1
      makeWritable(last, capacity: min(after, segments.count * segmentCapacity) - last * segmentCapacity)
    }
    while segments.count * segmentCapacity < after {
      let wanted = min(segmentCapacity, after - segments.count * segmentCapacity)
      segments.append(Segment(format, capacity: Self.grown(to: wanted, atMost: segmentCapacity)))
    }
    let start = before + (written ?? 0)
    guard start < after else {
      count = after
      return
    }
    // A piece is whole blocks, so that no two threads write to one.
    let firstBlock = start / width
    let (segments, full) = (segments, segmentCapacity)
    @Sendable func fill(_ blocks: Range<Int>) {
      var position = max(start, (firstBlock + blocks.lowerBound) * width)
      let end = min(after, (firstBlock + blocks.upperBound) * width)
      while position < end {
        let stop = min(end, (position / full + 1) * full)
        segments[position / full].write(
          vectors, position - before..<stop - before, ids: ids, at: position % full)
        position = stop
      }
    }
    let blocks = (after + width - 1) / width - firstBlock
    let grain = max(1, (1 << 20) / format.blockBytes)
    if blocks <= grain {
      fill(0..<blocks)
    } else {
      try Workers.forEachPiece(of: blocks, grain: grain) { piece, _ in fill(piece) }
    }
    count = after
  }

  /// Puts vector `row` of `vectors` in the place of the one at `position`.
  mutating func replace(_ position: Int, with vectors: VectorRows, _ row: Int, id: Int64) {
    makeWritable(position / segmentCapacity, capacity: 0)
    segments[position / segmentCapacity].write(vectors, row, id: id, over: position % segmentCapacity)
  }

  /// Takes out the vector at `position` and puts the last one there.
  mutating func remove(at position: Int) {
    let last = count - 1
    if position != last {
      let index = position / segmentCapacity
      makeWritable(index, capacity: 0)
      segments[index].replace(
        position % segmentCapacity, with: last % segmentCapacity, of: segments[last / segmentCapacity])
    }
    count = last
    if count <= (segments.count - 1) * segmentCapacity { segments.removeLast() }
  }

  /// Makes segment `index` our own, with room for at least `capacity` vectors.
  private mutating func makeWritable(_ index: Int, capacity: Int) {
    let present = segments[index].capacity
    if capacity <= present, owns(index) { return }
    let used = min(segmentCapacity, count - index * segmentCapacity)
    let room = capacity <= present ? present : Self.grown(to: capacity, atMost: segmentCapacity)
    segments[index] = Segment(copying: segments[index], count: used, capacity: room)
  }

  /// Room for `count` vectors: doubled from one block on, so that adding one by one copies each only a few times.
  private static func grown(to count: Int, atMost full: Int) -> Int {
    var capacity = VectorFormat.blockVectors
    while capacity < count { capacity *= 2 }
    return min(capacity, full)
  }
}
