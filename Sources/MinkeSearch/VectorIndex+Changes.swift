import MinkeCore
import Synchronization

extension VectorIndex {
  /// Adds vectors, all or, when an error is thrown, none. Takes time proportional to the vectors added, and to the size
  /// of a segment, about 8 MiB, while a search is under way.
  ///
  /// - Parameters:
  ///   - vectors: `[count, dimension]`.
  ///   - ids: one id a vector, none in the index yet; without it, the ids that follow the largest one so far, from 0 on.
  /// - Returns: the ids, one a vector.
  /// - Throws: `MinkeError` when vectors are of another kind or dimension, hold NaN or infinity, are longer than 1e19
  ///   in an index that compares by dot product (products could overflow), or an id is taken or given twice;
  ///   `CancellationError` when the calling task was cancelled.
  @discardableResult
  public func add(_ vectors: Embeddings, ids: [Int64]? = nil) throws -> [Int64] {
    try vectors.withRows { try add($0, ids: ids) }
  }

  /// Adds vectors whose numbers lie in `bytes`, `[count, dimension]` float32 in the machine's byte order, such as a block
  /// of a database or a mapped file holds. In all else like ``add(_:ids:)``.
  @discardableResult
  public func add(floatRows bytes: RawSpan, ids: [Int64]? = nil) throws -> [Int64] {
    try bytes.withUnsafeBytes { bytes in
      let count = try rowCount(bytes.count, rowBytes: dimension * 4)
      if UInt(bitPattern: bytes.baseAddress) % 4 == 0 {
        return try add(
          VectorRows(.float32(bytes.assumingMemoryBound(to: Float.self)), count: count, dimension: dimension), ids: ids)
      }
      let aligned = AlignedBuffer<Float>(uninitialized: count * dimension)
      UnsafeMutableRawBufferPointer(aligned.mutablePointer).copyMemory(from: bytes)
      return try add(VectorRows(.float32(aligned.pointer), count: count, dimension: dimension), ids: ids)
    }
  }

  /// Adds vectors `scale * q` whose `q` lie in `bytes`, `[count, dimension]` int8. In all else like ``add(_:ids:)``.
  ///
  /// Where the index holds 8-bit numbers, they are kept as they are. For `Metric.cosine` every vector is scaled to
  /// length 1 as always, so that scales make no difference.
  /// - Parameters:
  ///   - bytes: the `q`, row by row.
  ///   - scales: one a vector; without them, the numbers are the `q` themselves.
  ///   - ids: one id a vector, none in the index yet.
  @discardableResult
  public func add(int8Rows bytes: RawSpan, scales: [Float]? = nil, ids: [Int64]? = nil) throws -> [Int64] {
    try bytes.withUnsafeBytes { bytes in
      let count = try rowCount(bytes.count, rowBytes: dimension)
      guard scales.map({ $0.count == count }) ?? true else {
        throw MinkeError(
          .shapeMismatch, "scales", expected: "one a vector, \(count)", found: "\(scales?.count ?? 0)")
      }
      let numbers = bytes.assumingMemoryBound(to: Int8.self)
      guard let scales else {
        return try add(VectorRows(.int8(numbers, scales: nil), count: count, dimension: dimension), ids: ids)
      }
      return try scales.withUnsafeBufferPointer { scales in
        try add(VectorRows(.int8(numbers, scales: scales), count: count, dimension: dimension), ids: ids)
      }
    }
  }

  /// Adds vectors whose packed bits lie in `bytes`, `[count, dimension / 8]`. In all else like ``add(_:ids:)``.
  @discardableResult
  public func add(bitRows bytes: RawSpan, ids: [Int64]? = nil) throws -> [Int64] {
    try bytes.withUnsafeBytes { bytes in
      let count = try rowCount(bytes.count, rowBytes: dimension / 8)
      return try add(
        VectorRows(.bits(bytes.assumingMemoryBound(to: UInt8.self)), count: count, dimension: dimension), ids: ids)
    }
  }

  /// Adds vectors, and puts those whose id is in the index in the place of what is there: all or, when an error is thrown,
  /// none, and a search sees all or none of it.
  ///
  /// - Parameters:
  ///   - vectors: `[count, dimension]`.
  ///   - ids: one id a vector, none of them twice.
  /// - Throws: as ``add(_:ids:)`` does.
  public func upsert(_ vectors: Embeddings, ids: [Int64]) throws {
    try vectors.withRows { rows in
      try checkKind(rows, "vectors")
      try rows.check(metric, "vectors")
      try Catalog.check(ids, count: rows.count)
      try catalog.withLock { catalog in
        try upsert(rows, ids: ids, in: &catalog)
      }
    }
  }

