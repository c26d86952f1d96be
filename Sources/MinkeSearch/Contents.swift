import MinkeCore

/// The vectors of an index at one moment.
///
/// It is a value: a search works on its own copy, which shares the segments, and a writer copies a segment before it
/// changes one that somebody still reads. So nobody waits for a search to end, and no search sees half a change.
struct Contents: Sendable {
  let format: VectorFormat
  /// All but the last have `segmentCapacity` vectors.
  private(set) var segments: [Segment] = []
  private(set) var count = 0

  /// Vectors of a full segment, whole blocks.
  let segmentCapacity: Int

  /// - Parameter segmentBlocks: blocks of a full segment; nil for about 8 MiB. With less, the ends of segments cost time;
  ///   with more, the copy that a change during a search may need does.
  init(_ format: VectorFormat, segmentBlocks: Int? = nil) {
    self.format = format
    segmentCapacity = max(1, segmentBlocks ?? (8 << 20) / format.blockBytes) * VectorFormat.blockVectors
  }

  var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }

  /// The segment that holds vector `position`, and where in it.
  func place(of position: Int) -> (segment: Segment, position: Int) {
    (segments[position / segmentCapacity], position % segmentCapacity)
  }

  func id(at position: Int) -> Int64 {
    let (segment, position) = place(of: position)
    return segment.ids[position]
  }

  /// How many more vectors the last segment takes, when grown to its full size.
  var room: Int { segments.count * segmentCapacity - count }

  /// Segments with vectors `source` of `vectors`, to be appended when the last segment is full.
  func newSegments(_ vectors: Embeddings, _ source: Range<Int>, ids: [Int64]) throws -> [Segment] {
    let full = segmentCapacity
    let made = stride(from: source.lowerBound, to: source.upperBound, by: full).map {
      Segment(format, capacity: Self.grown(to: min(full, source.upperBound - $0), atMost: full))
    }
    // A piece is whole blocks, so that no two threads write to one.
    let grain = max(1, (1 << 20) / format.blockBytes) * VectorFormat.blockVectors
    try Workers.forEachPiece(of: source.count, grain: grain) { piece, _ in
      var start = piece.lowerBound
      while start < piece.upperBound {
        let end = min(piece.upperBound, (start / full + 1) * full)
        made[start / full].write(
          vectors, source.lowerBound + start..<source.lowerBound + end, ids: ids, at: start % full)
        start = end
      }
    }
    return made
  }

  /// Adds vectors `source` of `vectors`, which must fit into ``room``, and then `newSegments` of `newCount` vectors.
  mutating func append(
    _ vectors: Embeddings, _ source: Range<Int>, ids: [Int64], newSegments: [Segment], newCount: Int
  ) {
    if !source.isEmpty {
      let last = segments.count - 1
      let used = count - last * segmentCapacity
      makeWritable(last, capacity: used + source.count)
      segments[last].write(vectors, source, ids: ids, at: used)
    }
    segments += newSegments
    count += source.count + newCount
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
    if capacity <= present, isKnownUniquelyReferenced(&segments[index]) { return }
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
