import MinkeCore
import Testing

@Suite struct EmbeddingsTests {
  private let floats = try! Embeddings(floats: [3, 4, 0, 0, 0, 0, 1, -1, 2], dimension: 3)

  @Test func `Truncating keeps the front of every row`() throws {
    #expect(try floats.truncated(to: 2).floats == [3, 4, 0, 0, 1, -1])
    #expect(throws: MinkeError.self) { try floats.truncated(to: 4) }
    #expect(throws: MinkeError.self) { try floats.truncated(to: 0) }
    let bits = try Embeddings(packed: [0xf0, 0x01, 0x80, 0xff], dimension: 16)
    #expect(try bits.truncated(to: 8).packedBits == [0xf0, 0x80])
    #expect(throws: MinkeError.self) { try bits.truncated(to: 12) }
  }

  @Test func `Normalizing gives length 1 and leaves zero alone`() throws {
    #expect(try floats.normalized()[0] == [0.6, 0.8, 0])
    #expect(try floats.normalized()[1] == [0, 0, 0])
  }

  @Test func `Bits are the signs, first dimension in the highest bit`() throws {
    let vector = try Embeddings(floats: [1, -1, 0.5, 0, 2, -3, 1e-9, -0.0], dimension: 8)
    let bits = try vector.binarized()
    #expect(bits.packedBits == [0b1010_1010])
    #expect(bits[0] == [1, -1, 1, -1, 1, -1, 1, -1])
    #expect(throws: MinkeError.self) { try floats.binarized() }
  }

  @Test func `Similarities are cosines, of numbers and of signs`() throws {
    let similarity = try floats.similarities(to: floats)
    #expect(similarity.count == 9 && abs(similarity[0] - 1) < 1e-6 && similarity[1] == 0)
    #expect(abs(similarity[2] - (0.6 - 0.8) / Float(6).squareRoot()) < 1e-6)
    let bits = try Embeddings(packed: [0xff, 0x0f, 0x00], dimension: 8)
    #expect(try bits.similarities(to: bits) == [1, 0, -1, 0, 1, 0, -1, 0, 1])
    #expect(throws: MinkeError.self) { try bits.similarities(to: floats) }
  }

  @Test(arguments: KernelLevel.available, [1, 8, 100, 1030])
  func `Similarities are within 1e-6 of the exact cosine`(level: KernelLevel, dimension: Int) throws {
    var random = SplitMix64(seed: UInt64(dimension))
    func vectors(_ count: Int) throws -> Embeddings {
      try Embeddings(
        floats: (0..<count * dimension).map { _ in Float(2 * random.unit() - 0.9) }, dimension: dimension)
    }
    for (rows, columns) in [(1, 1), (4, 33), (260, 2)] {
      let (left, right) = (try vectors(rows), try vectors(columns))
      let found = try left.similarities(to: right, kernels: level)
      #expect(found.count == rows * columns)
      for row in 0..<rows {
        for column in 0..<columns {
          let (a, b) = (left[row], right[column])
          var (product, lengths) = (0.0, (0.0, 0.0))
          for index in 0..<dimension {
            product += Double(a[index]) * Double(b[index])
            lengths.0 += Double(a[index]) * Double(a[index])
            lengths.1 += Double(b[index]) * Double(b[index])
          }
          let exact = product / (lengths.0 * lengths.1).squareRoot()
          #expect(abs(Double(found[row * columns + column]) - exact) < 1e-6)
        }
      }
      let back = try right.similarities(to: left, kernels: level)
      #expect(
        (0..<rows).allSatisfy { row in (0..<columns).allSatisfy { found[row * columns + $0] == back[$0 * rows + row] } }
      )
    }
  }

  @Test(arguments: KernelLevel.available, [8, 24, 1032])
  func `Similarities of bits are exact`(level: KernelLevel, dimension: Int) throws {
    var random = SplitMix64(seed: UInt64(dimension))
    func vectors(_ count: Int) throws -> Embeddings {
      try Embeddings(
        packed: (0..<count * dimension / 8).map { _ in UInt8(truncatingIfNeeded: random.next()) }, dimension: dimension)
    }
    for (rows, columns) in [(1, 1), (2, 300), (17, 15)] {
      let (left, right) = (try vectors(rows), try vectors(columns))
      let found = try left.similarities(to: right, kernels: level)
      for row in 0..<rows {
        for column in 0..<columns {
          let different = zip(left[row], right[column]).count { $0 != $1 }
          #expect(found[row * columns + column] == 1 - 2 * Float(different) / Float(dimension))
        }
      }
    }
  }

  @Test func `Nothing is compared with nothing, and a cancelled task compares nothing`() async throws {
    let none = try Embeddings(floats: [], dimension: 3)
    #expect(try none.similarities(to: floats) == [] && floats.similarities(to: none) == [])
    #expect(try none.normalized() == none && none.truncated(to: 2).count == 0)
    let floats = floats
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      #expect(throws: CancellationError.self) { try floats.similarities(to: floats) }
      #expect(throws: CancellationError.self) { try floats.normalized() }
    }
    task.cancel()
    await task.value
  }

  @Test func `Lengths are those of double precision, also of huge and tiny numbers`() throws {
    for scale in [1e-38, 1e-30, 1, 5e37] as [Float] {
      let vector = try Embeddings(floats: [3 * scale, -4 * scale, 0], dimension: 3).normalized()
      #expect(zip(vector[0], [0.6, -0.8, 0]).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  @Test func `Batches are joined and taken apart`() throws {
    var all = floats.rows(0..<1)
    try all.append(floats.rows(1..<3))
    #expect(all == floats)
    #expect(throws: MinkeError.self) { try all.append(Embeddings(packed: [1, 2, 3], dimension: 8)) }
    #expect(all == floats)
  }

  @Test func `Numbers that fill no whole rows are refused`() {
    #expect(throws: MinkeError.self) { try Embeddings(floats: [1, 2, 3], dimension: 2) }
    #expect(throws: MinkeError.self) { try Embeddings(floats: [], dimension: 0) }
    #expect(throws: MinkeError.self) { try Embeddings(packed: [1], dimension: 12) }
  }
}
