import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One array in NumPy's `.npy` format, versions 1 to 3, memory-mapped.
///
/// Little-endian numbers in C order are read and written; the format is described at
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
public struct NumPyArray: Sendable {
  /// The array's elements, with its type and shape.
  public let values: Tensor

  /// An array of the elements of `values`; its name is not written.
  public init(_ values: Tensor) { self.values = values }

  /// Maps the array at `url`.
  ///
  /// - Throws: ``MinkeError`` when the file breaks the format, does not hold exactly the elements its header
  ///   promises, or holds big-endian numbers, Fortran order, Python objects or another unusual type.
  public init(contentsOf url: URL) throws(MinkeError) {
    let file = try MappedFile(url)
    try self.init(SharedBuffer(file.bytes, of: file), path: file.path)
  }

  /// Reads an array from memory; `name` stands for the file in error texts.
  ///
  /// - Throws: ``MinkeError`` as ``init(contentsOf:)`` does.
  public init(bytes: UnsafeRawBufferPointer, named name: String) throws(MinkeError) {
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
    try NumPyHeader.bytes(for: values) + values.bytes().copied()
  }

  /// Writes the `.npy` file, which takes its place at `url` only when it is whole.
  ///
  /// - Throws: ``MinkeError`` when the element type has no NumPy counterpart or writing fails.
  public func write(to url: URL) throws(MinkeError) {
    let header = try NumPyHeader.bytes(for: values)
    var file = try FileWriter(url)
    try file.write(header)
    try file.write(values.bytes())
    try file.finish()
  }
}

extension Embeddings {
  /// The vectors of a two-dimensional `.npy` file: `[count, dimension]` floating-point numbers, or
  /// `[count, dimension / 8]` bytes of packed bits (numpy `packbits`).
  ///
  /// - Throws: ``MinkeError`` when the file is no such array or a number is not finite.
  public init(npy url: URL) throws(MinkeError) {
    let array = try NumPyArray(contentsOf: url).values
    try array.checkShape([nil, nil])
    if array.elementType == .uint8 {
      guard case (let bits, false) = array.shape[1].multipliedReportingOverflow(by: 8) else {
        throw MinkeError(.shapeMismatch, array.subject, expected: "rows of bytes", found: "shape \(array.shape)")
      }
      try self.init(packed: array.bytes().copied(), dimension: bits)
    } else {
      guard array.elementType.isFloatingPoint else {
        throw MinkeError(
          .unsupportedFile, array.subject, expected: "floating-point numbers, or bits packed in U8",
          found: array.elementType.rawValue)
      }
      try self.init(floats: array.floats(requiringFinite: true).copied(), dimension: array.shape[1])
    }
  }

  /// The bytes of a `.npy` file of the vectors: `[count, dimension]` float32, or `[count, dimension / 8]` bytes of
  /// packed bits.
  public func npyBytes() throws(MinkeError) -> [UInt8] { try NumPyArray(array()).serialized() }

  /// Writes what ``npyBytes()`` gives to a file, which takes its place at `url` only when it is whole.
  ///
  /// - Throws: ``MinkeError`` when writing fails.
  public func writeNPY(to url: URL) throws(MinkeError) { try NumPyArray(array()).write(to: url) }

  private func array() throws(MinkeError) -> Tensor {
    switch values {
    case .float32(let floats): try Tensor(name: "array", shape: [count, dimension], floats: floats)
    case .bits(let bytes):
      try Tensor(
        name: "array", elementType: .uint8, shape: [count, dimension / 8],
        bytes: bytes.withUnsafeBufferPointer { SharedBuffer(copying: $0) })
    }
  }
}
