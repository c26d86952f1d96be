import MinkeCore
import Testing

@testable import MinkeSearch

/// How much of an exact float search the smaller storages find again. The numbers measured here stand in
/// Sources/MinkeSearch/README.md; run with `swift test --filter RecallTests` to see them.
@Suite struct RecallTests {
  static let count = 4000
  static let dimension = 256

  /// Vectors around `centres` points, or without any structure when there are none.
  static func vectors(centres: Int) throws -> (base: Embeddings, queries: Embeddings) {
    var random = SeededRandom(31)
    let middles = try random.floats(max(1, centres), dimension).floats ?? []
    func draw(_ count: Int) throws -> Embeddings {
      var floats: [Float] = []
      floats.reserveCapacity(count * dimension)
      for _ in 0..<count {
        let middle = Int.random(in: 0..<max(1, centres), using: &random) * dimension
        for index in 0..<dimension {
          floats.append(random.normal() * (centres > 0 ? 0.5 : 1) + (centres > 0 ? middles[middle + index] : 0))
        }
      }
      return try Embeddings(floats: floats, dimension: dimension)
    }
    return (try draw(count), try draw(50))
  }

  /// The part of the true 10 nearest that `storage` finds, and the largest difference of a score.
  static func compare(_ storage: VectorIndex.Storage, centres: Int) throws -> (recall: Double, difference: Float) {
    let (base, queries) = try vectors(centres: centres)
    let truth = try VectorIndex(dimension: dimension, metric: .cosine, storage: .float32)
    let index = try VectorIndex(dimension: dimension, metric: .cosine, storage: storage)
    try truth.add(base)
    try index.add(base)
    let expected = try truth.search(queries, k: 10)
    let all = try truth.search(queries, k: count)
    let found = try index.search(queries, k: 10)
    var (hits, difference) = (0, Float(0))
    for query in 0..<queries.count {
      hits += Set(found[query].map(\.id)).intersection(expected[query].map(\.id)).count
      let scores = Dictionary(uniqueKeysWithValues: all[query].map { ($0.id, $0.score) })
      for match in found[query] {
        difference = max(difference, abs(match.score - (scores[match.id] ?? .infinity)))
      }
    }
    return (Double(hits) / Double(queries.count * 10), difference)
  }

  @Test(arguments: [0, 100])
  func `int8 finds nearly all of the nearest, with scores that differ in the third decimal`(centres: Int) throws {
    let (recall, difference) = try Self.compare(.int8, centres: centres)
    print("int8, \(centres) centres: recall@10 \(recall), largest difference of a cosine \(difference)")
    #expect(recall >= 0.96)
    #expect(difference < 0.003)
  }

  @Test(arguments: [
    (0, 10, 0.4), (0, 100, 0.9), (100, 2, 0.6), (100, 10, 0.95), (100, 20, 0.99),
  ])
  func `two stages find more with more oversampling, and score it as float does`(
    centres: Int, oversampling: Int, least: Double
  ) throws {
    let (recall, difference) = try Self.compare(
      .twoStage(rescoring: .float32, oversampling: oversampling), centres: centres)
    print("two-stage, \(centres) centres, oversampling \(oversampling): recall@10 \(recall)")
    #expect(recall >= least)
    #expect(difference < 1e-6)
  }

  @Test func `a two-stage search over all vectors is exact`() throws {
    let (recall, _) = try Self.compare(.twoStage(rescoring: .float32, oversampling: Self.count), centres: 0)
    #expect(recall == 1)
  }

  @Test func `rescoring with int8 gives the scores of an int8 index`() throws {
    let (base, queries) = try Self.vectors(centres: 0)
    let flat = try VectorIndex(dimension: Self.dimension, metric: .cosine, storage: .int8)
    let twoStage = try VectorIndex(
      dimension: Self.dimension, metric: .cosine, storage: .twoStage(rescoring: .int8, oversampling: Self.count))
    try flat.add(base)
    try twoStage.add(base)
    let few = try Embeddings(floats: Array(queries.floats![..<(4 * Self.dimension)]), dimension: Self.dimension)
    #expect(try flat.search(few, k: 10) == twoStage.search(few, k: 10))
  }
}
