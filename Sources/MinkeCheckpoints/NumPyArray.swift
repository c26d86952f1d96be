import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One array in NumPy's `.npy` format, versions 1 to 3.
///
/// Little-endian numbers in C order are read and written; the format is described at
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
public struct NumPyArray: Sendable {
  /// The array's elements, with its type and shape.
  public let values: Tensor

  /// An array of the elements of `values`; its name is not written.
  public init(_ values: Tensor) { self.values = values }

  /// Reads the array at `url` into memory.
  ///
  /// It is not mapped: a file that another program cuts short meanwhile is an error, not the end of this program.
  /// - Throws: `MinkeError` when the file breaks the format, does not hold exactly the elements its header
  ///   promises, or holds big-endian numbers, Fortran order, Python objects or another unusual type.
  public init(contentsOf url: URL) throws(MinkeError) { values = try NumPyReader(url).whole() }

  /// Reads an array from memory; `name` stands for the file in error texts.
  ///
  /// - Throws: `MinkeError` as ``init(contentsOf:)`` does.
  package init(bytes: UnsafeRawBufferPointer, named name: String) throws(MinkeError) {
    try self.init(SharedBuffer(copying: bytes.bindMemory(to: UInt8.self)), path: name)
  }

  private init(_ bytes: SharedBuffer<UInt8>, path: String) throws(MinkeError) {
    let header = try NumPyHeader(reading: UnsafeRawBufferPointer(bytes.pointer), path: path)
    let data = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes.pointer)[header.byteCount...])
    values = try Tensor(
      name: "array", elementType: header.elementType, shape: header.shape,
      bytes: SharedBuffer(data, within: bytes), file: path)
  }

  /// The bytes of the `.npy` file, as `numpy.save` writes it.
  public func serialized() throws(MinkeError) -> [UInt8] {
    try header() + values.bytes().copied()
  }

  /// Writes the `.npy` file, which takes its place at `url` only when it is whole.
  ///
  /// - Throws: `MinkeError` when the element type has no NumPy counterpart or writing fails.
  public func write(to url: URL) throws(MinkeError) {
    let header = try header()
    var file = try FileWriter(url)
    try file.write(header)
    try file.write(values.bytes())
    try file.finish()
  }

  private func header() throws(MinkeError) -> [UInt8] {
    try NumPyHeader.bytes(values.elementType, shape: values.shape, subject: values.subject)
  }
}

extension Embeddings {
  /// The vectors of a two-dimensional `.npy` file: `[count, dimension]` floating-point numbers or 8-bit integers, or
  /// `[count, dimension / 8]` bytes of packed bits (numpy `packbits`).
  ///
  /// - Throws: `MinkeError` when the file is no such array or a number is not finite.
  public init(npy url: URL) throws(MinkeError) {
    let reader = try NumPyReader(url)
    try reader.checkVectors()
    let count = reader.shape[0] * reader.shape[1]
    if reader.elementType == .uint8 {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(count)
      while let piece = try reader.nextVectors() { bytes += piece.packedBits ?? [] }
      try self.init(packed: bytes, dimension: reader.vectorDimension)
    } else {
      var floats: [Float] = []
      floats.reserveCapacity(count)
      while let piece = try reader.nextVectors() { floats += piece.floats ?? [] }
      try self.init(floats: floats, dimension: reader.vectorDimension)
    }
  }

  /// The bytes of a `.npy` file of the vectors: `[count, dimension]` float32, or `[count, dimension / 8]` bytes of
  /// packed bits.
  public func npyBytes() throws(MinkeError) -> [UInt8] {
    var bytes = try NumPyHeader.bytes(
      elementType, shape: [count, dimension / numbersPerElement], subject: "embeddings")
    bytes.reserveCapacity(bytes.count + byteCount)
    withElements { bytes += $0 }
    return bytes
  }

  /// Writes what ``npyBytes()`` gives to a file, without a copy; it takes its place at `url` only when it is whole.
  ///
  /// - Throws: `MinkeError` when writing fails.
  public func writeNPY(to url: URL) throws(MinkeError) {
    var writer = try NumPyWriter(FileWriter(url), like: self, rows: count)
    try writer.append(self)
    try writer.finish()
  }

  /// The type of the elements that the vectors are written as.
  package var elementType: ElementType { if case .float32 = values { .float32 } else { .uint8 } }

  /// Numbers, or bits, in one of those elements.
  var numbersPerElement: Int { if case .float32 = values { 1 } else { 8 } }

  /// Calls `body` with the vectors as they lie in memory.
  package func withElements<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    switch values {
    case .float32(let floats): try floats.withUnsafeBytes(body)
    case .bits(let bytes): try bytes.withUnsafeBytes(body)
    }
  }
}
