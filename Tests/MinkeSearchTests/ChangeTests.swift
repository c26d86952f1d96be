import MinkeCore
import Synchronization
import Testing

@testable import MinkeSearch

@Suite struct ChangeTests {
  static let storages: [VectorIndex.Storage] = [
    .float32, .int8, .binary, .twoStage(rescoring: .float32, oversampling: 1000),
    .twoStage(rescoring: .int8, oversampling: 1000),
  ]

  static func index(_ storage: VectorIndex.Storage, _ dimension: Int) throws -> VectorIndex {
    try VectorIndex(dimension: dimension, metric: storage == .binary ? .hamming : .dot, storage: storage)
  }

  @Test(arguments: storages)
  func `adding and removing in any order leaves the vectors that are left`(storage: VectorIndex.Storage) throws {
    var random = SeededRandom(11)
    let index = try Self.index(storage, 40)
    var plain = PlainSearch(metric: index.metric)
    for round in 0..<40 {
      let count = Int.random(in: 0...60, using: &random)
      let vectors = storage == .binary ? try random.bits(count, 40) : try random.floats(count, 40)
      let next = plain.largest + 1
      if round % 3 == 0 {
        let ids = (0..<count).map { next + Int64(count - $0) * 2 }
        try index.add(vectors, ids: ids)
        plain.add(vectors, ids: ids)
      } else {
        try index.add(vectors)
        plain.add(vectors, ids: (0..<count).map { next + Int64($0) })
      }
      let gone = plain.rows.map(\.id).shuffled(using: &random).prefix(Int.random(in: 0...50, using: &random))
      #expect(index.remove(ids: gone + [-7, 1 << 60]) == gone.count)
      plain.rows.removeAll { gone.contains($0.id) }
      #expect(index.count == plain.rows.count)
      #expect(plain.rows.allSatisfy { index.contains($0.id) } && gone.allSatisfy { !index.contains($0) })
      guard index.count > 0 else { continue }
      let queries = storage == .binary ? try random.bits(3, 40) : try random.floats(3, 40)
      let found = try index.search(queries, k: 9)
      let tolerance = storage == .int8 || storage == .twoStage(rescoring: .int8, oversampling: 1000) ? 0.5 : 1e-4
      #expect(found.agrees(with: plain, queries, tolerance: storage == .binary ? 0 : tolerance))
    }
  }

