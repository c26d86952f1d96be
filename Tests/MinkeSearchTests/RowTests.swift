import MinkeCore
import Testing

@testable import MinkeSearch

/// Vectors from the raw blocks of a file or a database.
@Suite struct RowTests {
  @Test(arguments: [VectorIndex.Storage.float32, .int8, .twoStage(rescoring: .int8, oversampling: 2)])
  func `rows of floats are added as embeddings are`(storage: VectorIndex.Storage) throws {
    var random = SeededRandom(51)
    let vectors = try random.floats(70, 33)
    let expected = try VectorIndex(dimension: 33, metric: .cosine, storage: storage)
    try expected.add(vectors)
    let floats = try #require(vectors.floats)
    for shift in [0, 1] {
      let index = try VectorIndex(dimension: 33, metric: .cosine, storage: storage)
      // A blob of a database lies at any address.
      let blob = [UInt8](repeating: 0, count: shift) + floats.withUnsafeBytes { Array($0) }
      #expect(try index.add(floatRows: blob.span.bytes.extracting(droppingFirst: shift)) == Array(0..<70))
      #expect(try index.search(vectors, k: 5) == expected.search(vectors, k: 5))
    }
  }

  @Test(arguments: [VectorIndex.Storage.float32, .int8, .twoStage(rescoring: .int8, oversampling: 100)])
  func `rows of int8 keep their numbers`(storage: VectorIndex.Storage) throws {
    var random = SeededRandom(52)
    let numbers = (0..<30 * 21).map { _ in Int8.random(in: -128...127, using: &random) }
    let scales = (0..<30).map { _ in Float.random(in: -2...2, using: &random) }
    let index = try VectorIndex(dimension: 21, metric: .dot, storage: storage)
    let plain = try VectorIndex(dimension: 21, metric: .dot, storage: storage)
    try index.add(int8Rows: numbers.span.bytes, scales: scales, ids: (0..<30).map { $0 * 3 })
    try plain.add(int8Rows: numbers.span.bytes)
    for row in 0..<30 {
      let values = numbers[row * 21..<row * 21 + 21].map { Float($0) }
      #expect(try plain.reconstruct(id: Int64(row)) == values)
      #expect(try index.reconstruct(id: Int64(row * 3)) == values.map { $0 * scales[row] })
    }
    // Of two stages, the first takes the signs of the numbers, not of what they were before they were scaled.
    let query = try Embeddings(floats: (0..<21).map { _ in random.normal() }, dimension: 21)
    var truth = PlainSearch(metric: .dot)
    truth.add(
      try Embeddings(floats: (0..<30).flatMap { try index.reconstruct(id: $0 * 3) }, dimension: 21),
      ids: (0..<30).map { $0 * 3 })
    #expect(try index.search(query, k: 5).agrees(with: truth, query, tolerance: storage == .float32 ? 1e-2 : 20))
    let cosine = try VectorIndex(dimension: 21, metric: .cosine, storage: storage)
    try cosine.add(int8Rows: numbers.span.bytes, scales: scales)
    for row in 0..<30 {
      let vector = try cosine.reconstruct(id: Int64(row))
      #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
      #expect(vector[0].sign == (Float(numbers[row * 21]) * scales[row]).sign || numbers[row * 21] == 0)
    }
  }

  @Test func `rows of bits are added as embeddings are`() throws {
    var random = SeededRandom(53)
    let bits = try random.bits(40, 72)
    let index = try VectorIndex(dimension: 72, metric: .hamming, storage: .binary)
    let packed = try #require(bits.packedBits)
    try index.add(bitRows: packed.span.bytes)
    for row in 0..<40 { #expect(try index.reconstruct(id: Int64(row)) == bits[row]) }
  }

  @Test func `rows that are not whole, of another kind or not finite are errors`() throws {
    let index = try VectorIndex(dimension: 8, metric: .dot, storage: .int8)
    let bytes = [UInt8](repeating: 1, count: 24)
    #expect(ErrorTests.kind { _ = try index.add(floatRows: bytes.span.bytes) } == .shapeMismatch)
    #expect(ErrorTests.kind { _ = try index.add(bitRows: bytes.span.bytes) } == .shapeMismatch)
    #expect(ErrorTests.kind { _ = try index.add(int8Rows: bytes.span.bytes, scales: [1]) } == .shapeMismatch)
    #expect(ErrorTests.kind { _ = try index.add(int8Rows: bytes.span.bytes, scales: [1, .nan, 1]) } == .notFinite)
    #expect(ErrorTests.kind { _ = try index.add(int8Rows: bytes.span.bytes, scales: [1, 1e30, 1]) } == .notFinite)
    #expect(index.count == 0)
    let binary = try VectorIndex(dimension: 8, metric: .hamming, storage: .binary)
    #expect(ErrorTests.kind { _ = try binary.add(int8Rows: bytes.span.bytes) } == .shapeMismatch)
  }
}
