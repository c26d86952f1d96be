import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension VectorIndex {
  /// Maps the index that ``write(to:)`` wrote to `url`. It can be searched at once: nothing is read but what a search
  /// looks at, and programs that map the same file share its memory.
  ///
  /// A change copies the segments that it touches; the file stays as it is. The file must not be cut short in place
  /// while it is mapped, which the operating system answers by ending the program; ``write(to:)`` replaces it whole.
  /// - Throws: `MinkeError` when there is no such file, or it is not a whole index of this version.
  public convenience init(contentsOf url: URL) throws(MinkeError) {
    try self.init(contentsOf: url, kernels: .active)
  }

  package convenience init(contentsOf url: URL, kernels: KernelLevel) throws(MinkeError) {
    let file = try MappedFile(url)
    let header = try IndexFileHeader(reading: file.bytes, path: file.path)
    let format = header.format
    let segments = header.segments.map { range, capacity in
      Segment(format, capacity: capacity, bytes: UnsafeRawBufferPointer(rebasing: file.bytes[range]), of: file)
    }
    try self.init(
      format, storage: header.storage, kernels: kernels,
      contents: Contents(format, segments: segments, count: header.count, segmentCapacity: header.segmentCapacity),
      catalog: Catalog(isAscending: header.isAscending, largest: header.largestID))
  }

  /// Writes the index, as it is now, to a file that takes its place at `url` only when it is whole.
  ///
  /// ``init(contentsOf:)`` maps it. The format is described in Sources/MinkeSearch/README.md.
  /// - Throws: `MinkeError` when writing fails; `CancellationError` when the calling task was cancelled.
  public func write(to url: URL) throws {
    let (contents, isAscending, largest) = catalog.withLock { (snapshot(), $0.isAscending, $0.largest) }
    let header = IndexFileHeader(
      format: format, storage: storage, count: contents.count, segmentCapacity: contents.segmentCapacity,
      isAscending: isAscending, largestID: largest)
    var file = try FileWriter(url)
    try file.write(header.bytes)
    for (index, segment) in contents.segments.enumerated() {
      try Task.checkCancellation()
      let count = min(contents.segmentCapacity, contents.count - index * contents.segmentCapacity)
      // A copy, so that what lies beyond the vectors and between the parts is zeros in the file, whatever it is here.
      let copy = Segment(copying: segment, count: count, capacity: header.capacity(ofSegment: index))
      copy.clear(beyond: count)
      try withExtendedLifetime(copy) { try file.write(copy.bytes) }
    }
    try file.finish()
  }
}

/// What stands before the segments in the file of an index: 128 bytes, all numbers little-endian.
struct IndexFileHeader {
  let format: VectorFormat
  let storage: VectorIndex.Storage
  let count: Int
  let segmentCapacity: Int
  let isAscending: Bool
  let largestID: Int64

  static let byteCount = 128
  private static let magic = Array("minkeidx".utf8)
  private static let version: UInt32 = 1
  /// Where the checksum of all bytes before it lies.
  private static let checksumOffset = 120

  init(
    format: VectorFormat, storage: VectorIndex.Storage, count: Int, segmentCapacity: Int, isAscending: Bool,
    largestID: Int64
  ) {
    self.format = format
    self.storage = storage
    self.count = count
    self.segmentCapacity = segmentCapacity
    self.isAscending = isAscending
    self.largestID = largestID
  }

  /// Vectors that segment `index` has room for in the file: the last one has no more blocks than it needs.
  func capacity(ofSegment index: Int) -> Int {
    let width = VectorFormat.blockVectors
    return min(segmentCapacity, (count - index * segmentCapacity + width - 1) / width * width)
  }

  private var segmentCount: Int { (count + segmentCapacity - 1) / segmentCapacity }

  /// Where each segment lies in the file, and its capacity.
  var segments: [(Range<Int>, Int)] {
    let full = SegmentLayout(format, capacity: segmentCapacity).byteCount
    return (0..<segmentCount).map { index in
      let start = Self.byteCount + index * full
      let capacity = capacity(ofSegment: index)
      return (start..<start + SegmentLayout(format, capacity: capacity).byteCount, capacity)
    }
  }

