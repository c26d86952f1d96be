import MinkeCore

/// Which vectors a search may find: for each block of an index, a bit for each of its vectors.
struct BlockMask: Sendable {
  /// Vectors let through.
  let count: Int
  private let lanes: AlignedBuffer<UInt16>

  /// The vectors of the bits in `parts`, one part a segment, that `filter` lets through as well.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  init(_ parts: [SharedBuffer<UInt16>], _ filter: IDFilter?, _ contents: Contents) throws {
    let asked = try filter.map { try BlockMask($0, contents) }
    let lanes = AlignedBuffer<UInt16>(uninitialized: parts.reduce(0) { $0 + $1.count })
    var (block, count) = (0, 0)
    for part in parts {
      withExtendedLifetime(part) {
        for bits in part.pointer {
          let mask = asked.map { bits & $0.lanes(of: block) } ?? bits
          lanes.baseAddress[block] = mask
          count += mask.nonzeroBitCount
          block += 1
        }
      }
    }
    (self.lanes, self.count) = (lanes, count)
  }

  /// Asks `filter` for every vector of `contents`, on all cores.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  init(_ filter: IDFilter, _ contents: Contents) throws {
    let width = VectorFormat.blockVectors
    let blocks = (contents.count + width - 1) / width
    let lanes = AlignedBuffer<UInt16>(uninitialized: blocks)
    let counts = AlignedBuffer<Int>(zeroed: blocks / Self.grain + 1)
    try Workers.forEachPiece(of: blocks, grain: Self.grain) { piece, _ in
      var count = 0
      for block in piece {
        let (segment, first) = contents.place(of: block * width)
        let ids = UnsafePointer(segment.ids + first)
        let used = min(width, contents.count - block * width)
        // The rule is looked at once a block, not once an id.
        let bits =
          switch filter.rule {
          case .bits(let set): Self.bits(ids, used) { set.contains($0) }
          case .table(let set): Self.bits(ids, used) { set.contains($0) }
          case .predicate(let predicate): Self.bits(ids, used, predicate)
          }
        let mask = filter.isInverted ? ~bits & (0xffff >> UInt16(width - used)) : bits
        lanes.baseAddress[block] = mask
        count += mask.nonzeroBitCount
      }
      counts.baseAddress[piece.lowerBound / Self.grain] = count
    }
    count = counts.pointer.reduce(0, +)
    self.lanes = lanes
  }

  private static let grain = 2048

  @inline(__always)
  private static func bits(_ ids: UnsafePointer<Int64>, _ count: Int, _ contains: (Int64) -> Bool) -> UInt16 {
    var bits: UInt16 = 0
    for lane in 0..<count where contains(ids[lane]) { bits |= 1 << UInt16(lane) }
    return bits
  }

  fileprivate func lanes(of block: Int) -> UInt16 { lanes.baseAddress[block] }
}

extension BlockMask? {
  /// How many blocks from `block` on, at most `limit`, have a vector that is let through, up to the first without.
  @inline(__always)
  func run(from block: Int, atMost limit: Int) -> Int {
    guard let self else { return limit }
    var count = 0
    while count < limit, self.lanes(of: block + count) != 0 { count += 1 }
    return count
  }

  /// Whether the vector at `position` is not let through.
  @inline(__always)
  func leavesOut(_ position: Int) -> Bool {
    guard let self else { return false }
    return self.lanes(of: position / VectorFormat.blockVectors) >> UInt16(position % VectorFormat.blockVectors) & 1 == 0
  }
}
