/// A batch of vectors of one length: rows of numbers or of packed bits.
public struct Embeddings: Sendable, Equatable {
  /// The rows, one after the other.
  public enum Values: Sendable, Equatable {
    /// `[count, dimension]` numbers.
    case float32([Float])
    /// `[count, dimension / 8]` bytes; dimension 0 is the most significant bit of a row's first byte (numpy `packbits`).
    case bits([UInt8])
  }

  /// How many vectors there are.
  public private(set) var count: Int
  /// Numbers, or bits, of one vector.
  public let dimension: Int
  /// The vectors, row by row.
  public private(set) var values: Values

  /// Vectors of numbers, `[floats.count / dimension, dimension]`.
  ///
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` when the numbers do not fill whole rows.
  public init(floats: [Float], dimension: Int) throws(MinkeError) {
    guard dimension > 0, floats.count.isMultiple(of: dimension) else {
      throw MinkeError(
        .shapeMismatch, "embeddings", expected: "whole rows of \(dimension) numbers", found: "\(floats.count) numbers")
    }
    count = floats.count / dimension
    self.dimension = dimension
    values = .float32(floats)
  }

  /// Vectors of packed bits, `[packed.count / (dimension / 8), dimension / 8]` bytes.
  ///
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` when the bytes do not fill whole rows.
  public init(packed: [UInt8], dimension: Int) throws(MinkeError) {
    guard dimension > 0, dimension.isMultiple(of: 8), packed.count.isMultiple(of: dimension / 8) else {
      throw MinkeError(
        .shapeMismatch, "embeddings", expected: "whole rows of \(dimension) bits, a multiple of 8",
        found: "\(packed.count) bytes")
    }
    count = packed.count / (dimension / 8)
    self.dimension = dimension
    values = .bits(packed)
  }

  /// Bytes that the vectors take.
  public var byteCount: Int {
    switch values {
    case .float32(let floats): floats.count * 4
    case .bits(let bytes): bytes.count
    }
  }

  /// The numbers, when the vectors are made of numbers.
  public var floats: [Float]? { if case .float32(let floats) = values { floats } else { nil } }
  /// The packed bits, when the vectors are made of bits.
  public var packedBits: [UInt8]? { if case .bits(let bytes) = values { bytes } else { nil } }

  /// One vector as numbers; bits become -1 and +1.
  public subscript(index: Int) -> [Float] {
    precondition(index >= 0 && index < count, "row \(index) of \(count)")
    switch values {
    case .float32(let floats): return Array(floats[index * dimension..<(index + 1) * dimension])
    case .bits(let bytes):
      let row = index * (dimension / 8)
      return (0..<dimension).map { bytes[row + $0 / 8] >> (7 - UInt8($0 % 8)) & 1 == 1 ? 1 : -1 }
    }
  }

  /// The vectors at `rows`, in that order.
  package func choosing(_ rows: [Int]) throws -> Embeddings {
    if rows.elementsEqual(0..<count) { return self }
    var chosen = self.rows(0..<0)
    for row in rows { try chosen.append(self.rows(row..<row + 1)) }
    return chosen
  }

  /// The vectors `range`, by themselves.
  public func rows(_ range: Range<Int>) -> Embeddings {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "rows \(range) of \(count)")
    let part: Values =
      switch values {
      case .float32(let floats): .float32(Array(floats[range.lowerBound * dimension..<range.upperBound * dimension]))
      case .bits(let bytes):
        .bits(Array(bytes[range.lowerBound * (dimension / 8)..<range.upperBound * (dimension / 8)]))
      }
    return Embeddings(count: range.count, dimension: dimension, values: part)
  }

  /// The vectors of all `pieces`, one behind the other; nil of none.
  ///
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` when they differ in dimension or kind.
  package init?(joining pieces: [Embeddings]) throws(MinkeError) {
    guard let first = pieces.first else { return nil }
    for piece in pieces { try first.requireSameKind(as: piece) }
    func joined<Element>(_ arrays: [[Element]]) -> [Element] {
      var whole: [Element] = []
      whole.reserveCapacity(arrays.reduce(0) { $0 + $1.count })
      for array in arrays { whole += array }
      return whole
    }
    self.init(
      count: pieces.reduce(0) { $0 + $1.count }, dimension: first.dimension,
      values: first.floats == nil
        ? .bits(joined(pieces.compactMap(\.packedBits))) : .float32(joined(pieces.compactMap(\.floats))))
  }

  /// Adds the vectors of `other` behind these.
  ///
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` when the two differ in dimension or kind.
  public mutating func append(_ other: Embeddings) throws(MinkeError) {
    try requireSameKind(as: other)
    // Taken out first: an array that two hold would be copied whole by every append.
    let mine = values
    values = .bits([])
    switch (consume mine, other.values) {
    case (.float32(var floats), .float32(let more)):
      floats += more
      values = .float32(floats)
    case (.bits(var bytes), .bits(let more)):
      bytes += more
      values = .bits(bytes)
    case (let mine, _): values = mine
    }
    count += other.count
  }

  func requireSameKind(as other: Embeddings) throws(MinkeError) {
    guard dimension == other.dimension else {
      throw MinkeError(.shapeMismatch, "embeddings", expected: "\(dimension) dimensions", found: "\(other.dimension)")
    }
    guard (floats == nil) == (other.floats == nil) else {
      throw MinkeError(.shapeMismatch, "embeddings", expected: "two batches of one kind", found: "numbers and bits")
    }
  }

  init(count: Int, dimension: Int, values: Values) {
    self.count = count
    self.dimension = dimension
    self.values = values
  }
}
