import MinkeCore
import Testing

@testable import MinkeSearch

@Suite struct VectorIndexTests {
  /// 0 to 2000 vectors, around the sizes of a block, of a step and of nothing.
  static let counts = [1, 2, 15, 16, 17, 255, 257, 1000, 2003]

  @Test(arguments: KernelLevel.available, [Metric.dot, .cosine])
  func `float search finds what a plain search finds`(level: KernelLevel, metric: Metric) throws {
    var random = SeededRandom(1)
    for (dimension, count) in zip([33, 100, 384, 1100, 64, 8, 24, 7, 1], Self.counts) {
      let (vectors, queries) = (try random.floats(count, dimension), try random.floats(5, dimension))
      let index = try VectorIndex(dimension: dimension, metric: metric, storage: .float32, kernels: level)
      try index.add(vectors)
      var plain = PlainSearch(metric: metric)
      plain.add(vectors, ids: (0..<Int64(count)).map { $0 })
      let found = try index.search(queries, k: 10)
      #expect(found.k == min(10, count))
      #expect(found.agrees(with: plain, queries, tolerance: metric == .cosine ? 2e-6 : 4e-6 * Double(dimension)))
    }
  }

  @Test(arguments: KernelLevel.available)
  func `binary search finds exactly what a plain search finds`(level: KernelLevel) throws {
    var random = SeededRandom(2)
    for (dimension, count) in zip([8, 16, 24, 64, 128, 1000, 1024, 1096, 40], Self.counts) {
      let (vectors, queries) = (try random.bits(count, dimension), try random.bits(7, dimension))
      let index = try VectorIndex(dimension: dimension, metric: .hamming, storage: .binary, kernels: level)
      try index.add(vectors)
      var plain = PlainSearch(metric: .hamming)
      plain.add(vectors, ids: (0..<Int64(count)).map { $0 })
      let found = try index.search(queries, k: 20)
      for query in 0..<queries.count {
        let truth = plain.ranked(queries[query]).prefix(20)
        #expect(found[query].map(\.id) == truth.map(\.id))
        #expect(found[query].map { Double($0.score) } == truth.map(\.score))
      }
    }
  }

  @Test(arguments: KernelLevel.available, [Metric.dot, .cosine])
  func `int8 search finds what a plain search over the rounded numbers finds`(
    level: KernelLevel, metric: Metric
  ) throws {
    var random = SeededRandom(3)
    for (dimension, count) in zip([33, 100, 384, 1100, 64, 8, 24, 7, 1], Self.counts) {
      let (vectors, queries) = (try random.floats(count, dimension), try random.floats(5, dimension))
      let index = try VectorIndex(dimension: dimension, metric: metric, storage: .int8, kernels: level)
      try index.add(vectors)
      // A second index rounds the queries for us.
      let rounder = try VectorIndex(dimension: dimension, metric: metric, storage: .int8, kernels: level)
      try rounder.add(queries)
      let rounded = try Embeddings(
        floats: (0..<5).flatMap { try rounder.reconstruct(id: $0) }, dimension: dimension)
      var plain = PlainSearch(metric: .dot)
      plain.add(
        try Embeddings(floats: (0..<count).flatMap { try index.reconstruct(id: Int64($0)) }, dimension: dimension),
        ids: (0..<Int64(count)).map { $0 })
      let found = try index.search(queries, k: 10)
      #expect(found.agrees(with: plain, rounded, tolerance: 1e-6 * Double(dimension)))
    }
  }

  @Test(arguments: [VectorIndex.Storage.float32, .int8, .twoStage(rescoring: .float32, oversampling: 3)])
  func `a query alone gives the same bits as in a batch, at every level`(storage: VectorIndex.Storage) throws {
    var random = SeededRandom(4)
    let (vectors, queries) = (try random.floats(700, 96), try random.floats(45, 96))
    for level in KernelLevel.available {
      let index = try VectorIndex(dimension: 96, metric: .cosine, storage: storage, kernels: level)
      try index.add(vectors)
      let together = try index.search(queries, k: 12)
      for count in [1, 2, 3, 5, 9, 16, 17, 33] {
        let some = try Embeddings(floats: Array(queries.floats![..<(count * 96)]), dimension: 96)
        let found = try index.search(some, k: 12)
        #expect(found.ids.elementsEqual(together.ids[..<(count * 12)]))
        #expect(found.scores.elementsEqual(together.scores[..<(count * 12)]))
      }
    }
  }

