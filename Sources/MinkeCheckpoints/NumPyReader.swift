import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads the elements of a `.npy` file, or of one that comes through standard input, from first to last, in pieces.
///
/// Nothing is mapped: a file that another program cuts short meanwhile is an error, and memory holds one piece.
package final class NumPyReader {
  package let elementType: ElementType
  /// The length of each axis.
  package let shape: [Int]
  /// Rows, elements along the first axis, that were read so far.
  package private(set) var rowsRead = 0
  private let source: Source

  /// Opens the file at `url` and reads its header.
  ///
  /// - Throws: `MinkeError` when there is no such file, it is a folder, a pipe or a device, breaks the format, or is
  ///   longer or shorter than its header says.
  package convenience init(_ url: URL) throws(MinkeError) {
    let name = url.relativePath
    // Without O_NONBLOCK, opening a pipe by its name would wait for whoever writes to it.
    let descriptor = open(url.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw MinkeError.systemCall(errno, name, expected: "a readable file") }
    let source = Source(descriptor, isOpenedHere: true, name: name)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw MinkeError.systemCall(errno, name, expected: "a readable file")
    }
    if let kind = status.kindUnlessPlain {
      let hint = kind == "a pipe" ? ", which can only be read as standard input" : ""
      throw MinkeError(.inputOutput, name, expected: "a file", found: kind + hint)
    }
    try self.init(source, size: Int(status.st_size))
  }

  /// Reads the header of what comes through standard input.
  ///
  /// - Throws: `MinkeError` when it breaks the format.
  package convenience init(standardInput: Void) throws(MinkeError) {
    try self.init(Source(STDIN_FILENO, isOpenedHere: false, name: "standard input"), size: nil)
  }

  /// - Parameter size: bytes of the file, where they are known.
  private init(_ source: Source, size: Int?) throws(MinkeError) {
    self.source = source
    var bytes = try source.read(atMost: NumPyHeader.prefixCount)
    let wanted = try NumPyHeader.byteCount(ofHeader: bytes, path: source.name)
    bytes += try source.read(atMost: max(0, wanted - bytes.count))
    let header = try NumPyHeader(reading: bytes, path: source.name)
    (elementType, shape) = (header.elementType, header.shape)
    guard let count = Tensor.elementCount(shape),
      case (let body, false) = count.multipliedReportingOverflow(by: elementType.byteCount),
      size == nil || size == wanted + body
    else {
      throw MinkeError(
        .shapeMismatch, subject, expected: "the bytes of \(elementType.rawValue) \(shape)",
        found: size.map { "\($0 - wanted) bytes" } ?? "a shape that is too large")
    }
  }

  /// The array in error texts.
  package var subject: String { Tensor.subject("array", in: source.name) }

  /// The next whole rows, about `bytes` of them or one; nil at the end.
  ///
  /// - Throws: `MinkeError` when reading fails, or ends too early, or goes on after the last element.
  package func next(bytes wanted: Int = 4 << 20) throws(MinkeError) -> Tensor? {
    guard let rows = shape.first else { throw scalar() }
    // An axis of length 0 leaves nothing to read, however many rows there are.
    let rowBytes = shape.dropFirst().contains(0) ? 0 : shape.dropFirst().reduce(elementType.byteCount, *)
    let count = rowBytes == 0 ? rows - rowsRead : min(rows - rowsRead, max(1, wanted / rowBytes))
    guard count > 0 else {
      guard try source.read(atMost: 1).isEmpty else {
        throw MinkeError(.malformedFile, subject, expected: "\(rows) rows", found: "more")
      }
      return nil
    }
    let buffer = AlignedBuffer<UInt8>(uninitialized: count * rowBytes)
    let received = try source.read(into: UnsafeMutableRawBufferPointer(buffer.mutablePointer))
    guard received == count * rowBytes else {
      throw MinkeError(
        .malformedFile, subject, expected: "\(rows) rows", found: "the end after \(rowsRead + received / rowBytes)")
    }
    rowsRead += count
    return try Tensor(
      name: "array", elementType: elementType, shape: [count] + shape.dropFirst(), bytes: SharedBuffer(buffer),
      file: source.name)
  }

  /// All elements at once.
  func whole() throws(MinkeError) -> Tensor {
    let count = (Tensor.elementCount(shape) ?? 0) * elementType.byteCount
    let buffer = AlignedBuffer<UInt8>(uninitialized: count)
    guard try source.read(into: UnsafeMutableRawBufferPointer(buffer.mutablePointer)) == count else {
      throw MinkeError(.malformedFile, subject, expected: "\(count) bytes", found: "fewer")
    }
    return try Tensor(
      name: "array", elementType: elementType, shape: shape, bytes: SharedBuffer(buffer), file: source.name)
  }

  private func scalar() -> MinkeError {
    MinkeError(.shapeMismatch, subject, expected: "rows", found: "shape []")
  }

  /// A descriptor that is read from start to end.
  private final class Source {
    let name: String
    private let descriptor: Int32
    private let isOpenedHere: Bool

    init(_ descriptor: Int32, isOpenedHere: Bool, name: String) {
      self.descriptor = descriptor
      self.isOpenedHere = isOpenedHere
      self.name = name
    }

    deinit { if isOpenedHere { close(descriptor) } }

    /// Fills `buffer`; gives how many bytes there were, fewer only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(MinkeError) -> Int {
      var received = 0
      while received < buffer.count, let start = buffer.baseAddress {
        // At most 1 GiB at a time: some systems refuse more.
        let count = systemRead(descriptor, start + received, min(buffer.count - received, 1 << 30))
        if count == 0 { break }
        if count < 0, errno != EINTR { throw MinkeError.systemCall(errno, name, expected: "a readable .npy file") }
        received += max(0, count)
      }
      return received
    }

    func read(atMost count: Int) throws(MinkeError) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      var failure: MinkeError?
      let received = bytes.withUnsafeMutableBytes { buffer in
        do throws(MinkeError) { return try read(into: buffer) } catch { failure = error }
        return 0
      }
      if let failure { throw failure }
      return Array(bytes.prefix(received))
    }
  }
}

