import MinkeCore
import Synchronization
import Testing

@Suite struct WorkersTests {
  @Test(arguments: [0, 1, 2, 63, 64, 65, 1000], [1, 7, 64, 5000])
  func `Every element is done once, in pieces that depend on nothing else`(count: Int, grain: Int) throws {
    let pieces = Mutex<[Range<Int>]>([])
    try Workers.forEachPiece(of: count, grain: grain) { piece, worker in
      #expect(worker >= 0 && worker < Workers.count)
      pieces.withLock { $0.append(piece) }
    }
    let sorted = pieces.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
    #expect(sorted == stride(from: 0, to: count, by: grain).map { $0..<min($0 + grain, count) })
  }

  @Test func `The first error ends the work and reaches the caller`() {
    struct Stop: Error {}
    let done = Mutex(0)
    #expect(throws: Stop.self) {
      try Workers.forEachPiece(of: 100_000, grain: 1) { piece, _ in
        done.withLock { $0 += 1 }
        if piece.lowerBound == 10 { throw Stop() }
      }
    }
    #expect(done.withLock { $0 } < 100_000)
  }

  @Test func `A cancelled task stops between pieces`() async {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try Workers.forEachPiece(of: 1_000_000, grain: 1) { _, _ in }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `Map keeps the order`() throws {
    #expect(try Workers.map(count: 1000, grain: 3) { $0 * 2 } == (0..<1000).map { $0 * 2 })
  }
}
