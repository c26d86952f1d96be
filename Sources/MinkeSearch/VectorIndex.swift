import MinkeCore
import Synchronization

/// Vectors in memory, searched whole: the neighbors found are the nearest ones, not nearly so.
///
/// An index may be used from any task or thread at once. A search sees the index as it was when the search began, and
/// neither waits for a change nor holds one up. Changes come one after the other; asking for single vectors waits for a
/// change under way. Each vector is held once (twice in a two-stage index: as bits and as numbers).
public final class VectorIndex: Sendable {
  /// How numbers are held, which decides what an index costs and how exact its scores are.
  public enum Storage: Sendable, Equatable {
    /// 32-bit floats. Scores are exact but for the rounding of floats.
    case float32
    /// 8-bit integers with one scale a vector; queries are rounded in the same way. A quarter of the memory.
    case int8
    /// Packed bits, compared by `Metric.hamming`.
    case binary
    /// The signs of the numbers, to find `oversampling * k` candidates by Hamming distance, and the numbers
    /// themselves, to score those. The best of the candidates are exact; that no neighbor is missing is not certain.
    case twoStage(rescoring: Rescoring, oversampling: Int)
  }

  /// How a two-stage index holds its numbers.
  public enum Rescoring: Sendable, Equatable {
    /// As they are, 4 bytes each.
    case float32
    /// Rounded to 8 bits.
    case int8
  }

  /// Numbers, or bits, of one vector.
  public let dimension: Int
  /// How vectors are compared.
  public let metric: Metric
  /// How vectors are held.
  public let storage: Storage
  /// The instruction set that searches use.
  package let kernels: KernelLevel

  let format: VectorFormat
  let contents: Mutex<Contents>
  /// Held through a change, so that changes come one after the other; taken before `contents`.
  let catalog: Mutex<Catalog>

  /// The largest dimension: sums of int8 products must fit 32 bits.
  static let largestDimension = 65_535

  /// An empty index.
  ///
  /// - Throws: `MinkeError` of kind `invalidArgument` when `dimension` is not between 1 and 65,535 (for bits, a
  ///   multiple of 8), when `metric` and `storage` do not go together (`Metric.hamming` goes with
  ///   ``Storage/binary`` and with nothing else), or when `oversampling` is below 1.
  public convenience init(dimension: Int, metric: Metric, storage: Storage) throws(MinkeError) {
    try self.init(dimension: dimension, metric: metric, storage: storage, kernels: .active)
  }

  /// An empty index that searches with the instruction set `kernels`, in segments of `segmentBlocks` blocks.
  package convenience init(
    dimension: Int, metric: Metric, storage: Storage, kernels: KernelLevel, segmentBlocks: Int? = nil
  ) throws(MinkeError) {
    let format = try VectorFormat(dimension: dimension, metric: metric, storage: storage)
    try self.init(
      format, storage: storage, kernels: kernels, contents: Contents(format, segmentBlocks: segmentBlocks),
      catalog: Catalog())
  }

  /// The index of `contents`, whose ids are in `catalog`.
  init(
    _ format: VectorFormat, storage: Storage, kernels: KernelLevel, contents: Contents, catalog: Catalog
  ) throws(MinkeError) {
    try kernels.checkAvailable()
    self.format = format
    dimension = format.dimension
    metric = format.metric
    self.storage = storage
    self.kernels = kernels
    self.contents = Mutex(contents)
    self.catalog = Mutex(catalog)
  }

  /// Vectors in the index.
  public var count: Int { contents.withLock { $0.count } }

  /// Bytes of memory that the index holds, room for more vectors and the pages of a mapped file included.
  public var byteCount: Int { catalog.withLock { $0.byteCount } + contents.withLock { $0.byteCount } }

