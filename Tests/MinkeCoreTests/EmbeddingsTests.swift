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
