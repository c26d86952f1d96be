import MinkeCore
import Testing

@testable import MinkeSearch

@Suite struct NeighborsTests {
  private func index() throws -> VectorIndex {
    let index = try VectorIndex(dimension: 2, metric: .dot, storage: .float32)
    try index.add(Embeddings(floats: [1, 0, 0, 2, 3, 3], dimension: 2), ids: [10, 20, 30])
    return index
  }

  @Test func `found is a list of matches a query`() throws {
    let found = try index().search(Embeddings(floats: [1, 0, 0, 1], dimension: 2), k: 2)
    #expect(found.count == 2 && found.k == 2)
    #expect(found[0] == [Match(id: 30, score: 3), Match(id: 10, score: 1)])
    #expect(found[1][0].id == 30 && found[1][1] == Match(id: 20, score: 2))
    #expect(found.map { $0.map(\.id) } == [[30, 10], [30, 20]])
    #expect(found.last?.last?.score == 2)
    #expect(found.ids == [30, 10, 30, 20] && found.scores == [3, 1, 3, 2])
  }

  @Test func `an empty index finds nothing`() throws {
    let index = try VectorIndex(dimension: 2, metric: .cosine, storage: .int8)
    let found = try index.search(Embeddings(floats: [1, 0, 0, 1], dimension: 2), k: 5)
    #expect(found.count == 2 && found.k == 0 && found[0] == [] && found[1] == [])
    #expect(index.ids == [])
  }

  @Test func `a filter that lets nothing through finds nothing`() throws {
    let found = try index().search(Embeddings(floats: [1, 0], dimension: 2), k: 5, among: IDFilter([]))
    #expect(found.count == 1 && found[0] == [])
    #expect(
      try index().search(Embeddings(floats: [1, 0], dimension: 2), k: 5, among: IDFilter([20, 11]))[0].count == 1)
  }

  @Test func `a filter of ids lets exactly those through`() {
    var random = SeededRandom(41)
    let sets: [[Int64]] = [
      [], [0], [.min, .max], [.max], [-1, 0, 1], Array(-50..<50),
      (0..<500).map { _ in Int64.random(in: -600...600, using: &random) },
      (0..<500).map { _ in Int64.random(in: .min ... .max, using: &random) }, (0..<300).map { $0 << 32 },
    ]
    for ids in sets {
      let (filter, inverse, set) = (IDFilter(ids), IDFilter(excluding: ids), Set(ids))
      for id in ids + Array(-700...700) + [.min, .max, .min + 1, 1 << 40] + ids.map({ $0 &+ 1 }) {
        #expect(filter.contains(id) == set.contains(id) && inverse.contains(id) != set.contains(id))
      }
    }
  }

  @Test func `similarity is larger for what is more alike, whatever the metric`() {
    #expect(Metric.cosine.similarity(ofScore: 0.25, dimension: 8) == 0.25)
    #expect(Metric.cosine.similarity(ofScore: 1.000_000_1, dimension: 8) == 1)
    #expect(Metric.dot.similarity(ofScore: -3, dimension: 8) == -3)
    #expect(Metric.hamming.similarity(ofScore: 0, dimension: 8) == 1)
    #expect(Metric.hamming.similarity(ofScore: 6, dimension: 8) == -0.5)
  }

  @Test func `upsert replaces and adds at once, and refuses an id twice`() throws {
    let index = try index()
    try index.upsert(Embeddings(floats: [5, 5, 7, 7], dimension: 2), ids: [20, 40])
    #expect(index.ids == [10, 20, 30, 40])
    #expect(try index.reconstruct(id: 20) == [5, 5] && index.reconstruct(id: 40) == [7, 7])
    #expect(throws: MinkeError.self) {
      try index.upsert(Embeddings(floats: [8, 8, 9, 9], dimension: 2), ids: [50, 50])
    }
    #expect(throws: MinkeError.self) { try index.upsert(Embeddings(floats: [8, 8], dimension: 2), ids: []) }
    #expect(throws: MinkeError.self) { try index.upsert(Embeddings(floats: [.nan, 8], dimension: 2), ids: [10]) }
    #expect(index.count == 4)
    #expect(try index.add(Embeddings(floats: [1, 1], dimension: 2)) == [41])
  }

  @Test func `a large change during a search leaves the search what it saw`() throws {
    var random = SeededRandom(42)
    let index = try VectorIndex(
      dimension: 64, metric: .dot, storage: .float32, kernels: .active, segmentBlocks: 4)
    try index.add(random.floats(2000, 64))
    let before = index.snapshot()
    let vectors = before.segments.map { Array($0.bytes) }
    index.remove(ids: Array(0..<1500))
    try index.upsert(random.floats(500, 64), ids: Array(1500..<2000))
    try index.add(random.floats(100, 64))
    #expect(before.count == 2000 && before.segments.map { Array($0.bytes) } == vectors)
    #expect(index.count == 600)
  }
}
