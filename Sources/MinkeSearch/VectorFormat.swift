import MinkeCore
import MinkeKernels

/// How the bytes of a vector lie in memory.
///
/// The scanned form is blocks of 16 vectors, as scan.h describes them: row `r` of a block has 4 bytes of each vector,
/// which are one float, 4 int8 numbers (with 128 added) or 32 bits.
struct VectorFormat: Sendable {
  enum Element: Sendable { case float32, int8, bits }

  static let blockVectors = Int(MINKE_BLOCK_VECTORS)
  static let rowBytes = Int(MINKE_BLOCK_ROW_BYTES)

  let dimension: Int
  let metric: Metric
  /// What the blocks hold.
  let scanned: Element
  /// What is held a second time, row by row, to score the candidates of the scan anew.
  let rescored: Element?

  /// Rows of a block.
  var blockRows: Int {
    switch scanned {
    case .float32: dimension
    case .int8: (dimension + 3) / 4
    case .bits: (dimension + 31) / 32
    }
  }

  var blockBytes: Int { blockRows * Self.rowBytes }

  /// Bytes of one vector in the rescored form.
  var rescoredBytes: Int {
    switch rescored {
    case .float32: dimension * 4
    case .int8: dimension
    case .bits, nil: 0
    }
  }

  var hasScales: Bool { scanned == .int8 || rescored == .int8 }

  /// Writes a vector of numbers into lane `lane` of `block`, whatever was there before, and into `row`; returns its
  /// scale. The padding of the lane must be zero.
  func write(
    _ vector: UnsafeBufferPointer<Float>, toLane lane: Int, of block: UnsafeMutableRawPointer,
    row: UnsafeMutableRawPointer
  ) -> Float {
    let factor = metric == .cosine ? Self.inverseLength(vector) : 1
    let quantization = hasScales ? Quantization(vector, factor: factor) : nil
    let place = block + 4 * lane
    switch scanned {
    case .float32:
      for (index, value) in vector.enumerated() {
        place.storeBytes(of: Self.scaled(value, factor), toByteOffset: index * Self.rowBytes, as: Float.self)
      }
    case .int8:
      guard let quantization else { break }
      for (index, value) in vector.enumerated() {
        place.storeBytes(
          of: UInt8(bitPattern: quantization[value]) ^ 0x80, toByteOffset: Self.byteOffset(of: index), as: UInt8.self)
      }
    case .bits:
      for byte in 0..<(dimension + 7) / 8 {
        var bits: UInt8 = 0
        for index in 8 * byte..<min(8 * byte + 8, dimension) where vector[index] > 0 {
          bits |= 0x80 >> UInt8(index % 8)
        }
        place.storeBytes(of: bits, toByteOffset: Self.byteOffset(of: byte), as: UInt8.self)
      }
    }
    switch rescored {
    case .float32:
      for (index, value) in vector.enumerated() {
        row.storeBytes(of: Self.scaled(value, factor), toByteOffset: index * 4, as: Float.self)
      }
    case .int8:
      guard let quantization else { break }
      for (index, value) in vector.enumerated() {
        row.storeBytes(of: quantization[value], toByteOffset: index, as: Int8.self)
      }
    case .bits, nil: break
    }
    return quantization?.scale ?? 1
  }

  /// Writes the packed bits of a vector into lane `lane` of `block`, whatever was there before. The padding of the lane
  /// must be zero.
  func write(_ packed: UnsafeBufferPointer<UInt8>, toLane lane: Int, of block: UnsafeMutableRawPointer) {
    for (index, byte) in packed.enumerated() {
      block.storeBytes(of: byte, toByteOffset: 4 * lane + Self.byteOffset(of: index), as: UInt8.self)
    }
  }

  /// The numbers in lane `lane` of `block`, or in `row` where vectors are rescored.
  func numbers(lane: Int, of block: UnsafeRawPointer, row: UnsafeRawPointer, scale: Float) -> [Float] {
    let place = block + 4 * lane
    return (0..<dimension).map { index in
      switch rescored ?? scanned {
      case .float32 where rescored == nil: place.load(fromByteOffset: index * Self.rowBytes, as: Float.self)
      case .float32: row.load(fromByteOffset: index * 4, as: Float.self)
      case .int8 where rescored == nil:
        Float(Int8(bitPattern: place.load(fromByteOffset: Self.byteOffset(of: index), as: UInt8.self) ^ 0x80)) * scale
      case .int8: Float(row.load(fromByteOffset: index, as: Int8.self)) * scale
      case .bits:
        place.load(fromByteOffset: Self.byteOffset(of: index / 8), as: UInt8.self) >> (7 - UInt8(index % 8)) & 1 == 1
          ? 1 : -1
      }
    }
  }

  /// The packed bits in lane `lane` of `block`.
  func packedBits(lane: Int, of block: UnsafeRawPointer) -> [UInt8] {
    (0..<(dimension + 7) / 8).map { block.load(fromByteOffset: 4 * lane + Self.byteOffset(of: $0), as: UInt8.self) }
  }

  /// Where byte `index` of a vector lies, counted from its lane in row 0.
  @inline(__always)
  static func byteOffset(of index: Int) -> Int { index / 4 * rowBytes + index % 4 }

  /// One over the length of a vector; 0 for a zero vector. In double precision, where no float squared is lost.
  static func inverseLength(_ vector: UnsafeBufferPointer<Float>) -> Double {
    var sums = SIMD8<Double>()
    let whole = vector.count / 8 * 8
    for index in stride(from: 0, to: whole, by: 8) {
      let part = UnsafeRawBufferPointer(vector).loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
      let wide = SIMD8<Double>(part)
      sums += wide * wide
    }
    var sum = sums.sum()
    for index in whole..<vector.count { sum += Double(vector[index]) * Double(vector[index]) }
    return sum > 0 ? 1 / sum.squareRoot() : 0
  }

  @inline(__always)
  static func scaled(_ value: Float, _ factor: Double) -> Float { Float(Double(value) * factor) }
}

/// Symmetric int8 numbers for one vector: `scale * q`, with `q` from -127 to 127 and the largest number exact.
struct Quantization {
  let scale: Float
  private let inverse: Double

  init(_ vector: UnsafeBufferPointer<Float>, factor: Double) {
    var largest: Float = 0
    for value in vector { largest = max(largest, value.magnitude) }
    let peak = Double(largest) * factor
    scale = Float(peak / 127)
    inverse = peak > 0 ? 127 / Double(largest) : 0
  }

  /// The nearest int8 number. Adding 1.5 * 2^23 leaves the rounded integer in the low bits of a float.
  @inline(__always)
  subscript(value: Float) -> Int8 {
    Int8(truncatingIfNeeded: (Float(Double(value) * inverse) + 12_582_912).bitPattern)
  }
}
