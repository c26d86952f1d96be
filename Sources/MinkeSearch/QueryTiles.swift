import MinkeCore
import MinkeKernels

/// Queries interleaved for the kernels, as scan.h describes: tiles of 16 and a last one of 1, 2, 4, 8 or 16.
struct QueryTiles: ~Copyable, Sendable {
  static let width = Int(MINKE_TILE_QUERIES)

  let count: Int
  /// `[tiles, block rows, queries of the tile]` words of 4 bytes.
  private let words: AlignedBuffer<UInt32>
  private let scaleValues: AlignedBuffer<Float>
  private let offsetValues: AlignedBuffer<Int32>
  private let rows: Int

  init(_ queries: Embeddings, _ range: Range<Int>, format: VectorFormat) {
    count = range.count
    rows = format.blockRows
    let padded = (range.count + Self.width - 1) / Self.width * Self.width
    words = AlignedBuffer(zeroed: padded * rows)
    scaleValues = AlignedBuffer(zeroed: padded)
    offsetValues = AlignedBuffer(zeroed: padded)
    for (query, index) in range.enumerated() {
      let tile = query / Self.width
      let wide = Self.queries(of: tile, count: count)
      let place = UnsafeMutableRawPointer(words.baseAddress + tile * Self.width * rows + query % Self.width)
      switch (queries.values, format.scanned) {
      case (.bits(let bytes), _):
        let bytesPerQuery = queries.dimension / 8
        for byte in 0..<bytesPerQuery {
          place.storeBytes(
            of: bytes[index * bytesPerQuery + byte], toByteOffset: byte / 4 * wide * 4 + byte % 4, as: UInt8.self)
        }
      case (.float32(let floats), .float32):
        floats[index * format.dimension..<(index + 1) * format.dimension].withUnsafeBufferPointer { vector in
          let factor = format.metric == .cosine ? VectorFormat.inverseLength(vector) : 1
          for (row, value) in vector.enumerated() {
            place.storeBytes(of: VectorFormat.scaled(value, factor), toByteOffset: row * wide * 4, as: Float.self)
          }
        }
      case (.float32(let floats), .int8):
        let quantized = QuantizedQuery(
          floats[index * format.dimension..<(index + 1) * format.dimension], metric: format.metric)
        for (number, value) in quantized.values.enumerated() {
          place.storeBytes(of: value, toByteOffset: number / 4 * wide * 4 + number % 4, as: Int8.self)
        }
        scaleValues.baseAddress[query] = quantized.scale
        offsetValues.baseAddress[query] = quantized.values.reduce(0) { $0 + Int32($1) } * 128
      case (.float32(let floats), .bits):
        for number in 0..<format.dimension where floats[index * format.dimension + number] > 0 {
          let offset = number / 32 * wide * 4 + number / 8 % 4
          place.storeBytes(
            of: place.load(fromByteOffset: offset, as: UInt8.self) | 0x80 >> UInt8(number % 8), toByteOffset: offset,
            as: UInt8.self)
        }
      }
    }
  }

  var tiles: Int { (count + Self.width - 1) / Self.width }

  /// Queries of `tile` with padding: what the kernels take.
  func width(of tile: Int) -> Int { Self.queries(of: tile, count: count) }

  func words(of tile: Int) -> UnsafePointer<UInt32> { UnsafePointer(words.baseAddress + tile * Self.width * rows) }
  func scales(of tile: Int) -> UnsafePointer<Float> { UnsafePointer(scaleValues.baseAddress + tile * Self.width) }
  func offsets(of tile: Int) -> UnsafePointer<Int32> { UnsafePointer(offsetValues.baseAddress + tile * Self.width) }

  private static func queries(of tile: Int, count: Int) -> Int {
    var wide = 1
    while wide < min(width, count - tile * width) { wide *= 2 }
    return wide
  }
}

/// A query rounded to int8 numbers, as the vectors of the index are.
struct QuantizedQuery {
  let values: [Int8]
  let scale: Float

  init(_ query: ArraySlice<Float>, metric: Metric) {
    (values, scale) = query.withUnsafeBufferPointer { vector in
      let quantization = Quantization(vector, factor: metric == .cosine ? VectorFormat.inverseLength(vector) : 1)
      return (vector.map { quantization[$0] }, quantization.scale)
    }
  }
}
