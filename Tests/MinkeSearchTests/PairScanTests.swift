import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeSearch

struct PairScanTests {
  private static func random(_ count: Int, _ dimension: Int, seed: UInt64) throws -> Embeddings {
    var random = SplitMix64(seed: seed)
    return try Embeddings(
      floats: (0..<count * dimension).map { _ in Float(random.unit() - 0.5) }, dimension: dimension)
  }

  private static let formats: [(VectorIndex.Storage, Metric, Int)] = [
    (.float32, .cosine, 18), (.float32, .dot, 7), (.int8, .cosine, 18), (.int8, .dot, 5), (.binary, .hamming, 40),
    (.twoStage(rescoring: .int8, oversampling: 4), .cosine, 21),
  ]

  private static func blocks(
    _ format: VectorBlockFormat, _ vectors: Embeddings, _ first: Int64
  ) throws -> (block: VectorBlock, chunks: [SharedBuffer<UInt8>]) {
    let vectors = format.storage == .binary ? try vectors.binarized() : vectors
    let (bytes, chunks) = try format.write(vectors, 0..<vectors.count)
    let ids = (0..<vectors.count).map { first + 3 * Int64($0) }
    let block = try VectorBlock(UnsafeRawBufferPointer(bytes.pointer), ids: ids, format: format, subject: "block")
    return (block, chunks.map { SharedBuffer($0) })
  }

  @Test(arguments: formats.indices)
  func `pairs are those of a double loop over the numbers held`(_ index: Int) throws {
    let (storage, metric, dimension) = Self.formats[index]
    let format = try VectorBlockFormat(dimension: dimension, metric: metric, storage: storage)
    let (one, chunksOfOne) = try Self.blocks(format, Self.random(430, dimension, seed: 1), 1)
    let (other, chunksOfOther) = try Self.blocks(format, Self.random(141, dimension, seed: 2), 10_000)
    let (removedOfOne, removedOfOther) = ([0, 5, 16, 429], [140])
    let isBits = storage == .binary || dimension == 21
    func vectors(_ block: VectorBlock, _ chunks: [SharedBuffer<UInt8>], _ removed: [Int]) throws -> [(Int64, [Float])] {
      let numbers = try block.numbers(chunks)
      return (0..<block.count).filter { !removed.contains($0) }.map { position in
        let vector = Array(numbers[position * dimension..<(position + 1) * dimension])
        return (block.id(at: position), isBits ? vector.map { $0 > 0 ? 1 : -1 } : vector)
      }
    }
    func score(_ a: [Float], _ b: [Float]) -> Double {
      let product = zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      let lengths = [a, b].map { $0.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
      return metric == .dot ? product : product / (lengths[0] * lengths[1])
    }
    let all = try vectors(one, chunksOfOne, removedOfOne)
    let others = try vectors(other, chunksOfOther, removedOfOther)
    let both = all + others
    var exact: [(ids: [Int64], score: Double)] = []
    for (place, a) in both.enumerated() {
      for b in both[(place + 1)...] { exact.append(([a.0, b.0], score(a.1, b.1))) }
    }
    let threshold: Float = metric == .dot ? 0.3 : isBits ? 0.5 : 0.6
    for level in KernelLevel.available {
      let scan = PairScan(format, threshold: threshold, kernels: level)
      let blocks = [
        PairBlock(one, lanes: one.lanes(without: removedOfOne)),
        PairBlock(other, lanes: other.lanes(without: removedOfOther)),
      ]
      var found: [[Int64]: Float] = [:]
      for (place, block) in blocks.enumerated() {
        try scan.forEachPair(of: block, and: Array(blocks[place...])) { pair in
          #expect(pair.first < pair.second && found[[pair.first, pair.second]] == nil)
          found[[pair.first, pair.second]] = pair.similarity
        }
      }
      // What lies within rounding of the threshold may be either.
      let expected = exact.filter { $0.score >= Double(threshold) + 1e-5 }
      let wrong = expected.filter { pair in found[pair.ids].map { abs(Double($0) - pair.score) > 1e-5 } ?? true }
      let allowed = Set(exact.lazy.filter { $0.score >= Double(threshold) - 1e-5 }.map(\.ids))
      #expect(wrong.isEmpty && expected.count > 50)
      #expect(Set(found.keys).isSubset(of: allowed))
    }
  }

  @Test func `numbers of a block make the same block again`() throws {
    for (storage, metric, dimension) in Self.formats {
      let format = try VectorBlockFormat(dimension: dimension, metric: metric, storage: storage)
      let (block, chunks) = try Self.blocks(format, Self.random(150, dimension, seed: 3), 1)
      let numbers = try Embeddings(floats: block.numbers(chunks), dimension: dimension)
      let (again, moreChunks) = try Self.blocks(format.keepingLengths(), numbers, 1)
      let values = try again.numbers(moreChunks)
      for (one, other) in zip(numbers.floats ?? [], values) { #expect(abs(one - other) <= 2e-7 * abs(one)) }
      if storage == .binary || dimension == 21 {
        #expect((0..<150).allSatisfy { block.packedBits(at: $0) == again.packedBits(at: $0) })
      }
      #expect(try block.unsoundPositions(chunks).isEmpty)
    }
  }
}