  /// Removes the vectors with these ids; returns how many there were. Ids that no vector has are passed over.
  ///
  /// Takes time proportional to the ids; the first removal that breaks the order of ids, to all vectors. Searches go on
  /// meanwhile: a removal that is more than a moment's work is done on a copy of the segments that it touches, which
  /// needs their memory a second time until it is done.
  @discardableResult
  public func remove(ids: [Int64]) -> Int {
    catalog.withLock { catalog in
      let before = snapshot()
      // From the last to the first: the vector that moves into a gap is then never one that must go, too.
      let positions = Set(ids.compactMap { catalog.position(of: $0, in: before) }).sorted(by: >)
      catalog.prepare(toRemove: positions, from: before)
      _ = consume before  // or it would count as a search that is under way
      change(positions) { contents in
        for position in positions { catalog.remove(at: position, from: &contents) }
      }
      return positions.count
    }
  }

  // MARK: -

  private func rowCount(_ bytes: Int, rowBytes: Int) throws(MinkeError) -> Int {
    guard rowBytes > 0, bytes.isMultiple(of: rowBytes) else {
      throw MinkeError(
        .shapeMismatch, "rows", expected: "whole rows of \(rowBytes) bytes", found: "\(bytes) bytes")
    }
    return bytes / rowBytes
  }

  private func add(_ rows: VectorRows, ids: [Int64]?) throws -> [Int64] {
    try checkKind(rows, "vectors")
    try rows.check(metric, "vectors")
    return try catalog.withLock { catalog in
      let newIDs = try catalog.ids(for: rows.count, wanted: ids, in: snapshot())
      try append(rows, ids: newIDs, in: &catalog)
      return newIDs
    }
  }

  private func append(_ rows: VectorRows, ids: [Int64], in catalog: inout Catalog) throws {
    try checkRoom(for: rows.count)
    // Only the block that searches may be reading is written to while none can begin; what follows is out of their sight.
    var (working, written) = contents.withLock { contents in
      let written = contents.fillBlock(rows, ids: ids)
      return (contents, written)
    }
    let before = working
    try working.append(rows, ids: ids, written: written)
    catalog.add(ids, to: before)
    contents.withLock { $0 = working }
  }

  private func checkRoom(for more: Int) throws(MinkeError) {
    let count = count
    guard count + more <= Int(UInt32.max) else {
      throw MinkeError(
        .invalidArgument, "vectors", expected: "at most \(UInt32.max) in one index", found: "\(count) and \(more) more")
    }
  }

  private func upsert(_ rows: VectorRows, ids: [Int64], in catalog: inout Catalog) throws {
    let before = snapshot()
    let positions = ids.map { catalog.position(of: $0, in: before) }
    let new = positions.indices.filter { positions[$0] == nil }
    guard new.count < positions.count else {
      _ = consume before
      return try append(rows, ids: ids, in: &catalog)
    }
    guard !new.isEmpty else {
      _ = consume before
      return change(positions.compactMap { $0 }) { contents in
        for (row, position) in positions.enumerated() {
          if let position { contents.replace(position, with: rows, row, id: ids[row]) }
        }
      }
    }
    try checkRoom(for: new.count)
    var working = before
    for (row, position) in positions.enumerated() {
      if let position { working.replace(position, with: rows, row, id: ids[row]) }
    }
    let newIDs = new.map { ids[$0] }
    try working.append(VectorRows(rows, choosing: new), ids: newIDs)
    catalog.add(newIDs, to: before)
    contents.withLock { $0 = working }
  }

  /// Bytes of vectors that are written at once while no search can begin: well below a millisecond of work.
  private static var momentBytes: Int { 1 << 16 }

  /// Makes a change that writes to the vectors at `positions`: in place when it is small and no search is reading them,
  /// else on a copy that then takes the place of the contents.
  private func change(_ positions: [Int], _ body: (inout Contents) -> Void) {
    if positions.count * (format.blockRows * 4 + format.rescoredBytes) <= Self.momentBytes {
      let isDone = contents.withLock { contents in
        let segments = Set(positions.map { $0 / contents.segmentCapacity })
        guard segments.allSatisfy({ contents.owns($0) }) else { return false }
        body(&contents)
        return true
      }
      if isDone { return }
    }
    var working = snapshot()
    body(&working)
    contents.withLock { $0 = working }
  }
}
