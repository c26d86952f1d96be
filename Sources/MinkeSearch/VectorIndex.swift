import MinkeCore
import Synchronization

/// Vectors in memory, searched whole: the neighbours found are the nearest ones, not nearly so.
///
/// An index may be used from any task or thread at once. A search sees the index as it was when the search began, and
/// neither waits for a change nor holds one up. Each vector is held once (twice in a two-stage index: as bits and as
/// numbers).
public final class VectorIndex: Sendable {
  /// How numbers are held, which decides what an index costs and how exact its scores are.
  public enum Storage: Sendable, Equatable {
    /// 32-bit floats. Scores are exact but for the rounding of floats.
    case float32
    /// 8-bit integers with one scale a vector; queries are rounded in the same way. A quarter of the memory.
    case int8
    /// Packed bits, compared by ``Metric/hamming``.
    case binary
    /// The signs of the numbers, to find `oversampling * k` candidates by Hamming distance, and the numbers
    /// themselves, to score those. The best of the candidates are exact; that no neighbour is missing is not certain.
    case twoStage(rescoring: Rescoring, oversampling: Int)
  }

  /// How a two-stage index holds its numbers.
  public enum Rescoring: Sendable, Equatable { case float32, int8 }

  /// Numbers, or bits, of one vector.
  public let dimension: Int
  public let metric: Metric
  public let storage: Storage
  /// The instruction set that searches use.
  public let kernels: KernelLevel

  let format: VectorFormat
  private let contents: Mutex<Contents>
  /// Held through a change, so that changes come one after the other; taken before `contents`.
  private let catalog = Mutex(Catalog())

  /// The largest dimension: sums of int8 products must fit 32 bits.
  static let largestDimension = 65_535

  /// An empty index.
  ///
  /// - Throws: ``MinkeError`` of kind `invalidArgument` when `dimension` is not between 1 and 65,535 (for bits, a
  ///   multiple of 8), when `metric` and `storage` do not go together (``Metric/hamming`` goes with
  ///   ``Storage/binary`` and with nothing else), or when `oversampling` is below 1.
  public convenience init(dimension: Int, metric: Metric, storage: Storage) throws(MinkeError) {
    try self.init(dimension: dimension, metric: metric, storage: storage, kernels: .active)
  }

  /// An empty index that searches with the instruction set `kernels`, in segments of `segmentBlocks` blocks.
  package init(
    dimension: Int, metric: Metric, storage: Storage, kernels: KernelLevel, segmentBlocks: Int? = nil
  ) throws(MinkeError) {
    guard dimension > 0, dimension <= Self.largestDimension else {
      throw MinkeError(
        .invalidArgument, "dimension", expected: "1 to \(Self.largestDimension)", found: "\(dimension)")
    }
    try kernels.checkAvailable()
    guard (metric == .hamming) == (storage == .binary) else {
      throw MinkeError(
        .invalidArgument, "storage", expected: metric == .hamming ? "binary for hamming" : "numbers for \(metric)",
        found: "\(storage)")
    }
    let (scanned, rescored): (VectorFormat.Element, VectorFormat.Element?)
    switch storage {
    case .float32: (scanned, rescored) = (.float32, nil)
    case .int8: (scanned, rescored) = (.int8, nil)
    case .binary:
      guard dimension.isMultiple(of: 8) else {
        throw MinkeError(.invalidArgument, "dimension", expected: "a multiple of 8 bits", found: "\(dimension)")
      }
      (scanned, rescored) = (.bits, nil)
    case .twoStage(let rescoring, let oversampling):
      guard oversampling >= 1 else {
        throw MinkeError(.invalidArgument, "oversampling", expected: "1 or more", found: "\(oversampling)")
      }
      (scanned, rescored) = (.bits, rescoring == .int8 ? .int8 : .float32)
    }
    self.dimension = dimension
    self.metric = metric
    self.storage = storage
    self.kernels = kernels
    format = VectorFormat(dimension: dimension, metric: metric, scanned: scanned, rescored: rescored)
    contents = Mutex(Contents(format, segmentBlocks: segmentBlocks))
  }

  /// Vectors in the index.
  public var count: Int { contents.withLock { $0.count } }

  /// Bytes of memory that the index holds, room for more vectors included.
  public var byteCount: Int { catalog.withLock { $0.byteCount } + contents.withLock { $0.byteCount } }

  /// Whether a vector has this id.
  public func contains(_ id: Int64) -> Bool {
    catalog.withLock { $0.position(of: id, in: snapshot()) != nil }
  }

  /// The vectors as they are now, for a search to work on.
  func snapshot() -> Contents { contents.withLock { $0 } }

