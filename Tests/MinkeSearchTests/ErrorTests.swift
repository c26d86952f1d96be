import MinkeCore
import Testing

@testable import MinkeSearch

@Suite struct ErrorTests {
  static func kind(_ body: () throws -> Void) -> MinkeError.Kind? {
    do { try body() } catch { return (error as? MinkeError)?.kind }
    return nil
  }

  @Test(arguments: [0, -1, 65_536, Int.max, Int.min])
  func `a dimension out of range is an error`(dimension: Int) {
    #expect(
      Self.kind { _ = try VectorIndex(dimension: dimension, metric: .dot, storage: .float32) } == .invalidArgument)
  }

  @Test func `metric and storage must go together`() {
    for (metric, storage) in [
      (Metric.hamming, VectorIndex.Storage.float32), (.hamming, .int8), (.dot, .binary), (.cosine, .binary),
      (.hamming, .twoStage(rescoring: .int8, oversampling: 2)), (.dot, .twoStage(rescoring: .int8, oversampling: 0)),
    ] {
      #expect(Self.kind { _ = try VectorIndex(dimension: 8, metric: metric, storage: storage) } == .invalidArgument)
    }
    #expect(Self.kind { _ = try VectorIndex(dimension: 12, metric: .hamming, storage: .binary) } == .invalidArgument)
  }

  @Test func `a level of another machine is an error`() {
    for level in KernelLevel.allCases where !level.isAvailable {
      #expect(
        Self.kind { _ = try VectorIndex(dimension: 8, metric: .dot, storage: .int8, kernels: level) }
          == .invalidArgument)
      #expect(Self.kind { _ = try MemoryBandwidth.measure(bytes: 512, kernels: level) } == .invalidArgument)
    }
  }

  @Test func `a search needs a k of 1 or more`() throws {
    let index = try VectorIndex(dimension: 2, metric: .dot, storage: .float32)
    let one = try Embeddings(floats: [1, 2], dimension: 2)
    #expect(Self.kind { _ = try index.search(one, k: 0) } == .invalidArgument)
    try index.add(one)
    #expect(Self.kind { _ = try index.search(one, k: 0) } == .invalidArgument)
    #expect(Self.kind { _ = try index.search(one, k: -5) } == .invalidArgument)
  }

  @Test func `vectors of another dimension or kind are errors`() throws {
    let floats = try Embeddings(floats: [Float](repeating: 1, count: 8), dimension: 8)
    let bits = try Embeddings(packed: [7], dimension: 8)
    let numbers = try VectorIndex(dimension: 8, metric: .dot, storage: .float32)
    let binary = try VectorIndex(dimension: 8, metric: .hamming, storage: .binary)
    let wide = try VectorIndex(dimension: 16, metric: .dot, storage: .int8)
    #expect(Self.kind { try numbers.add(bits) } == .shapeMismatch)
    #expect(Self.kind { try binary.add(floats) } == .shapeMismatch)
    #expect(Self.kind { try wide.add(floats) } == .shapeMismatch)
    try numbers.add(floats)
    try binary.add(bits)
    #expect(Self.kind { _ = try numbers.search(bits, k: 1) } == .shapeMismatch)
    #expect(Self.kind { _ = try binary.search(floats, k: 1) } == .shapeMismatch)
    #expect(Self.kind { _ = try numbers.search(floats.truncated(to: 4), k: 1) } == .shapeMismatch)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
  func `numbers that are not finite are errors`(bad: Float) throws {
    let index = try VectorIndex(dimension: 2, metric: .cosine, storage: .float32)
    let vectors = try Embeddings(floats: [1, 2, 3, bad], dimension: 2)
    #expect(Self.kind { try index.add(vectors) } == .notFinite)
    #expect(index.count == 0)
    try index.add(Embeddings(floats: [1, 2], dimension: 2))
    #expect(Self.kind { _ = try index.search(vectors, k: 1) } == .notFinite)
  }

  @Test func `an id that is taken adds nothing`() throws {
    let index = try VectorIndex(dimension: 1, metric: .dot, storage: .float32)
    let three = try Embeddings(floats: [1, 2, 3], dimension: 1)
    try index.add(three, ids: [4, 2, 9])
    #expect(Self.kind { try index.add(three, ids: [20, 21, 2]) } == .invalidArgument)
    #expect(Self.kind { try index.add(three, ids: [20, 21, 20]) } == .invalidArgument)
    #expect(Self.kind { try index.add(three, ids: [20, 21]) } == .shapeMismatch)
    #expect(index.count == 3 && !index.contains(20))
    try index.add(three, ids: [.max, .min, 0])
    #expect(Self.kind { try index.add(three) } == .invalidArgument)
    #expect(index.count == 6)
  }

  @Test func `an id that no vector has is not found`() throws {
    let index = try VectorIndex(dimension: 1, metric: .dot, storage: .float32)
    #expect(Self.kind { _ = try index.reconstruct(id: 0) } == .notFound)
    #expect(Self.kind { _ = try index.reconstructBits(id: 0) } == .invalidArgument)
    #expect(index.remove(ids: [0, 1]) == 0)
  }
}