  private var fileSize: Int {
    guard segmentCount > 0 else { return Self.byteCount }
    return Self.byteCount + (segmentCount - 1) * SegmentLayout(format, capacity: segmentCapacity).byteCount
      + SegmentLayout(format, capacity: capacity(ofSegment: segmentCount - 1)).byteCount
  }

  var bytes: [UInt8] {
    var bytes = Self.magic
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    append(Self.version)
    append(UInt32(Self.byteCount))
    append(UInt32(format.dimension))
    append(UInt8(Self.metrics.firstIndex(of: format.metric) ?? 0))
    let (code, oversampling) = storage.code
    append(code)
    append(UInt16(isAscending ? 1 : 0))
    append(Int64(oversampling))
    append(UInt64(count))
    append(UInt64(segmentCapacity))
    append(largestID)
    append(UInt64(fileSize))
    bytes += repeatElement(0, count: Self.checksumOffset - bytes.count)
    append(Self.checksum(bytes))
    return bytes
  }

  private static let metrics: [Metric] = [.cosine, .dot, .hamming]

  /// FNV-1a (Fowler, Noll and Vo 1991), 64 bits.
  private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// Reads the header of `file`, and checks that the file is as long as the header says.
  init(reading file: UnsafeRawBufferPointer, path: String) throws(MinkeError) {
    func malformed(_ expected: String, _ found: String) -> MinkeError {
      MinkeError(.malformedFile, path, expected: expected, found: found)
    }
    func number<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Value.Type) -> Value {
      Value(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: type))
    }
    guard file.prefix(Self.magic.count).elementsEqual(Self.magic) else {
      throw malformed("a vector index", "other bytes at its beginning")
    }
    guard file.count >= Self.byteCount else {
      throw malformed("a header of \(Self.byteCount) bytes", "\(file.count) bytes")
    }
    guard number(8, UInt32.self) == Self.version, number(12, UInt32.self) == Self.byteCount else {
      throw MinkeError(
        .unsupportedFile, path, expected: "a vector index of version \(Self.version)",
        found: "version \(number(8, UInt32.self))")
    }
    guard number(Self.checksumOffset, UInt64.self) == Self.checksum(file.prefix(Self.checksumOffset)) else {
      throw malformed("a header that agrees with its checksum", "one that does not")
    }
    let metric = Int(file[20])
    let oversampling = number(24, Int64.self)
    guard metric < Self.metrics.count, let storage = VectorIndex.Storage(code: file[21], oversampling: oversampling),
      case let (count, capacity) = (number(32, UInt64.self), number(40, UInt64.self)), count <= UInt32.max,
      capacity > 0, capacity <= UInt32.max, capacity.isMultiple(of: UInt64(VectorFormat.blockVectors))
    else { throw malformed("the header of a vector index", "numbers out of their range") }
    do throws(MinkeError) {
      format = try VectorFormat(
        dimension: Int(number(16, UInt32.self)), metric: Self.metrics[metric], storage: storage)
    } catch { throw error.inside(path) }
    self.storage = storage
    self.count = Int(count)
    segmentCapacity = Int(capacity)
    isAscending = file[22] == 1
    largestID = number(48, Int64.self)
    guard number(56, UInt64.self) == UInt64(fileSize), file.count == fileSize else {
      throw malformed("\(fileSize) bytes", "\(file.count)")
    }
  }
}

extension VectorIndex.Storage {
  /// The number that stands for a storage in a file, and its oversampling; 0 where it has none.
  fileprivate var code: (UInt8, oversampling: Int) {
    switch self {
    case .float32: (0, 0)
    case .int8: (1, 0)
    case .binary: (2, 0)
    case .twoStage(.float32, let oversampling): (3, oversampling)
    case .twoStage(.int8, let oversampling): (4, oversampling)
    }
  }

  fileprivate init?(code: UInt8, oversampling: Int64) {
    switch code {
    case 0: self = .float32
    case 1: self = .int8
    case 2: self = .binary
    case 3: self = .twoStage(rescoring: .float32, oversampling: Int(oversampling))
    case 4: self = .twoStage(rescoring: .int8, oversampling: Int(oversampling))
    default: return nil
    }
  }
}
