import MinkeCore

/// The blocks of a segment: in memory, or in a database from which they are read when they are first needed.
package protocol WordBlocks: Sendable {
  /// Block `number`, as the builder gave it. Whoever asks keeps it as long as needed.
  func block(_ number: Int) throws -> SharedBuffer<UInt8>
}

/// Blocks in memory.
package struct MemoryWordBlocks: WordBlocks {
  private let blocks: [SharedBuffer<UInt8>]

  package init(_ blocks: [AlignedBuffer<UInt8>]) { self.blocks = blocks.map { SharedBuffer($0) } }

  package var byteCount: Int { blocks.reduce(0) { $0 + $1.count } }

  package func block(_ number: Int) throws -> SharedBuffer<UInt8> {
    guard blocks.indices.contains(number) else {
      throw MinkeError(
        .malformedFile, "word segment", expected: "block \(number)", found: "\(blocks.count) blocks")
    }
    return blocks[number]
  }
}

/// Reads numbers out of a block, never beyond its end.
struct WordReader {
  let bytes: UnsafeBufferPointer<UInt8>
  var place: Int

  init(_ bytes: UnsafeBufferPointer<UInt8>, from place: Int = 0) { (self.bytes, self.place) = (bytes, place) }

  static func malformed(_ expected: String, found: String = "another") -> MinkeError {
    MinkeError(.malformedFile, "word segment", expected: expected, found: found)
  }

  mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(MinkeError) -> Number {
    let size = MemoryLayout<Number>.size
    guard bytes.count - place >= size else { throw Self.malformed("\(size) bytes more", found: "the end of a block") }
    let number = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: place, as: Number.self)
    place += size
    return Number(littleEndian: number)
  }

  mutating func varint() throws(MinkeError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard place < bytes.count else { throw Self.malformed("a number", found: "the end of a block") }
      let byte = bytes[place]
      place += 1
      if shift == 63, byte > 1 { break }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw Self.malformed("a number of 64 bits", found: "a longer one")
  }

  /// A count that is at most `limit`.
  mutating func count(atMost limit: Int) throws(MinkeError) -> Int {
    let value = try varint()
    guard value <= UInt64(limit) else { throw Self.malformed("at most \(limit)", found: "\(value)") }
    return Int(value)
  }

  mutating func take(_ count: Int) throws(MinkeError) -> UnsafeBufferPointer<UInt8> {
    guard count >= 0, bytes.count - place >= count else {
      throw Self.malformed("\(count) bytes more", found: "the end of a block")
    }
    defer { place += count }
    return UnsafeBufferPointer(rebasing: bytes[place..<place + count])
  }
}

extension [UInt8] {
  /// Appends the bytes of a number, the lowest first.
  mutating func append(number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  /// A copy in memory that kernels may read.
  func aligned() -> AlignedBuffer<UInt8> {
    let buffer = AlignedBuffer<UInt8>(uninitialized: count)
    _ = buffer.mutablePointer.initialize(fromContentsOf: self)
    return buffer
  }
}

/// Bytes compared as unsigned numbers, the first that differs deciding.
func precedes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  let common = min(a.count, b.count)
  for index in 0..<common where a[index] != b[index] { return a[index] < b[index] }
  return a.count < b.count
}