  /// Adds vectors, all or, when an error is thrown, none.
  ///
  /// - Parameter ids: one id a vector, none in the index yet; without it, the ids that follow the largest one so far,
  ///   from 0 on.
  /// - Throws: ``MinkeError`` when vectors are of another kind or dimension, hold NaN or infinity, or an id is taken;
  ///   `CancellationError` when the calling task was cancelled.
  public func add(_ vectors: Embeddings, ids: [Int64]? = nil) throws {
    try check(vectors, "vectors")
    try catalog.withLock { catalog in
      let before = snapshot()
      let newIDs = try catalog.ids(for: vectors.count, wanted: ids, in: before)
      guard before.count + vectors.count <= Int(UInt32.max) else {
        throw MinkeError(
          .invalidArgument, "vectors", expected: "at most \(UInt32.max) in one index",
          found: "\(before.count) and \(vectors.count) more")
      }
      let fitting = min(before.room, vectors.count)
      let rest = fitting..<vectors.count
      let newSegments = try before.newSegments(vectors, rest, ids: newIDs)
      catalog.add(newIDs, to: before)
      _ = consume before  // or it would count as somebody who still reads
      contents.withLock {
        $0.append(vectors, 0..<fitting, ids: newIDs, newSegments: newSegments, newCount: rest.count)
      }
    }
  }

  /// Removes the vectors with these ids; returns how many there were. Ids that no vector has are passed over.
  @discardableResult
  public func remove(ids: [Int64]) -> Int {
    catalog.withLock { catalog in
      contents.withLock { contents in
        ids.reduce(0) { $0 + (catalog.remove($1, from: &contents) ? 1 : 0) }
      }
    }
  }

  /// The numbers of a vector as the index holds them: scaled to length 1 for cosine, rounded for int8, -1 and +1 for
  /// bits.
  ///
  /// - Throws: ``MinkeError`` of kind `notFound` when no vector has this id.
  public func reconstruct(id: Int64) throws(MinkeError) -> [Float] {
    let (segment, position) = try find(id)
    return segment.numbers(at: position)
  }

  /// The packed bits of a vector: those added to a binary index, or the signs that a two-stage index scans. The most
  /// significant bit of a byte is the first.
  ///
  /// - Throws: ``MinkeError`` of kind `notFound` when no vector has this id, `invalidArgument` when the index holds no
  ///   bits.
  public func reconstructBits(id: Int64) throws(MinkeError) -> [UInt8] {
    guard format.scanned == .bits else {
      throw MinkeError(.invalidArgument, "index", expected: "binary or two-stage storage", found: "\(storage)")
    }
    let (segment, position) = try find(id)
    return segment.packedBits(at: position)
  }

  private func find(_ id: Int64) throws(MinkeError) -> (segment: Segment, position: Int) {
    let found = catalog.withLock { catalog in
      let contents = snapshot()
      return catalog.position(of: id, in: contents).map { contents.place(of: $0) }
    }
    guard let found else { throw MinkeError(.notFound, "id", expected: "an id in the index", found: "\(id)") }
    return found
  }

  /// Throws unless `vectors` are of the kind and dimension of this index and all finite.
  func check(_ vectors: Embeddings, _ name: String) throws(MinkeError) {
    switch (vectors.values, storage) {
    case (.bits, .binary): break
    case (.bits, _): throw MinkeError(.shapeMismatch, name, expected: "numbers", found: "packed bits")
    case (.float32, .binary):
      throw MinkeError(.shapeMismatch, name, expected: "packed bits, as binarized() makes them", found: "numbers")
    case (.float32(let floats), _):
      // The largest magnitude as an integer: infinity and NaN are above every finite float.
      let largest = floats.reduce(into: UInt32(0)) { $0 = max($0, $1.bitPattern & 0x7fff_ffff) }
      if largest >= Float.infinity.bitPattern, let index = floats.firstIndex(where: { !$0.isFinite }) {
        throw MinkeError(
          .notFinite, name, expected: "finite numbers",
          found: "\(floats[index]) in vector \(index / vectors.dimension)")
      }
    }
    guard vectors.dimension == dimension else {
      throw MinkeError(
        .shapeMismatch, name, expected: "\(dimension) dimensions", found: "\(vectors.dimension)")
    }
  }
}

extension KernelLevel {
  /// Throws unless this machine can run the level.
  func checkAvailable() throws(MinkeError) {
    guard isAvailable else {
      throw MinkeError(
        .invalidArgument, "kernels",
        expected: "one of \(KernelLevel.available.map(\.rawValue).joined(separator: ", ")) on this machine",
        found: rawValue)
    }
  }
}