  @Test func `reconstruct gives back what was added`() throws {
    var random = SeededRandom(12)
    let (floats, bits) = (try random.floats(50, 40), try random.bits(50, 40))
    let exact = try Self.index(.float32, 40)
    let rounded = try Self.index(.int8, 40)
    let binary = try Self.index(.binary, 40)
    let twoStage = try Self.index(.twoStage(rescoring: .float32, oversampling: 2), 40)
    let roundedTwoStage = try Self.index(.twoStage(rescoring: .int8, oversampling: 2), 40)
    for index in [exact, rounded, twoStage, roundedTwoStage] { try index.add(floats) }
    try binary.add(bits)
    for id in 0..<50 {
      let vector = floats[id]
      #expect(try exact.reconstruct(id: Int64(id)) == vector)
      #expect(try twoStage.reconstruct(id: Int64(id)) == vector)
      #expect(try binary.reconstruct(id: Int64(id)) == bits[id])
      #expect(try binary.reconstructBits(id: Int64(id)) == Array(bits.packedBits![id * 5..<id * 5 + 5]))
      #expect(
        try twoStage.reconstructBits(id: Int64(id)) == Array(floats.binarized().packedBits![id * 5..<id * 5 + 5]))
      let step = vector.map(\.magnitude).max()! / 127
      let near = try rounded.reconstruct(id: Int64(id))
      #expect(zip(near, vector).allSatisfy { abs($0 - $1) <= step * 0.5001 })
      #expect(try roundedTwoStage.reconstruct(id: Int64(id)) == near)
    }
  }

  @Test func `cosine holds vectors of length 1`() throws {
    let index = try VectorIndex(dimension: 2, metric: .cosine, storage: .float32)
    try index.add(Embeddings(floats: [3, 4], dimension: 2))
    #expect(try index.reconstruct(id: 0) == [0.6, 0.8])
  }

  @Test func `ids follow the largest so far`() throws {
    let index = try Self.index(.float32, 1)
    try index.add(Embeddings(floats: [1, 2], dimension: 1))
    try index.add(Embeddings(floats: [3], dimension: 1), ids: [10])
    try index.add(Embeddings(floats: [4], dimension: 1))
    index.remove(ids: [11])
    try index.add(Embeddings(floats: [5], dimension: 1), ids: [-3])
    try index.add(Embeddings(floats: [6], dimension: 1))
    #expect(try index.search(Embeddings(floats: [1], dimension: 1), k: 9).ids == [12, -3, 10, 1, 0])
  }

  @Test func `memory is near what the vectors take`() throws {
    var random = SeededRandom(13)
    let index = try Self.index(.binary, 1024)
    #expect(index.byteCount == 0)
    for _ in 0..<100 { try index.add(random.bits(1, 1024)) }
    #expect(index.byteCount >= 100 * 128 && index.byteCount <= 128 * (128 + 8))
    try index.add(Embeddings(packed: [UInt8](repeating: 0, count: 200_000 * 128), dimension: 1024))
    #expect(index.byteCount < 260_000 * (128 + 8))
  }

  @Test func `an index grows over segments and shrinks again`() throws {
    var random = SeededRandom(14)
    let index = try Self.index(.float32, 3000)
    let full = index.snapshot().segmentCapacity
    let vectors = try random.floats(full + 100, 3000)
    try index.add(vectors)
    try index.add(vectors)
    #expect(index.snapshot().segments.count == 3)
    let query = try Embeddings(floats: vectors[full + 50], dimension: 3000)
    #expect(try index.search(query, k: 2).ids == [Int64(full) + 50, 2 * Int64(full) + 150])
    #expect(index.remove(ids: Array(0..<Int64(full) + 100)) == full + 100)
    #expect(try index.search(query, k: 1).ids == [2 * Int64(full) + 150])
    #expect(index.snapshot().segments.count == 2)
    #expect(index.remove(ids: Array(0...4 * Int64(full))) == full + 100)
    #expect(index.count == 0 && index.byteCount == 0)
  }

  @Test func `searches while others add and remove see whole batches`() async throws {
    let index = try Self.index(.float32, 16)
    // A batch is 50 equal vectors, so that a search that sees some of a batch sees it all.
    let one = try Embeddings(floats: (0..<50).flatMap { _ in [Float](repeating: 1, count: 16) }, dimension: 16)
    try index.add(one)
    let query = try Embeddings(floats: [Float](repeating: 1, count: 16), dimension: 16)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask { for _ in 0..<60 { try index.add(one) } }
      }
      for _ in 0..<3 {
        group.addTask {
          for _ in 0..<150 {
            let found = try index.search(query, k: 100_000)
            #expect(found.k % 50 == 0 && found.k >= 50)
            #expect(Set(found.ids).count == found.k)
            #expect(found.scores.allSatisfy { $0 == 16 })
          }
        }
      }
      group.addTask {
        for batch in 1..<40 { index.remove(ids: Array(Int64(batch * 50)..<Int64(batch * 50 + 50))) }
      }
      try await group.waitForAll()
    }
    let found = try await index.search(query, k: 100_000)
    #expect(found.k == index.count && found.k % 50 == 0)
    #expect(found.ids == found.ids.sorted() && found.ids.allSatisfy { index.contains($0) })
  }

  @Test func `a cancelled task neither searches nor adds`() async throws {
    var random = SeededRandom(15)
    let index = try Self.index(.float32, 32)
    let vectors = try random.floats(100, 32)
    try index.add(vectors)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      #expect(throws: CancellationError.self) { try index.search(vectors, k: 1) }
      let other = try Self.index(.float32, 32)
      #expect(throws: CancellationError.self) { try other.add(vectors) }
      #expect(other.count == 0 && !other.contains(0))
    }
    task.cancel()
    try await task.value
  }
}