  /// The ids of all vectors, in ascending order. Takes time proportional to their number, and their sorting if they
  /// were not added in that order.
  public var ids: [Int64] {
    let (contents, isAscending) = catalog.withLock { (snapshot(), $0.isAscending) }
    var ids: [Int64] = []
    ids.reserveCapacity(contents.count)
    for (index, segment) in contents.segments.enumerated() {
      let count = min(contents.segmentCapacity, contents.count - index * contents.segmentCapacity)
      ids += UnsafeBufferPointer(start: segment.ids, count: count)
    }
    if !isAscending { ids.sort() }
    return ids
  }

  /// Whether a vector has this id. Takes constant time, or logarithmic while ids were only added in ascending order; the
  /// first call after the order was broken takes time proportional to the vectors.
  public func contains(_ id: Int64) -> Bool {
    catalog.withLock { $0.position(of: id, in: snapshot()) != nil }
  }

  /// The vectors as they are now, for a search to work on.
  func snapshot() -> Contents { contents.withLock { $0 } }

  /// The numbers of a vector as the index holds them: scaled to length 1 for cosine, rounded for int8, -1 and +1 for
  /// bits.
  ///
  /// - Throws: `MinkeError` of kind `notFound` when no vector has this id.
  public func reconstruct(id: Int64) throws(MinkeError) -> [Float] {
    let (segment, position) = try find(id)
    return segment.numbers(at: position)
  }

  /// The packed bits of a vector: those added to a binary index, or the signs that a two-stage index scans. The most
  /// significant bit of a byte is the first.
  ///
  /// - Throws: `MinkeError` of kind `notFound` when no vector has this id, `invalidArgument` when the index holds no
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

  /// Throws unless `vectors` are of the kind and dimension of this index.
  func checkKind(_ vectors: VectorRows, _ name: String) throws(MinkeError) {
    switch (vectors.values, storage) {
    case (.bits, .binary), (.float32, .float32), (.float32, .int8), (.float32, .twoStage): break
    case (.int8, .float32), (.int8, .int8), (.int8, .twoStage): break
    case (.bits, _): throw MinkeError(.shapeMismatch, name, expected: "numbers", found: "packed bits")
    case (_, .binary):
      throw MinkeError(.shapeMismatch, name, expected: "packed bits, as binarized() makes them", found: "numbers")
    }
    guard vectors.dimension == dimension else {
      throw MinkeError(
        .shapeMismatch, name, expected: "\(dimension) dimensions", found: "\(vectors.dimension)")
    }
  }
}

extension VectorFormat {
  /// The format of an index.
  ///
  /// - Throws: `MinkeError` as ``VectorIndex/init(dimension:metric:storage:)`` does.
  init(dimension: Int, metric: Metric, storage: VectorIndex.Storage) throws(MinkeError) {
    guard dimension > 0, dimension <= VectorIndex.largestDimension else {
      throw MinkeError(
        .invalidArgument, "dimension", expected: "1 to \(VectorIndex.largestDimension)", found: "\(dimension)")
    }
    guard (metric == .hamming) == (storage == .binary) else {
      throw MinkeError(
        .invalidArgument, "storage", expected: metric == .hamming ? "binary for hamming" : "numbers for \(metric)",
        found: "\(storage)")
    }
    switch storage {
    case .float32: self.init(dimension: dimension, metric: metric, scanned: .float32, rescored: nil)
    case .int8: self.init(dimension: dimension, metric: metric, scanned: .int8, rescored: nil)
    case .binary:
      guard dimension.isMultiple(of: 8) else {
        throw MinkeError(.invalidArgument, "dimension", expected: "a multiple of 8 bits", found: "\(dimension)")
      }
      self.init(dimension: dimension, metric: metric, scanned: .bits, rescored: nil)
    case .twoStage(let rescoring, let oversampling):
      guard oversampling >= 1 else {
        throw MinkeError(.invalidArgument, "oversampling", expected: "1 or more", found: "\(oversampling)")
      }
      self.init(
        dimension: dimension, metric: metric, scanned: .bits, rescored: rescoring == .int8 ? .int8 : .float32)
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
