import MinkeCore
import Testing

@testable import MinkeSearch

/// Long random sequences of changes and searches, each answer compared with that of a dictionary searched plainly.
@Suite struct RandomChangeTests {
  static let storages: [VectorIndex.Storage] = [
    .float32, .int8, .binary, .twoStage(rescoring: .float32, oversampling: 1),
    .twoStage(rescoring: .int8, oversampling: 1), .twoStage(rescoring: .float32, oversampling: 3),
  ]

  /// The vectors that an index should hold, and what a search of them should find.
  struct Model {
    let index: VectorIndex
    var vectors: [Int64: [Float]] = [:]
    var largest: Int64 = -1

    func nearest(_ query: [Float], k: Int) -> [Int64] {
      func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
      func signs(_ a: [Float]) -> [Float] { a.map { $0 > 0 ? 1 : -1 } }
      func ranked(_ ids: some Sequence<Int64>, _ score: (Int64) -> Double) -> [Int64] {
        ids.map { ($0, score($0)) }.sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }.map(\.0)
      }
      switch index.storage {
      case .binary: return Array(ranked(vectors.keys) { dot(signs(vectors[$0]!), signs(query)) }.prefix(k))
      case .float32, .int8: return Array(ranked(vectors.keys) { dot(vectors[$0]!, query) }.prefix(k))
      case .twoStage(_, let oversampling):
        let candidates = ranked(vectors.keys) { dot(signs(vectors[$0]!), signs(query)) }
          .prefix(min(k, vectors.count) * oversampling)
        return Array(ranked(candidates) { dot(vectors[$0]!, query) }.prefix(k))
      }
    }
  }

  @Test(arguments: storages, 0..<8)
  func `an index holds what a dictionary would`(storage: VectorIndex.Storage, seed: Int) throws {
    var random = SeededRandom(UInt64(seed) + 1000)
    // Whole numbers, 127 the largest: int8 holds them as they are and sums of floats are exact, so the order is certain.
    func draw(_ count: Int, _ dimension: Int, _ random: inout SeededRandom) -> [[Float]] {
      (0..<count).map { _ in
        [127] + (1..<dimension).map { _ in Float(Int.random(in: -127...127, using: &random)) }
      }
    }
    func embeddings(_ vectors: [[Float]], _ dimension: Int) throws -> Embeddings {
      let all = try Embeddings(floats: vectors.flatMap { $0 }, dimension: dimension)
      return storage == .binary ? try all.binarized() : all
    }
    let dimension = [8, 24, 32, 40, 72, 128, 8, 200][seed] + (storage == .binary ? 0 : seed % 3)
    let index = try VectorIndex(
      dimension: dimension, metric: storage == .binary ? .hamming : .dot, storage: storage, kernels: .active,
      segmentBlocks: [1, 2, 3, 7, 64, nil, 1, 5][seed])
    var model = Model(index: index)
    for step in 0..<80 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let vectors = draw(Int.random(in: 0...40, using: &random), dimension, &random)
        var ids = vectors.indices.map { model.largest + 1 + Int64($0) }
        if Bool.random(using: &random) {
          // Ids of vectors that were removed come back, in any order.
          ids = (0..<200).filter { model.vectors[$0] == nil }.shuffled(using: &random).prefix(vectors.count).map { $0 }
          try index.add(embeddings(Array(vectors.prefix(ids.count)), dimension), ids: ids)
        } else {
          try index.add(embeddings(vectors, dimension))
        }
        for (id, vector) in zip(ids, vectors) { model.vectors[id] = vector }
        model.largest = max(model.largest, ids.max() ?? -1)
      case 4..<7:
        let present = model.vectors.keys.sorted().shuffled(using: &random)
        let gone = present.prefix(Int.random(in: 0...60, using: &random))
        #expect(index.remove(ids: Array(gone) + [-5]) == gone.count)
        for id in gone { model.vectors[id] = nil }
      default:
        let queries = draw(Int.random(in: 1...3, using: &random), dimension, &random)
        let k = Int.random(in: 1...20, using: &random)
        guard index.count > 0 else { continue }
        let found = try index.search(embeddings(queries, dimension), k: k)
        for (query, vector) in queries.enumerated() {
          #expect(found[query].ids.elementsEqual(model.nearest(vector, k: k)), "step \(step), query \(query)")
        }
      }
      #expect(index.count == model.vectors.count)
    }
    for (id, vector) in model.vectors {
      #expect(try index.reconstruct(id: id) == (storage == .binary ? vector.map { $0 > 0 ? 1 : -1 } : vector))
      if index.format.scanned == .bits, dimension.isMultiple(of: 8) {
        let bits = try Embeddings(floats: vector, dimension: dimension).binarized().packedBits
        #expect(try index.reconstructBits(id: id) == bits)
      }
    }
  }
}
