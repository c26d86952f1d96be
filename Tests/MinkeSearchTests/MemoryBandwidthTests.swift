import MinkeCore
import MinkeKernels
import Testing

@testable import MinkeSearch

@Suite struct MemoryBandwidthTests {
  @Test(arguments: KernelLevel.available)
  func `a read touches every word once`(level: KernelLevel) {
    let words = AlignedBuffer<UInt64>(uninitialized: 64 * 37)
    var random = SeededRandom(21)
    var expected: UInt64 = 0
    for index in 0..<words.count {
      words.baseAddress[index] = random.next()
      expected ^= words.baseAddress[index]
    }
    #expect(minke_scan(level.rawLevel).pointee.read(words.baseAddress, words.count * 8) == expected)
  }

  @Test func `bandwidth is a positive number, and bad arguments are errors`() throws {
    #expect(try MemoryBandwidth.measure(bytes: 1, passes: 1) > 0)
    #expect(try MemoryBandwidth.measure(bytes: 3_000_000, passes: 2) > 0)
    #expect(throws: MinkeError.self) { try MemoryBandwidth.measure(bytes: 0) }
    #expect(throws: MinkeError.self) { try MemoryBandwidth.measure(bytes: Int.max) }
    #expect(throws: MinkeError.self) { try MemoryBandwidth.measure(bytes: 10, passes: 0) }
  }
}
