import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeSearch

@Suite struct IndexFileTests {
  static let storages: [VectorIndex.Storage] = [
    .float32, .int8, .binary, .twoStage(rescoring: .float32, oversampling: 3),
    .twoStage(rescoring: .int8, oversampling: 7),
  ]

  private static func index(
    _ storage: VectorIndex.Storage, count: Int, dimension: Int, segmentBlocks: Int?, random: inout SeededRandom
  ) throws -> VectorIndex {
    let index = try VectorIndex(
      dimension: dimension, metric: storage == .binary ? .hamming : .cosine, storage: storage, kernels: .active,
      segmentBlocks: segmentBlocks)
    try index.add(vectors(storage, count, dimension, &random))
    return index
  }

  private static func vectors(
    _ storage: VectorIndex.Storage, _ count: Int, _ dimension: Int, _ random: inout SeededRandom
  ) throws -> Embeddings {
    storage == .binary ? try random.bits(count, dimension) : try random.floats(count, dimension)
  }

  @Test(arguments: storages, [0, 1, 17, 64, 200])
  func `a mapped index finds what the written one did, and can be changed`(
    storage: VectorIndex.Storage, count: Int
  ) throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.index")
      var random = SeededRandom(61)
      let index = try Self.index(storage, count: count, dimension: 40, segmentBlocks: 4, random: &random)
      index.remove(ids: [3, 5, 150])
      try index.write(to: url)
      let bytes = try Data(contentsOf: url)
      let mapped = try VectorIndex(contentsOf: url)
      let queries = try Self.vectors(storage, 5, 40, &random)
      #expect(mapped.storage == storage && mapped.metric == index.metric && mapped.dimension == 40)
      #expect(mapped.ids == index.ids)
      #expect(try mapped.search(queries, k: 9) == index.search(queries, k: 9))
      #expect(mapped.contains(3) == false && mapped.contains(0) == index.contains(0))
      // Both change in the same way, and the file does not.
      for each in [index, mapped] {
        var random = SeededRandom(62)
        #expect(each.remove(ids: [1, 60, 61, 7, 190]) >= 0)
        try each.add(Self.vectors(storage, 90, 40, &random))
        try each.upsert(Self.vectors(storage, 3, 40, &random), ids: [0, 2, 9_999])
      }
      #expect(mapped.ids == index.ids)
      #expect(try mapped.search(queries, k: 300) == index.search(queries, k: 300))
      #expect(try Data(contentsOf: url) == bytes)
      // A changed copy goes to the place of the file that it is mapped from.
      try mapped.write(to: url)
      #expect(try VectorIndex(contentsOf: url).search(queries, k: 300) == index.search(queries, k: 300))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.index"])
    }
  }

  @Test func `ids go on after the largest that was ever there`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.index")
      let index = try VectorIndex(dimension: 1, metric: .dot, storage: .float32)
      try index.add(Embeddings(floats: [1, 2, 3], dimension: 1))
      index.remove(ids: [2])
      try index.write(to: url)
      #expect(try VectorIndex(contentsOf: url).add(Embeddings(floats: [4], dimension: 1)) == [3])
    }
  }

  @Test func `what was removed is not in the file`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.index")
      let index = try VectorIndex(dimension: 8, metric: .dot, storage: .float32)
      try index.add(Embeddings(floats: (0..<80).map { _ in 12_345 }, dimension: 8))
      try index.add(Embeddings(floats: [Float](repeating: 1, count: 8), dimension: 8))
      index.remove(ids: Array(0..<10))
      try index.write(to: url)
      let secret = withUnsafeBytes(of: Float(12_345)) { Data($0) }
      #expect(try Data(contentsOf: url).range(of: secret) == nil)
    }
  }

  @Test func `a file that is cut short, longer, damaged or another is an error`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.index")
      var random = SeededRandom(63)
      let index = try Self.index(.int8, count: 20, dimension: 9, segmentBlocks: 1, random: &random)
      try index.write(to: url)
      let whole = try Data(contentsOf: url)
      func kind(_ bytes: Data) throws -> MinkeError.Kind? {
        try bytes.write(to: url)
        return ErrorTests.kind { _ = try VectorIndex(contentsOf: url) }
      }
      for count in Array(0..<140) + [whole.count - 1] { #expect(try kind(whole.prefix(count)) == .malformedFile) }
      #expect(try kind(whole + [0]) == .malformedFile)
      #expect(try kind(Data("PK and something else, long enough".utf8)) == .malformedFile)
      for byte in 0..<128 {
        var damaged = whole
        damaged[byte] ^= 0x41
        #expect([.malformedFile, .unsupportedFile].contains(try kind(damaged)), "byte \(byte)")
      }
      #expect(ErrorTests.kind { _ = try VectorIndex(contentsOf: folder.appendingPathComponent("no")) } == .notFound)
      #expect(ErrorTests.kind { _ = try VectorIndex(contentsOf: folder) } == .inputOutput)
      try whole.write(to: url)
      #expect(try VectorIndex(contentsOf: url).count == 20)
    }
  }

  @Test func `damaged vectors give finite scores`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.index")
      var random = SeededRandom(64)
      for storage in Self.storages {
        let index = try Self.index(storage, count: 50, dimension: 16, segmentBlocks: nil, random: &random)
        try index.write(to: url)
        var bytes = try Data(contentsOf: url)
        for place in 128..<bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) | 0x70 }
        try bytes.write(to: url)
        let damaged = try VectorIndex(contentsOf: url)
        let found = try damaged.search(Self.vectors(storage, 3, 16, &random), k: 50)
        #expect(found.k == 50 && found.scores.allSatisfy(\.isFinite))
        damaged.remove(ids: damaged.ids)
      }
    }
  }

  @Test func `nothing is written when the task was cancelled`() async throws {
    var random = SeededRandom(65)
    let index = try Self.index(.float32, count: 20, dimension: 9, segmentBlocks: nil, random: &random)
    let task = Task<Void, any Error> {
      while !Task.isCancelled { await Task.yield() }
      try Fixture.withTemporaryFolder { folder in
        #expect(throws: CancellationError.self) { try index.write(to: folder.appendingPathComponent("x")) }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left.isEmpty)
      }
    }
    task.cancel()
    try await task.value
  }
}