/// The system's `read`, which a method of that name would hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
  read(descriptor, buffer, count)
}

extension NumPyReader {
  /// Throws unless the array is made of vectors: two axes, and floating-point numbers, 8-bit integers, or bits packed into
  /// bytes.
  package func checkVectors() throws(MinkeError) {
    guard shape.count == 2 else {
      throw MinkeError(.shapeMismatch, subject, expected: "shape [any, any]", found: "shape \(shape)")
    }
    guard elementType.isFloatingPoint || elementType == .uint8 || elementType == .int8 else {
      throw MinkeError(
        .unsupportedFile, subject, expected: "floating-point numbers, 8-bit integers, or bits packed in U8",
        found: elementType.rawValue)
    }
    guard shape[1] > 0, shape[1] < Int.max / 8 else {
      throw MinkeError(.shapeMismatch, subject, expected: "vectors of 1 number or more", found: "shape \(shape)")
    }
  }

  /// Numbers, or bits, of one vector.
  package var vectorDimension: Int { elementType == .uint8 ? shape[1] * 8 : shape[1] }

  /// The next vectors, about `bytes` of them or one; nil at the end.
  ///
  /// - Throws: `MinkeError` as ``next(bytes:)`` and ``checkVectors()`` do, or when a number is not finite.
  package func nextVectors(bytes: Int = 4 << 20) throws(MinkeError) -> Embeddings? {
    try checkVectors()
    let before = rowsRead
    guard let piece = try next(bytes: bytes) else { return nil }
    if elementType == .uint8 { return try Embeddings(packed: piece.bytes().copied(), dimension: vectorDimension) }
    let floats = try piece.floats()
    if let index = floats.firstNotFinite {
      throw MinkeError(
        .notFinite, subject, expected: "finite numbers",
        found: "\(floats[index]) at index [\(before + index / shape[1]), \(index % shape[1])]")
    }
    return try Embeddings(floats: floats.copied(), dimension: shape[1])
  }
}