  @Test func `int8 and binary scores are the same at every level`() throws {
    var random = SeededRandom(5)
    let (vectors, queries) = (try random.floats(500, 200), try random.floats(20, 200))
    var results: [[Neighbors]] = []
    for level in KernelLevel.available {
      let numbers = try VectorIndex(dimension: 200, metric: .cosine, storage: .int8, kernels: level)
      let bits = try VectorIndex(dimension: 200, metric: .hamming, storage: .binary, kernels: level)
      try numbers.add(vectors)
      try bits.add(vectors.binarized())
      results.append([try numbers.search(queries, k: 30), try bits.search(queries.binarized(), k: 30)])
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test(arguments: KernelLevel.available)
  func `equal scores are ordered by id`(level: KernelLevel) throws {
    var random = SeededRandom(6)
    let (floats, bits) = (try random.floats(3, 24), try random.bits(3, 24))
    let ids = (0..<900).map { Int64($0) }.shuffled(using: &random)
    for storage in [VectorIndex.Storage.float32, .int8, .binary, .twoStage(rescoring: .int8, oversampling: 400)] {
      let vectors = storage == .binary ? bits : floats
      let index = try VectorIndex(
        dimension: 24, metric: storage == .binary ? .hamming : .dot, storage: storage, kernels: level)
      for start in stride(from: 0, to: 900, by: 3) { try index.add(vectors, ids: Array(ids[start..<start + 3])) }
      let found = try index.search(vectors, k: 300)
      for query in 0..<3 {
        // Each vector is there 300 times and is nearest to itself, or to a longer one.
        let kind = ids.firstIndex(of: found[query][0].id)! % 3
        let expected = stride(from: kind, to: 900, by: 3).map { ids[$0] }.sorted()
        #expect(found[query].map(\.id) == expected)
      }
    }
  }

  @Test func `the largest k gives every vector once`() throws {
    var random = SeededRandom(7)
    let index = try VectorIndex(dimension: 32, metric: .cosine, storage: .float32)
    try index.add(random.floats(321, 32))
    let found = try index.search(random.floats(2, 32), k: Int.max)
    #expect(found.k == 321 && found.count == 2)
    #expect(found[1].map(\.id).sorted() == Array(0..<321))
    #expect(found[1].map(\.score) == found[1].map(\.score).sorted(by: >))
  }

  @Test func `no queries have no neighbours`() throws {
    let index = try VectorIndex(dimension: 4, metric: .dot, storage: .float32)
    try index.add(Embeddings(floats: [1, 2, 3, 4], dimension: 4))
    let found = try index.search(Embeddings(floats: [], dimension: 4), k: 3)
    #expect(found.isEmpty && found.k == 1 && found.ids.isEmpty && found.scores.isEmpty)
  }

  @Test(arguments: KernelLevel.available)
  func `a zero vector scores 0 by cosine`(level: KernelLevel) throws {
    for storage in [VectorIndex.Storage.float32, .int8] {
      let index = try VectorIndex(dimension: 3, metric: .cosine, storage: storage, kernels: level)
      try index.add(Embeddings(floats: [0, 0, 0, 1e-30, 0, 0, -1e30, 0, 0], dimension: 3))
      let found = try index.search(Embeddings(floats: [2, 0, 0], dimension: 3), k: 3)
      #expect(found.ids == [1, 0, 2])
      #expect(found.scores[1] == 0)
      #expect(abs(found.scores[0] - 1) < 1e-6 && abs(found.scores[2] + 1) < 1e-6)
    }
  }

  @Test(arguments: [VectorIndex.Storage.float32, .int8, .twoStage(rescoring: .float32, oversampling: 1)])
  func `scores are finite, and vectors whose products could not be are refused`(storage: VectorIndex.Storage) throws {
    for level in KernelLevel.available {
      let index = try VectorIndex(dimension: 40, metric: .dot, storage: storage, kernels: level)
      func vector(_ length: Float) throws -> Embeddings {
        try Embeddings(floats: (0..<40).map { ($0 % 3 == 0 ? 1 : -1) * length / Float(40).squareRoot() }, dimension: 40)
      }
      try index.add(vector(9.9e18))
      try index.add(vector(-9.9e18))
      let found = try index.search(vector(9.9e18), k: 2)
      #expect(found.ids == [0, 1])
      #expect(abs(found.scores[0] / 9.801e37 - 1) < 1e-2 && abs(found.scores[1] / -9.801e37 - 1) < 1e-2)
      let error = #expect(throws: MinkeError.self) { try index.add(vector(2e38)) }
      #expect(error?.kind == .notFinite && error?.found.contains("in vector 0") == true)
      #expect(throws: MinkeError.self) { try index.search(vector(1.1e19), k: 1) }
      #expect(index.count == 2)
      let cosine = try VectorIndex(dimension: 40, metric: .cosine, storage: storage, kernels: level)
      try cosine.add(vector(2e38))
      #expect(try abs(cosine.search(vector(-3e38), k: 1).scores[0] + 1) < 1e-5)
    }
  }

  @Test(arguments: KernelLevel.available)
  func `the widest int8 vectors do not overflow`(level: KernelLevel) throws {
    let dimension = VectorIndex.largestDimension
    let index = try VectorIndex(dimension: dimension, metric: .dot, storage: .int8, kernels: level)
    let ones = [Float](repeating: 127, count: dimension)
    try index.add(Embeddings(floats: ones + ones.map { -$0 }, dimension: dimension))
    let found = try index.search(Embeddings(floats: ones, dimension: dimension), k: 2)
    #expect(found.ids == [0, 1])
    #expect(found.scores == [Float(dimension) * 16129, -Float(dimension) * 16129])
  }

  @Test func `many queries are searched for in turns`() throws {
    var random = SeededRandom(8)
    let (vectors, queries) = (try random.floats(3000, 8), try random.floats(240, 8))
    let index = try VectorIndex(dimension: 8, metric: .dot, storage: .float32)
    try index.add(vectors)
    let found = try index.search(queries, k: 2500)
    var plain = PlainSearch(metric: .dot)
    plain.add(vectors, ids: Array(0..<3000))
    #expect(found.ids.count == 240 * 2500)
    for query in [0, 15, 16, 120, 239] {
      let truth = plain.ranked(queries[query])
      #expect(zip(found[query], truth).allSatisfy { abs(Double($0.score) - $1.score) < 1e-5 })
      #expect(Set(found[query].map(\.id)).count == 2500)
    }
  }
}
